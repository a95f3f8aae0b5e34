"""`nanobot new integration`: what it makes works at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from nanobot.cli import new
from nanobot.hub.entry import EntryState
from nanobot.testing.plugin import House


async def test_a_new_integration_runs_as_it_is(house: House, capsys: pytest.CaptureFixture[str]) -> None:
    assert new.create(house.config_dir, "water_tank") == 0
    assert "water_tank:" in capsys.readouterr().out
    (house.config_dir / "level").write_text("7")
    await house.start(f"water_tank:\n  file: {house.config_dir / 'level'}\n")
    assert house.edits.problems == ()
    assert house.entry("water_tank").state is EntryState.LOADED
    state = house.hub.states.get("sensor.water_tank")
    assert state is not None
    assert state.state == "7.0"
    assert "water_tank" in house.loader.names()
    left = [p for p in (house.config_dir / "integrations").rglob("*") if p.is_file() and "_template" in p.read_text()]
    assert left == []


def test_nothing_is_overwritten(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert new.create(tmp_path, "tank") == 0
    (tmp_path / "integrations" / "tank" / "__init__.py").write_text("mine")
    assert new.create(tmp_path, "tank") == 1
    assert "is there already" in capsys.readouterr().err
    assert (tmp_path / "integrations" / "tank" / "__init__.py").read_text() == "mine"


@pytest.mark.parametrize("name", ["", "Tank", "1tank", "water tank", "../tank", "tänk", "x" * 50])
def test_an_impossible_name_is_refused(tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert new.create(tmp_path, name) == 2
    assert "cannot be the name of an integration" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["http", "nanobot", "homeassistant", "class"])
def test_a_name_that_means_something_already_is_refused(
    tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert new.create(tmp_path, name) == 2
    assert capsys.readouterr().err == f"'{name}' is taken; give yours another name\n"
    assert list(tmp_path.iterdir()) == []
