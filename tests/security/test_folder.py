"""What lies on the disk: not for other users, and not a way out of the folder."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from nanobot.errors import ConfigError
from nanobot.lifecycle import requirements
from nanobot.lifecycle.loader import Loader
from nanobot.util.yaml import Unparsable, parse
from tests.cli.conftest import Nanobot


def test_nothing_in_storage_is_open_to_others_whatever_the_umask(nanobot: Nanobot) -> None:
    before = os.umask(0)
    try:
        nanobot.write("assist:\nconsole:\nhttp:\n  port: 0\nwebchat:\n")
        nanobot.start()
        nanobot("token", "create", "--name", "phone")
        nanobot("chat", "-m", "hello")
    finally:
        os.umask(before)
    storage = nanobot.folder / ".storage"
    names = {path.relative_to(storage): path.lstat().st_mode for path in [storage, *storage.rglob("*")]}
    assert (storage / "auth.json").exists()
    assert (storage / "hub.db").exists()
    assert stat.S_IMODE(names[Path()]) == 0o700
    assert {name for name, mode in names.items() if mode & 0o077} == set()
    assert (nanobot.folder / "nanobot.log").stat().st_mode & 0o077 == 0


def test_a_storage_folder_that_was_too_open_is_closed(nanobot: Nanobot) -> None:
    nanobot.write("assist:\n")
    storage = nanobot.folder / ".storage"
    storage.mkdir()
    storage.chmod(0o755)
    nanobot.start()
    assert stat.S_IMODE(storage.stat().st_mode) == 0o700


@pytest.mark.parametrize(
    "text",
    [
        "--index-url=https://evil.example",
        "-r /etc/passwd",
        " --extra-index-url=https://evil.example",
        "x==1 --index-url=https://evil.example",
        "x==1\n--index-url=https://evil.example",
        "./local",
        "/tmp/evil.whl",
        "https://evil.example/x.whl",
    ],
)
def test_a_requirement_is_never_an_option_of_the_installer(text: str) -> None:
    with pytest.raises(ConfigError):
        requirements.missing([text])


@pytest.mark.parametrize("name", ["..", ".", "a b", "a.b", "Ab", "a/b", "../evil", "__pycache__", "", "ä"])
def test_a_folder_with_a_strange_name_is_no_integration(tmp_path: Path, name: str) -> None:
    if name and "/" not in name:
        (tmp_path / "integrations" / name).mkdir(parents=True, exist_ok=True)
    assert Loader(tmp_path).find(name) is None


@pytest.mark.parametrize(
    "text",
    [
        "a: &a [x,x,x,x,x,x,x,x,x]\n"
        + "".join(f"{chr(98 + i)}: &{chr(98 + i)} [{','.join(['*' + chr(97 + i)] * 9)}]\n" for i in range(12)),
        "[" * 5000,
        "a: " + "{b: " * 3000,
    ],
    ids=["aliases", "lists", "mappings"],
)
def test_a_yaml_bomb_is_refused(text: str) -> None:
    with pytest.raises(Unparsable):
        parse(text)


@pytest.mark.parametrize("tag", ["!!python/object/apply:os.system ['id']", "!!python/name:os.system", "!!python/none"])
def test_yaml_makes_no_python_objects(tag: str) -> None:
    assert "os" not in repr(parse(f"a: {tag}\n").data).replace("pos", "")
