"""The model integration, tested the way an integration should be."""

from __future__ import annotations

from pathlib import Path

import pytest

from nanobot.hub.entry import EntryState
from nanobot.testing.plugin import House, SetUp


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "number"
    file.write_text("21.5 degrees\n")
    return file


async def test_the_number_is_shown(house: House, set_up: SetUp, file: Path) -> None:
    await set_up("_template", {"file": str(file), "name": "Cellar"})
    state = house.hub.states.get("sensor._template") or house.hub.states.get("sensor.template")
    assert state is not None
    assert state.state == "21.5"
    assert state.attributes["friendly_name"] == "Cellar"


async def test_the_service_reads_it_at_once(house: House, set_up: SetUp, file: Path) -> None:
    await set_up("_template", {"file": str(file)})
    file.write_text("22")
    answer = await house.hub.services.call("_template", "read", return_response=True)
    assert answer == {"value": 22.0}


async def test_a_new_name_needs_no_restart(house: House, set_up: SetUp, file: Path) -> None:
    entry = await set_up("_template", {"file": str(file)})
    assert await set_up("_template", {"file": str(file), "name": "Attic"}) is entry
    assert await set_up("_template", {"file": str(file), "name": "Attic", "every": 5}) is not entry


async def test_a_missing_file_is_waited_for(house: House, file: Path) -> None:
    await house.start(f"_template:\n  file: {file}.missing\n")
    entry = house.entry("_template")
    assert entry.state is EntryState.RETRYING
    assert entry.error == f"{file}.missing is not there"


async def test_a_file_without_a_number_is_the_users_to_mend(house: House, file: Path) -> None:
    file.write_text("none\n")
    await house.start(f"_template:\n  file: {file}\n")
    entry = house.entry("_template")
    assert entry.state is EntryState.FAILED
    assert entry.error == f"{file} does not begin with a number"


async def test_a_wrong_option_is_named_with_its_line(house: House, file: Path) -> None:
    await house.start(f"_template:\n  file: {file}\n  evry: 5\n")
    (problem,) = house.edits.problems
    assert str(problem) == "configuration.yaml:3: _template > evry: unknown option; did you mean 'every'?"
