"""``delay``, ``wait_template`` and ``wait_for_trigger``: how long, for what, and what ``wait`` says then."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from tests.automation.conftest import Play, settle

DELAYS: dict[str, tuple[Any, float]] = {
    "number": (2, 2),
    "fraction": (0.5, 0.5),
    "text": ("2", 2),
    "hours and minutes": ("00:01", 60),
    "hours, minutes and seconds": ("00:00:02", 2),
    "with fraction": ("00:00:02.5", 2.5),
    "mapping": ({"minutes": 1, "seconds": 1, "milliseconds": 500}, 61.5),
    "template of a number": ("{{ n }}", 2),
    "template of text": ("{{ '00:00:02' }}", 2),
    "template of a mapping": ("{{ {'seconds': n} }}", 2),
    "template of a duration": ("{{ timedelta(seconds=2) }}", 2),
    "templates in a mapping": ({"seconds": "{{ n }}", "milliseconds": "{{ n * 250 }}"}, 2.5),
    "nothing": (0, 0),
}


@pytest.mark.looptime
@pytest.mark.parametrize(("written", "seconds"), DELAYS.values(), ids=DELAYS)
async def test_every_form_of_a_time(play: Play, written: Any, seconds: float) -> None:
    loop = asyncio.get_running_loop()
    await play.set_up([{"delay": written}, {"say": "on"}])
    begin = loop.time()
    assert await play.call(n=2) == ["on"]
    assert loop.time() - begin == pytest.approx(seconds, abs=0.02)


@pytest.mark.parametrize("senseless", ["{{ 'soon' }}", "{{ -1 }}", "{{ none }}", "{{ [1] }}", "{{ 1 / 0 }}"])
@pytest.mark.parametrize("action", [
    lambda time: {"delay": time},
    lambda time: {"wait_template": "{{ false }}", "timeout": time},
    lambda time: {"wait_for_trigger": {"trigger": "event", "event_type": "x"}, "timeout": time},
], ids=["delay", "wait_template", "wait_for_trigger"])  # fmt: skip
async def test_a_template_that_is_no_time_ends_the_run(
    play: Play, senseless: str, action: Callable[[str], dict[str, Any]]
) -> None:
    await play.set_up([{**action(senseless), "continue_on_error": True}, {"say": "never"}])
    assert await play.call() == []


WAIT = "{{ [wait.completed, wait.remaining, wait.trigger is defined] }}"


@pytest.mark.parametrize(
    ("result", "completed"),
    [("true", True), ("True", True), ("TRUE ", True), ("on", False), ("yes", False), ("1", False), ("[1]", False)],
)
async def test_a_template_is_first_asked_like_a_condition(play: Play, result: str, completed: bool) -> None:
    said = await play(f"[{{wait_template: \"{{{{ '{result}' }}}}\", timeout: 0.01}}, {{say: '{WAIT}'}}]")
    assert said == [[completed, 0.01 if completed else 0.0, False]]


@pytest.mark.parametrize(
    ("first", "then", "completed"),
    [("off", "on", True), ("no", "yes", True), ("0", "1", True), ("false", "true", True), ("x", "enable", True),
     ("on", "yes", False), ("off", "no", False)],
)  # fmt: skip
async def test_then_it_is_waited_for_like_a_trigger(play: Play, first: str, then: str, completed: bool) -> None:
    await play.set_up("[{wait_template: \"{{ states('sensor.s') }}\", timeout: 0.2}, {say: '{{ wait.completed }}'}]")
    play.put("sensor.s", first)
    run = asyncio.create_task(play.call())
    await settle()
    play.put("sensor.s", then)
    assert await run == [completed]


async def test_without_a_limit_nothing_remains(play: Play) -> None:
    assert await play(f"[{{wait_template: '{{{{ true }}}}'}}, {{say: '{WAIT}'}}]") == [[True, None, False]]


async def test_the_first_of_several_triggers_ends_the_wait(play: Play) -> None:
    await play.set_up("""
        - wait_for_trigger:
            - {trigger: event, event_type: one, event_data: {n: "{{ n }}"}, variables: {own: 1}}
            - {platform: state, entity_id: sensor.s, to: "on", id: second, alias: The sensor}
            - {trigger: event, event_type: three, enabled: false}
          timeout: 5
        - say: "{{ [wait.completed, wait.trigger.id, wait.trigger.idx, wait.trigger.alias, own is defined] }}"
    """)
    play.put("sensor.s", "off")

    async def after(happen: Callable[[], None]) -> list[Any]:
        run = asyncio.create_task(play.call(n=7))
        await settle()
        play.hub.bus.fire("three")
        play.hub.bus.fire("one", {"n": 6})
        await settle()
        assert not run.done()
        happen()
        return await run

    assert await after(lambda: play.hub.bus.fire("one", {"n": 7})) == [[True, "0", "0", None, False]]
    assert await after(lambda: play.put("sensor.s", "on")) == [[True, "second", "1", "The sensor", False]]
    assert not play.hub.bus.counts().get("one")


async def test_a_trigger_that_does_not_come(play: Play) -> None:
    said = await play("""
        - wait_for_trigger: {trigger: event, event_type: x}
          timeout: 0.01
        - say: "{{ [wait.completed, wait.remaining, wait.trigger] }}"
        - wait_for_trigger: {trigger: event, event_type: x}
          timeout: 0.01
          continue_on_timeout: false
        - say: never
    """)  # fmt: skip
    assert said == [[False, 0.0, None]]
    assert play.response == {}


@pytest.mark.parametrize("triggers", [[], [{"trigger": "event", "event_type": "x", "enabled": False}]], ids=str)
async def test_what_cannot_happen_is_not_waited_for(play: Play, triggers: list[Any]) -> None:
    await play.set_up([
        {"wait_for_trigger": triggers}, {"say": "{{ [wait.completed, wait.remaining] }}"},
        {"wait_for_trigger": triggers, "timeout": 60}, {"say": "{{ [wait.completed, wait.remaining] }}"},
    ])  # fmt: skip
    assert await play.call() == [[False, None], [False, 60.0]]


async def test_a_time_limit_ends_the_run_from_within_a_branch(play: Play) -> None:
    said = await play("""
        - if: "{{ true }}"
          then: [{wait_template: "{{ false }}", timeout: 0.01, continue_on_timeout: false}]
        - say: never
    """)  # fmt: skip
    assert said == []
