"""Scripts: called, started, stopped, calling themselves, and given what they need."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from nanobot.errors import InvalidServiceData, NanobotError, ServiceNotFound
from nanobot.hub.bus import Event
from nanobot.hub.context import Context
from nanobot.testing.plugin import House
from tests.automation.conftest import Play, play, settle

__all__ = ["play"]

MODES = ("single", "restart", "queued", "parallel")


def slow(mode: str, **more: Any) -> dict[str, Any]:
    sequence = [{"say": "begin {{ n }}"}, {"delay": 0.05},
                {"variables": {"r": {"n": "{{ n }}"}}}, {"say": "end {{ n }}"},
                {"stop": "", "response_variable": "r"}]  # fmt: skip
    return {"mode": mode, "max_exceeded": "silent", "sequence": sequence, **more}


async def test_a_call_waits_and_turn_on_does_not(play: Play) -> None:
    await play.set_up(s=slow("single"))
    assert await play.call(n=1) == ["begin 1", "end 1"]
    assert play.response == {"n": 1}
    variables = {"variables": {"n": 2}}
    await play.hub.services.call("script", "turn_on", variables, target={"entity_id": "script.s"})
    assert play.heard() == ["begin 2"]
    state = play.hub.states.get("script.s")
    assert state is not None
    assert (state.state, state.attributes["current"]) == ("on", 1)
    await asyncio.sleep(0.1)
    assert play.heard() == ["end 2"]
    state = play.hub.states.get("script.s")
    assert state is not None
    assert (state.state, state.attributes["current"], state.attributes["mode"]) == ("off", 0, "single")


SEVERAL: dict[str, tuple[list[str], list[Any]]] = {
    "single": (["begin 1", "end 1"], [{"n": 1}, {}, {}]),
    "restart": (["begin 1", "begin 2", "begin 3", "end 3"], [{}, {}, {"n": 3}]),
    "queued": (["begin 1", "end 1", "begin 2", "end 2"], [{"n": 1}, {"n": 2}, {}]),
    "parallel": (["begin 1", "begin 2", "end 1", "end 2"], [{"n": 1}, {"n": 2}, {}]),
}


@pytest.mark.parametrize("mode", MODES)
async def test_several_calls_at_a_time(play: Play, mode: str) -> None:
    said, responses = SEVERAL[mode]
    await play.set_up(s=slow(mode, max=2))
    calls = []
    for n in (1, 2, 3):
        calls.append(asyncio.create_task(play.hub.services.call("script", "s", {"n": n}, return_response=True)))
        await settle()
    assert await asyncio.gather(*calls) == responses
    assert play.heard() == said


RECURSIVE = """
mode: {mode}
sequence:
  - say: "begin {{{{ n }}}}"
  - if: "{{{{ n < 3 }}}}"
    then: [{{{call}}}]
  - delay: 0.01
  - say: "end {{{{ n }}}}"
