"""Automations and scripts made from blueprints, in a running house that is edited."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from nanobot.lifecycle.watcher import Watcher
from nanobot.testing.plugin import House

SAY = """
blueprint:
  name: Say
  domain: automation
  input: {word: , go: {default: go}}
triggers: [{trigger: event, event_type: !input go}]
actions:
  - event: said
    event_data: {word: !input word}
  - wait_for_trigger: {trigger: event, event_type: end}
  - event: said
    event_data: {word: the end}
mode: restart
"""
FILE = "blueprints/automation/say.yaml"
OTHER = "blueprints/automation/other.yaml"


def uses(alias: str, word: str, path: str = "say.yaml") -> dict[str, Any]:
    return {"alias": alias, "id": alias.lower(), "use_blueprint": {"path": path, "input": {"word": word}}}


PLAIN = {
    "alias": "Plain",
    "id": "plain",
    "triggers": {"trigger": "event", "event_type": "go"},
    "actions": [{"event": "said", "event_data": {"word": "plain"}}],
}


class Room:
    """A house with three automations, of which two use blueprints."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.words: list[str] = []
        house.hub.bus.listen("said", lambda event: self.words.append(event.data["word"]))

    async def start(self, *automations: dict[str, Any]) -> None:
        self.house.write(SAY, FILE)
        self.house.write(SAY, OTHER)
        await self.house.start(json.dumps({"automation": automations}))

    async def go(self, event_type: str = "go") -> list[str]:
        self.words.clear()
        self.house.hub.bus.fire(event_type)
        for _ in range(20):
            await asyncio.sleep(0)
        return sorted(self.words)

    def state(self, name: str) -> tuple[str, str | None]:
        found = self.house.hub.states.get(f"automation.{name}")
        assert found is not None
        return found.state, found.attributes.get("error")


@pytest.fixture
def room(house: House) -> Room:
    return Room(house)


THREE = (uses("A", "a"), uses("B", "b", "other.yaml"), PLAIN)


async def test_they_run(room: Room) -> None:
    await room.start(*THREE)
    assert room.house.edits.problems == ()
    assert await room.go() == ["a", "b", "plain"]


async def test_an_edited_blueprint_replaces_exactly_those_who_use_it(room: Room) -> None:
    await room.start(*THREE)
    await room.go()
    applied = await room.house.apply(SAY.replace("event_data: {word: !input word}", "event_data: {word: new}"), FILE)
    assert applied.plan.changed == ("automation",)
    assert await room.go("end") == ["the end"]  # the run of the other one went on
    assert await room.go() == ["b", "new", "plain"]


async def test_the_watcher_sees_an_edited_blueprint(room: Room) -> None:
    await room.start(*THREE)
    seen: asyncio.Future[frozenset[Path]] = asyncio.get_running_loop().create_future()

    async def changed(paths: frozenset[Path]) -> None:
        if not seen.done():
            seen.set_result(paths)

    house = room.house
    watcher = Watcher(house.config_dir, changed, settle=0.05, extra=lambda: house.edits.files)
    task = asyncio.create_task(watcher.run())
    await watcher.ready.wait()
    house.write(SAY.replace("Say", "Tell"), FILE)
    async with asyncio.timeout(10):
        assert house.config_dir / FILE in await seen
    task.cancel()


async def test_a_spoiled_blueprint_leaves_its_last_good_version_running(room: Room) -> None:
    await room.start(*THREE)
    await room.house.apply("blueprint: [\n", FILE)
    assert await room.go() == ["a", "b", "plain"]
    assert [problem.file for problem in room.house.edits.problems] == [FILE]
    await room.house.apply(SAY.replace("!input word", "better"), FILE)
    assert await room.go() == ["b", "better", "plain"]
    assert room.house.edits.problems == ()


async def test_a_blueprint_that_makes_a_wrong_automation_leaves_the_one_before_running_and_says_why(
    room: Room,
) -> None:
    await room.start(*THREE)
    await room.house.apply(SAY.replace("event: said", "evnt: said"), FILE)
    assert await room.go() == ["a", "b", "plain"]
    state, error = room.state("a")
    assert state == "on"
    assert error is not None
    assert f"{FILE}:8" in error
    assert "comes from the blueprint 'say.yaml', used in configuration.yaml:1" in error


async def test_a_new_one_with_wrong_inputs_is_unavailable_and_all_others_run(room: Room) -> None:
    wrong = uses("Wrong", "x")
    del wrong["use_blueprint"]["input"]["word"]
    await room.start(wrong, *THREE)
    assert await room.go() == ["a", "b", "plain"]
    state, error = room.state("wrong")
    assert state == "unavailable"
    assert error is not None
    assert "the blueprint 'say.yaml' needs inputs that are not given: 'word'" in error
    await room.house.apply(json.dumps({"automation": [uses("Wrong", "right"), *THREE]}))
    assert await room.go() == ["a", "b", "plain", "right"]


async def test_recovery_mode_has_the_blueprints_of_the_last_good_configuration(room: Room, house: House) -> None:
    await room.start(*THREE)
    await house.close()
    house.write("automation: [\n")
    (house.config_dir / FILE).unlink()
    later = House(house.config_dir)
    await later.open()
    try:
        words: list[str] = []
        later.hub.bus.listen("said", lambda event: words.append(event.data["word"]))
        await later.start()
        assert later.hub.recovery is not None
        later.hub.bus.fire("go")
        for _ in range(20):
            await asyncio.sleep(0)
        assert sorted(words) == ["a", "b", "plain"]
    finally:
        await later.close()


TINY = """
import voluptuous as vol
from nanobot.config import validators as cv
CONFIG_SCHEMA = vol.Schema(cv.Items({vol.Required("size"): int}, by="index"))
async def setup(hub, entry):
    hub.states.set("tiny.all", str([item["size"] for item in entry.config]))
async def reload(hub, entry, config):
    hub.states.set("tiny.all", str([item["size"] for item in config]))
    return True
"""


async def test_any_integration_may_have_items_from_blueprints(house: House) -> None:
    manifest = {"domain": "tiny", "name": "T", "version": "1", "merge": "list", "blueprints": True}
    house.write(json.dumps(manifest), "integrations/tiny/manifest.json")
    house.write(TINY, "integrations/tiny/__init__.py")
    head = "blueprint: {name: T, domain: tiny, input: {n: }}\nsize: !input n\n"
    house.write(head, "blueprints/tiny/t.yaml")
    await house.start("tiny: [{size: 1}, {use_blueprint: {path: t.yaml, input: {n: 2}}}]\n")
    assert [str(problem) for problem in house.edits.problems] == []
    state = house.hub.states.get("tiny.all")
    assert state is not None
    assert state.state == "[1, 2]"
    await house.apply(head.replace("!input n", "7"), "blueprints/tiny/t.yaml")
    state = house.hub.states.get("tiny.all")
    assert state is not None
    assert state.state == "[1, 7]"
