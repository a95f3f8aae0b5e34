"""`nanobot prompt`, `skill` and `memory`, asked of a running hub."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from .conftest import Nanobot


@pytest.fixture(scope="module")
def nanobot(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nanobot]:
    nanobot = Nanobot(Path(tmp_path_factory.mktemp("prompt")) / "config")
    nanobot.write("files:\nskills:\nmemory:\nagent:\n")
    tea = nanobot.folder / "workspace" / "skills" / "tea"
    tea.mkdir(parents=True)
    (tea / "SKILL.md").write_text("---\nname: tea\ndescription: Make tea.\n---\nBoil water.\n")
    anna = nanobot.folder / "memory" / "people" / "telegram~7"
    anna.mkdir(parents=True)
    (anna / "MEMORY.md").write_text("- Anna is allergic to nuts. <!-- id=abc234 date=2026-11-21 from=telegram:7 -->\n")
    nanobot.start()
    yield nanobot
    nanobot.kill()


def test_a_skill_is_listed_shown_and_trusted(nanobot: Nanobot) -> None:
    listed = nanobot("skill", "list")
    assert "nanobot skill trust tea" in listed.stdout
    assert "weather" in listed.stdout
    shown = nanobot("skill", "show", "tea").stdout
    assert shown.startswith("tea: Make tea.\n")
    assert shown.endswith("\nBoil water.\n")
    assert nanobot("skill", "trust", "tea").returncode == 0
    tea = next(one for one in json.loads(nanobot("skill", "list", "--json").stdout) if one["name"] == "tea")
    assert tea["unavailable"] is None


def test_a_fact_is_found_forgotten_and_brought_back(nanobot: Nanobot) -> None:
    assert nanobot("memory", "search", "nuts").stdout.startswith("abc234   Anna is allergic to nuts.  (telegram~7")
    assert nanobot("memory", "forget", "abc234").stdout == "Forgotten: Anna is allergic to nuts.\n"
    assert nanobot("memory", "search", "nuts").stdout == "Nothing is remembered there.\n"
    assert "+ - Anna is allergic to nuts." in nanobot("memory", "undo").stdout
    assert "allergic" in nanobot("memory", "show", "--person", "telegram:7").stdout


def test_a_prompt_needs_a_session(nanobot: Nanobot) -> None:
    told = nanobot("prompt")
    assert told.returncode == 1
    assert told.stderr.strip().endswith("nobody has written to nanobot yet, so there is no session to show")
