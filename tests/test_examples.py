"""Every example that ships is one to start from: it passes the check, says so to editors, and runs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from nanobot.cli import check
from nanobot.hub.entry import EntryState
from nanobot.testing.plugin import House

ROOT = Path(__file__).parent.parent
EXAMPLES = sorted(path.parent for path in (ROOT / "config-examples").glob("*/configuration.yaml"))


@pytest.fixture(params=EXAMPLES, ids=lambda path: path.name)
def example(request: pytest.FixtureRequest) -> Path:
    folder: Path = request.param
    return folder


def test_quickstart_and_minimal_ship() -> None:
    assert {"quickstart", "minimal"} <= {path.name for path in EXAMPLES}


def test_it_passes_the_check(example: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert check.run(example, as_json=True) == 0, capsys.readouterr().out
    report = json.loads(capsys.readouterr().out)
    assert report["problems"] == []
    assert report["entries"]


def test_editors_find_the_schema(example: Path) -> None:
    first = (example / "configuration.yaml").read_text(encoding="utf-8").splitlines()[0]
    assert first == "# yaml-language-server: $schema=./.storage/schema.json"


async def test_everything_in_it_is_loaded(house: House, example: Path) -> None:
    for path in example.rglob("*"):
        if path.is_file():
            house.write(path.read_text(encoding="utf-8"), str(path.relative_to(example)))
    house.hub.port_override = 0
    await house.start()
    assert {entry.id: entry.state for entry in house.hub.entries.values()} == dict.fromkeys(
        house.hub.entries, EntryState.LOADED
    )
    unavailable = [state.entity_id for state in house.hub.states if state.state == "unavailable"]
    assert not unavailable
    assert [issue.text() for issue in house.hub.issues] == []
