"""Words in the language of whoever reads them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from nanobot.util.translate import Words


@pytest.fixture
def words(tmp_path: Path) -> Words:
    core, user, lamp = tmp_path / "core", tmp_path / "user", tmp_path / "lamp"
    write(core / "en.json", {"hello": "Hello {name}", "only": {"english": "English"}, "deep": {"a": "A", "b": "B"}})
    write(core / "de.json", {"hello": "Hallo {name}"})
    write(user / "en.json", {"deep": {"b": "mine"}})
    write(lamp / "translations" / "en.json", {"title": "Lamp"})
    words = Words()
    words.mount([(None, core), (None, user), ("lamp", lamp)])
    return words


def write(path: Path, texts: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(texts), encoding="utf-8")


@pytest.mark.parametrize(
    ("key", "language", "text"),
    [
        ("hello", "de", "Hallo Ann"),
        ("hello", "de-AT", "Hallo Ann"),
        ("hello", "en", "Hello Ann"),
        ("only.english", "de", "English"),
        ("deep.a", "en", "A"),
        ("deep.b", "en", "mine"),
        ("deep", "en", "deep"),
        ("not.there", "en", "not.there"),
        ("component.lamp.title", "fr", "Lamp"),
        ("component.other.title", "fr", "component.other.title"),
    ],
)
def test_a_text_is_found(words: Words, key: str, language: str, text: str) -> None:
    assert words.translate(key, language, {"name": "Ann"}) == text


def test_placeholders_are_filled_once_and_unknown_ones_stay(words: Words) -> None:
    assert words.translate("hello", "en", {"name": "{name}"}) == "Hello {name}"
    assert words.translate("hello", "en", {}) == "Hello {name}"


def test_an_edited_file_counts_after_a_reload(words: Words, tmp_path: Path) -> None:
    assert words.translate("hello", "de", {"name": "x"}) == "Hallo x"
    write(tmp_path / "core" / "de.json", {"hello": "Servus {name}"})
    words.reload()
    assert words.translate("hello", "de", {"name": "x"}) == "Servus x"


def test_a_broken_file_leaves_the_other_languages(
    words: Words, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "core" / "de.json").write_text("{", encoding="utf-8")
    assert words.translate("hello", "de", {"name": "x"}) == "Hello x"
    assert "de.json cannot be read" in caplog.text


def test_a_folder_that_is_mounted_again_wins(words: Words, tmp_path: Path) -> None:
    words.mount([(None, tmp_path / "core")])
    assert words.translate("deep.b", "en", {}) == "B"
    words.unmount([(None, tmp_path / "core")])
    assert words.translate("deep.b", "en", {}) == "mine"
    assert words.translate("hello", "en", {}) == "hello"
