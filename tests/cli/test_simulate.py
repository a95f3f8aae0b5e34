"""``nanobot simulate``: recorded history played through an automation as it is written now."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nanobot.cli import simulate
from nanobot.errors import NanobotError
from nanobot.testing.plugin import House
from nanobot.util.aio import in_thread
from tests.cli.conftest import Nanobot

DAY = 86_400.0  # s
CONFIG = """\
nanobot: {time_zone: UTC}
recorder: {commit_interval: 0}
automation:
  - id: hot
    alias: Too hot
    triggers:
      - trigger: numeric_state
        entity_id: sensor.oven
        above: 100
    conditions: "{{ is_state('input_boolean.away', 'on') }}"
    actions:
      - action: light.turn_on
        data: {brightness: "{{ states('sensor.oven') | int }}"}
"""
EDITED = CONFIG.replace("above: 100", "above: 50\n        for: {hours: 1}").replace(
    '"{{ states(\'sensor.oven\') | int }}"}', '"{{ states(\'sensor.oven\') | int }}"}\n      - delay: "00:30:00"\n      - say: hot\n        channel: tg\n        chat: "1"'  # noqa: E501
)  # fmt: skip

Simulated = Callable[..., Any]


@pytest.fixture(autouse=True)
def english(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LC_ALL", "LC_MESSAGES"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LANG", "C.UTF-8")


async def past(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two days ago it was 120 degrees for two hours, yesterday 60; then the hub ended."""
    now = house.hub.clock.time()
    moment = now - 3 * DAY
    monkeypatch.setattr("nanobot.hub.bus.time", lambda: moment)
    before, house.hub.clock.time = house.hub.clock.time, lambda: moment  # type: ignore[method-assign, assignment, unused-ignore]
    states = house.hub.states
    states.set("light.hall", "off")
    states.set("input_boolean.away", "on")
    states.set("sensor.oven", "20")
    await house.start(CONFIG)
    for hours, degrees in ((24, 120), (26, 20), (48, 60), (50, 20), (60, 130), (60.5, 20)):
        moment = now - 3 * DAY + hours * 3600
        states.set("sensor.oven", str(degrees))
        for _ in range(5):
            await asyncio.sleep(0.01)
    house.hub.clock.time = before  # type: ignore[method-assign, unused-ignore]
    await house.close()


async def simulated(folder: Path, capsys: pytest.CaptureFixture[str], name: str = "hot") -> dict[str, Any]:
    assert await in_thread(simulate.run, folder, name, "4d", True) == 0
    told: dict[str, Any] = json.loads(capsys.readouterr().out)
    return told


async def test_what_ran_would_run_again(
    house: House, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    await past(house, monkeypatch)
    told = await simulated(house.config_dir, capsys)
    assert [(one["would_run"], one["really_ran"]) for one in told["runs"]] == [(True, True), (True, True)]
    assert [done["data"]["brightness"] for one in told["runs"] for done in one["done"]] == [120, 130]


async def test_an_edited_automation_would_have_done_other_things(
    house: House, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    await past(house, monkeypatch)
    house.write(EDITED)
    told = await simulated(house.config_dir, capsys)
    runs = [(one["would_run"], one["really_ran"]) for one in told["runs"]]
    assert sorted(runs) == [(False, True), (False, True), (True, False), (True, False)]
    would = [one for one in told["runs"] if one["would_run"]]
    assert [[done.get("action", done.get("say")) for done in one["done"]] for one in would] == [
        ["light.turn_on", "hot"], ["light.turn_on", "hot"],
    ]  # fmt: skip
    assert [one["outcome"] for one in would] == ["finished", "finished"]


async def test_a_person_reads_what_would_have_been_done_and_when(
    house: House, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    await past(house, monkeypatch)
    house.write(EDITED.replace("'input_boolean.away', 'on'", "'input_boolean.away', 'off'"))
    await in_thread(simulate.run, house.config_dir, "Too hot", "4d")
    out = capsys.readouterr().out
    assert out.count("would not have run: failed_conditions") == 2
    assert out.count("really ran, but would not have") == 2
    assert out.endswith("It would have run 0 times; it really ran 2 times.\n")


async def test_the_records_stay_as_they_are(
    house: House, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    await past(house, monkeypatch)
    first = await simulated(house.config_dir, capsys)
    again = await simulated(house.config_dir, capsys)
    assert first["records"] == again["records"]
    assert [one["really_ran"] for one in first["runs"]] == [one["really_ran"] for one in again["runs"]]


def test_what_cannot_be_simulated_is_said(tmp_path: Path) -> None:
    (tmp_path / "configuration.yaml").write_text(CONFIG.replace("recorder: {commit_interval: 0}\n", ""))
    with pytest.raises(NanobotError, match="There is no automation 'hott'; did you mean 'hot'"):
        simulate.run(tmp_path, "hott")
    with pytest.raises(NanobotError, match="'soon' is no time"):
        simulate.run(tmp_path, "hot", "soon")
    with pytest.raises(NanobotError, match="Nothing is recorded"):
        simulate.run(tmp_path, "hot")


def test_the_running_hub_is_asked(nanobot: Nanobot) -> None:
    nanobot.write(CONFIG + "console:\n")
    nanobot.start()
    done = nanobot("simulate", "hot", "--since", "1h", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["item"] == "automation.too_hot"