"""
CALL = 'action: script.s, data: {n: "{{ n + 1 }}"}'
TURN_ON = 'action: script.turn_on, target: {entity_id: script.s}, data: {variables: {n: "{{ n + 1 }}"}}'


@pytest.mark.parametrize(
    ("mode", "said"),
    [("single", ["begin 1", "end 1"]), ("restart", ["begin 1", "end 1"]), ("queued", ["begin 1", "end 1"]),
     ("parallel", ["begin 1", "begin 2", "begin 3", "end 3", "end 2", "end 1"])],
)  # fmt: skip
async def test_a_script_that_calls_itself_waits_only_where_that_can_end(play: Play, mode: str, said: list[str]) -> None:
    await play.set_up(s=RECURSIVE.format(mode=mode, call=CALL))
    async with asyncio.timeout(5):
        assert await play.call(n=1) == said


@pytest.mark.parametrize(
    ("mode", "said"),
    [("single", ["begin 1", "end 1"]), ("restart", ["begin 1", "begin 2", "begin 3", "end 3"]),
     ("queued", ["begin 1", "end 1", "begin 2", "end 2", "begin 3", "end 3"])],
)  # fmt: skip
async def test_a_script_may_start_itself_without_waiting(play: Play, mode: str, said: list[str]) -> None:
    await play.set_up(s=RECURSIVE.format(mode=mode, call=TURN_ON))
    heard = await play.call(n=1)
    async with asyncio.timeout(5):
        while play.hub.states.get("script.s").state == "on":  # type: ignore[union-attr]
            await asyncio.sleep(0.01)
    assert heard + play.heard() == said
    assert play.hub.states.get("script.s").state == "off"  # type: ignore[union-attr]


async def test_the_answer_of_a_recursion_comes_back(play: Play) -> None:
    await play.set_up(s="""
        mode: parallel
        sequence:
          - delay: 0.001
          - if: "{{ n > 1 }}"
            then: [{action: script.s, data: {n: "{{ n - 1 }}"}, response_variable: r}]
            else: [{variables: {r: {f: 1}}}]
          - variables: {o: {f: "{{ r.f * n }}"}}
          - {stop: "", response_variable: o}
    """)  # fmt: skip
    await play.call(n=5)
    assert play.response == {"f": 120}


async def test_endless_recursion_is_refused_at_some_depth(play: Play, caplog: pytest.LogCaptureFixture) -> None:
    await play.set_up(
        s={"mode": "parallel", "max": 1000, "max_exceeded": "silent", "sequence": [{"action": "script.s"}]}
    )
    async with asyncio.timeout(5):
        await play.call()
    assert "over and over" in caplog.text


async def test_who_waits_for_a_script_that_is_stopped_goes_on(play: Play) -> None:
    await play.set_up([{"action": "script.child", "response_variable": "r"}, {"say": "{{ r }}"}], child=[{"delay": 60}])
    call = asyncio.create_task(play.call())
    await settle()
    await play.hub.services.call("script", "turn_off", target={"entity_id": "script.child"})
    assert await call == [{}]


async def test_a_script_that_is_stopped_takes_along_the_one_that_it_waits_for(play: Play) -> None:
    await play.set_up([{"action": "script.child"}, {"say": "never"}], child=[{"delay": 60}, {"say": "never"}])
    call = asyncio.create_task(play.call())
    await settle()
    await play.hub.services.call("script", "turn_off", target={"entity_id": "script.s"})
    assert await call == []
    assert play.hub.states.get("script.child").state == "off"  # type: ignore[union-attr]


async def test_a_script_may_turn_itself_off(play: Play) -> None:
    await play.set_up(
        [{"say": 1}, {"action": "script.turn_off", "target": {"entity_id": "script.s"}}, {"say": "never"}]
    )
    async with asyncio.timeout(5):
        assert await play.call() == [1]


FIELDS = {
    "fields": {"a": {"required": True}, "b": {"default": 3}},
    "sequence": [{"say": "{{ [a | default(0), b | default(0)] }}"}],
}


async def test_fields_are_for_people_unless_they_are_enforced(play: Play) -> None:
    await play.set_up(s=FIELDS, strict={**FIELDS, "enforce_fields": True})
    assert await play.call() == [[0, 0]]
    assert await play.call("strict", a=1) == [[1, 3]]
    with pytest.raises(InvalidServiceData, match="script.strict needs 'a'"):
        await play.call("strict")
    with pytest.raises(InvalidServiceData, match="has no field 'c'; it has a, b"):
        await play.call("strict", a=1, c=2)


async def test_variables_yield_to_what_the_caller_gives(play: Play) -> None:
    await play.set_up(s={
        "variables": {"a": 1, "b": "{{ a + 1 }}", "me": "{{ this.entity_id }}"},
        "sequence": [{"say": "{{ [a, b, me] }}"}],
    })  # fmt: skip
    assert await play.call() == [[1, 2, "script.s"]]
    assert await play.call(a=9) == [[9, 10, "script.s"]]
    assert await play.call(b=9) == [[1, 9, "script.s"]]


async def test_variables_that_fail_are_told_to_the_caller(play: Play) -> None:
    await play.set_up(s={"variables": {"a": "{{ 1 / 0 }}"}, "sequence": [{"say": "never"}]})
    with pytest.raises(NanobotError, match="variables"):
        await play.call()


async def test_a_run_is_announced_in_the_context_of_its_caller(play: Play) -> None:
    await play.set_up(s={"alias": "The script", "sequence": [{"say": 1}]})
    events: list[Event] = []
    play.hub.bus.listen("script_started", events.append)
    play.hub.bus.listen("out", events.append)
    context = Context(user_id="me")
    await play.hub.services.call("script", "s", context=context)
    assert [event.type for event in events] == ["script_started", "out"]
    assert events[0].data == {"name": "The script", "entity_id": "script.s"}
    assert {event.context.id for event in events} == {context.id}


async def test_a_wrong_script_is_shown_and_says_what_is_wrong(house: House) -> None:
    await house.start("script:\n  good:\n    sequence: []\n  bad:\n    sequence:\n      - dely: 5\n")
    shown = house.hub.states.get("script.bad")
    assert shown is not None
    assert shown.state == "unavailable"
    assert "did you mean 'delay'?" in shown.attributes["error"]
    with pytest.raises(ServiceNotFound, match="did you mean 'delay'"):
        await house.hub.services.call("script", "bad")
    await house.hub.services.call("script", "good")


async def test_an_edit_touches_only_what_was_edited(house: House) -> None:
    text = "script:\n  a:\n    sequence:\n      - delay: 60\n  b:\n    sequence:\n      - delay: 60\n"
    await house.start(text)
    for name in ("a", "b"):
        await house.hub.services.call("script", "turn_on", target={"entity_id": f"script.{name}"})
    await house.apply(text.replace("  b:\n    sequence:\n      - delay: 60", "  b:\n    sequence:\n      - delay: 61"))
    assert [house.hub.states.get(f"script.{name}").state for name in ("a", "b")] == ["on", "off"]  # type: ignore[union-attr]


async def test_a_wrong_edit_leaves_the_version_before_in_place(house: House) -> None:
    await house.start("script:\n  a:\n    sequence:\n      - event: out\n")
    heard: list[Event] = []
    house.hub.bus.listen("out", heard.append)
    await house.apply("script:\n  a:\n    sequence:\n      - evnt: out\n")
    await house.hub.services.call("script", "a")
    assert len(heard) == 1
    shown = house.hub.states.get("script.a")
    assert shown is not None
    assert "did you mean 'event'?" in shown.attributes["error"]


async def test_while_it_runs_it_shows_what_it_waited_for_last(play: Play) -> None:
    await play.set_up(
        s={
            "sequence": [
                {"delay": {"milliseconds": 20}},
                {"alias": "Somebody comes", "wait_template": "{{ is_state('binary_sensor.door', 'on') }}"},
                {"say": "hello"},
                {"wait_for_trigger": {"trigger": "event", "event_type": "bye"}},
            ]
        }
    )
    shown: list[Any] = []
    play.hub.states.track(
        "script.s", lambda event: shown.append(event.data["new_state"].attributes.get("last_action", "-"))
    )
    call = asyncio.create_task(play.call())
    await asyncio.sleep(0.1)
    play.hub.states.set("binary_sensor.door", "on")
    await settle()
    play.hub.bus.fire("bye")
    await call
    assert shown == ["-", "delay 0:00:00.020000", "Somebody comes", "wait for trigger", "-"]
