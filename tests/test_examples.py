"""Every example that ships is one to start from: it passes the check, says so to editors, and runs."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from nanobot.cli import check
from nanobot.hub.entry import EntryState
from nanobot.testing.plugin import House
from tests.servers.running import running

ROOT = Path(__file__).parent.parent
EXAMPLES = sorted(path.parent for path in (ROOT / "config-examples").glob("*/configuration.yaml"))


@pytest.fixture(params=EXAMPLES, ids=lambda path: path.name)
def example(request: pytest.FixtureRequest) -> Path:
    folder: Path = request.param
    return folder


def test_those_that_people_begin_with_ship() -> None:
    assert {"quickstart", "minimal", "telegram"} <= {path.name for path in EXAMPLES}


def test_it_passes_the_check(example: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert check.run(example, as_json=True) == 0, capsys.readouterr().out
    report = json.loads(capsys.readouterr().out)
    assert report["problems"] == []
    assert report["entries"]


def test_editors_find_the_schema(example: Path) -> None:
    first = (example / "configuration.yaml").read_text(encoding="utf-8").splitlines()[0]
    assert first == "# yaml-language-server: $schema=./.storage/schema.json"


@pytest.fixture
def files(example: Path) -> Iterator[dict[str, str]]:
    """The files of an example by their names; its Telegram and its Home Assistant are on this machine."""
    found = {
        str(path.relative_to(example)): path.read_text(encoding="utf-8")
        for path in example.rglob("*")
        if path.is_file()
    }
    main = found["configuration.yaml"]
    if "\nhome_assistant:\n" in main:
        with running("home_assistant") as server:
            found["configuration.yaml"] = re.sub(r"(?m)^  url: .*", f"  url: {server.info['base_url']}", main)
            found["secrets.yaml"] = f"ha_token: {server.info['token']}\n"
            yield found
        return
    if "\ntelegram:\n" not in main:
        yield found
        return
    token = yaml.safe_load(found["secrets.yaml"])["telegram_token"]
    with running("telegram", "--token", token) as server:
        found["configuration.yaml"] = re.sub(
            r"\ntelegram:\n", f"\ntelegram:\n  base_url: {server.info['base_url']}\n", main
        )
        yield found


async def test_everything_in_it_is_loaded(files: dict[str, str], house: House) -> None:
    for name, text in files.items():
        house.write(text, name)
    house.hub.port_override = 0
    await house.start()
    assert {entry.id: entry.state for entry in house.hub.entries.values()} == dict.fromkeys(
        house.hub.entries, EntryState.LOADED
    )
    unavailable = [state.entity_id for state in house.hub.states if state.state == "unavailable"]
    assert not unavailable
    assert [issue.text() for issue in house.hub.issues] == []
