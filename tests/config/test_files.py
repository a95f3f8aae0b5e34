"""Parsed files are remembered, but never for too long."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from nanobot.config import files as module
from nanobot.config.files import Files
from nanobot.util.yaml import parse


@pytest.fixture
def parsed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The contents that were parsed."""
    seen: list[str] = []

    def note(content: str) -> object:
        seen.append(content)
        return parse(content)

    monkeypatch.setattr(module, "parse", note)
    return seen


def age(path: Path) -> None:
    """Let the last edit be a minute ago, as far as the file can tell."""
    module_time = path.stat().st_mtime_ns - 60_000_000_000
    os.utime(path, ns=(module_time, module_time))


def test_an_unchanged_file_is_parsed_once(tmp_path: Path, parsed: list[str]) -> None:
    files, path = Files(), tmp_path / "a.yaml"
    path.write_text("a: 1")
    first = files.read(path)
    for _ in range(3):
        assert files.read(path).document is first.document
    assert parsed == ["a: 1"]


def test_an_edit_within_the_same_tick_is_seen(tmp_path: Path) -> None:
    files, path = Files(), tmp_path / "a.yaml"
    path.write_text("a: 1")
    stat = path.stat()
    assert files.read(path).document.data == {"a": 1}  # type: ignore[union-attr]
    path.write_text("a: 2")
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))  # a clock that stood still
    assert files.read(path).document.data == {"a": 2}  # type: ignore[union-attr]


def test_a_file_written_anew_with_the_same_content_is_not_parsed_again(tmp_path: Path, parsed: list[str]) -> None:
    files, path = Files(), tmp_path / "a.yaml"
    path.write_text("a: 1")
    files.read(path)
    (tmp_path / "b").write_text("a: 1")
    (tmp_path / "b").replace(path)
    files.read(path)
    assert len(parsed) == 1


def test_an_atomic_replacement_is_seen(tmp_path: Path) -> None:
    files, path = Files(), tmp_path / "a.yaml"
    path.write_text("a: 1")
    age(path)
    files.read(path)
    (tmp_path / "b").write_text("a: 2")
    age(tmp_path / "b")
    (tmp_path / "b").replace(path)
    assert files.read(path).document.data == {"a": 2}  # type: ignore[union-attr]


def test_what_cannot_be_read_comes_with_its_last_good_content(tmp_path: Path) -> None:
    files, path = Files(), tmp_path / "a.yaml"
    assert files.read(path).fault.key == "file_missing"  # type: ignore[union-attr]
    path.write_text("a: 1")
    good = files.read(path).document
    path.write_text("a: [")
    broken = files.read(path)
    assert broken.document is good
    assert broken.fault is not None
    assert files.read(path).fault is not None
    path.unlink()
    assert files.read(path).document is good
    path.write_text("a: 3")
    assert files.read(path).fault is None


def test_only_the_files_of_the_last_load_are_kept(tmp_path: Path, parsed: list[str]) -> None:
    files, path = Files(), tmp_path / "a.yaml"
    path.write_text("a: 1")
    files.read(path)
    files.keep_only([])
    files.read(path)
    assert len(parsed) == 2


@pytest.mark.parametrize("name", ["folder", "a\0b"])
def test_what_is_no_file(tmp_path: Path, name: str) -> None:
    (tmp_path / "folder").mkdir()
    assert Files().read(tmp_path / name).fault is not None
