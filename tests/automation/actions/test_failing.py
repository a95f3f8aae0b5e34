"""What fails: how far that goes, what ``continue_on_error``, ``try`` and ``retry`` do about it, and ``stop``."""

from __future__ import annotations

import asyncio
import logging
from itertools import pairwise
from typing import Any

import pytest

from nanobot.errors import NanobotError
from tests.automation.conftest import Play

CALL = {"target": {"entity_id": "input_text.note"}}

COVERED: dict[str, dict[str, Any]] = {
    "a call that fails": {"action": "input_select.select_option", "target": {"entity_id": "input_select.mood"},
                          "data": {"option": "sideways"}},
    "data that cannot be rendered": {"action": "input_text.set_value", **CALL, "data": {"value": "{{ 1 / 0 }}"}},
    "a target that cannot be rendered": {"action": "input_text.set_value", "data": {"value": "x"},
                                         "target": {"entity_id": "{{ 1 / 0 }}"}},
    "a name that cannot be rendered": {"action": "{{ 1 / 0 }}"},
    "a name that is none": {"action": "{{ 'abc' }}"},
    "a branch in which a call fails": {"if": "{{ true }}", "then": ["fails", {"say": "never"}]},
    "a loop in which a call fails": {"repeat": {"count": 2, "sequence": ["fails", {"say": "never"}]}},
    "a group in which a call fails": {"sequence": ["fails", {"say": "never"}]},
    "branches of which one fails": {"parallel": ["fails", {"sequence": ["fails"]}]},
}  # fmt: skip

NOT_COVERED: dict[str, dict[str, Any]] = {
    "a service that does not exist": {"action": "nobody.knows"},
    "data that is refused": {"action": "input_text.set_value", **CALL, "data": {"value": "x", "more": {}}},
    "a response of a service that has none": {"action": "input_text.set_value", **CALL, "data": {"value": "x"},
                                              "response_variable": "r"},
    "variables that cannot be rendered": {"variables": {"a": "{{ 1 / 0 }}"}},
    "an answer that cannot be rendered": {"set_conversation_response": "{{ 1 / 0 }}"},
    "enabled that cannot be rendered": {"say": "x", "enabled": "{{ 1 / 0 }}"},
    "a wait that cannot be rendered": {"wait_template": "{{ 1 / 0 }}", "timeout": 5},
    "a script that is written wrong": {"action": "script.wrong"},
}  # fmt: skip


@pytest.mark.parametrize("action", COVERED.values(), ids=COVERED)
async def test_continue_on_error_covers(play: Play, action: dict[str, Any]) -> None:
    await play.set_up([{**action, "continue_on_error": True}, {"say": "after"}], alone=[action, {"say": "never"}])
    assert await play.call() == ["after"]
    with pytest.raises(NanobotError):
        await play.call("alone")
    assert play.heard() == []


@pytest.mark.parametrize("action", NOT_COVERED.values(), ids=NOT_COVERED)
async def test_continue_on_error_does_not_cover(play: Play, action: dict[str, Any]) -> None:
    await play.set_up([{**action, "continue_on_error": True}, {"say": "never"}])
    with pytest.raises(NanobotError):
        await play.call()
    assert play.heard() == []


async def test_each_run_logs_an_error_once_and_where_it_happened(play: Play, caplog: pytest.LogCaptureFixture) -> None:
    await play.set_up(
        [{"if": "{{ true }}", "then": [{"action": "script.child"}]}],
        child=[{"repeat": {"count": 1, "sequence": ["fails"]}}],
    )
    with pytest.raises(NanobotError, match="sideways"):
        await play.call()
    told = [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR]
    assert [one.split(": ")[:2] for one in told] == [
        ["script/child", "sequence/0/repeat/sequence/0"],
        ["script/s", "sequence/0/then/0"],
    ]


ENDS: dict[str, tuple[Any, bool]] = {
    "stop": ({"stop": "enough"}, False),
    "stop with error": ({"stop": "bad", "error": True}, False),
    "condition": ({"condition": "template", "value_template": "{{ false }}"}, False),
    "time limit": ({"wait_template": "{{ false }}", "timeout": 0.01, "continue_on_timeout": False}, False),
    "senseless delay": ({"delay": "{{ 'soon' }}"}, False),
    "unknown service": ({"action": "nobody.knows"}, True),
    "failing call": ("fails", True),
}


@pytest.mark.parametrize(("end", "fails"), ENDS.values(), ids=ENDS)
@pytest.mark.parametrize("first", [[], [{"delay": 0.01}]], ids=["at once", "after a wait"])
async def test_which_ends_of_a_script_its_caller_feels(play: Play, end: Any, fails: bool, first: list[Any]) -> None:
    await play.set_up(
        [{"action": "script.child", "response_variable": "r"}, {"say": "caller {{ r }}"}],
        child=[{"say": "child"}, *first, end, {"say": "never"}],
    )
    if fails:
        with pytest.raises(NanobotError):
            await play.call()
        assert play.heard() == ["child"]
    else:
        assert await play.call() == ["child", "caller {}"]


@pytest.mark.parametrize(
    "around",
    [
        lambda stop: {"if": "{{ true }}", "then": [stop, {"say": "never"}]},
        lambda stop: {"choose": [], "default": [stop, {"say": "never"}]},
        lambda stop: {"repeat": {"count": 3, "sequence": [stop, {"say": "never"}]}},
        lambda stop: {"sequence": [{"sequence": [stop, {"say": "never"}]}, {"say": "never"}]},
        lambda stop: {"parallel": [{"sequence": [stop, {"say": "never"}]}]},
        lambda stop: {"if": "{{ true }}", "then": [stop], "continue_on_error": True},
        lambda stop: {"try": [stop], "on_error": [{"say": "never"}]},
        lambda stop: {"retry": {"sequence": [stop], "on_error": [{"say": "never"}]}},
    ],
    ids=["if", "choose", "repeat", "nested", "parallel", "continue_on_error", "try", "retry"],
)
@pytest.mark.parametrize("error", [False, True])
async def test_stop_ends_the_whole_run_with_its_answer(play: Play, around: Any, error: bool) -> None:
    stop = {"stop": "x", "error": True} if error else {"stop": "x", "response_variable": "answer"}
    await play.set_up([{"variables": {"answer": {"n": 42}}}, {"say": "before"}, around(stop), {"say": "never"}])
    assert await play.call() == ["before"]
    assert play.response == ({} if error else {"n": 42})


@pytest.mark.parametrize("value", ["text", [1, 2], 5])
async def test_an_answer_that_is_no_mapping_is_an_error(play: Play, value: Any) -> None:
    await play.set_up([{"variables": {"answer": value}}, {"stop": "x", "response_variable": "answer"}])
    with pytest.raises(NanobotError, match="response"):
        await play.call()


async def test_the_other_branches_of_a_parallel_end_their_work(play: Play) -> None:
    await play.set_up([
        {"parallel": ["fails", {"sequence": [{"delay": 0.02}, {"say": "other"}]}], "continue_on_error": True},
        {"say": "after"},
    ])  # fmt: skip
    assert await play.call() == ["other", "after"]


async def test_try_does_something_about_it_and_something_in_any_case(play: Play) -> None:
    said = await play("""
        - try: [{say: try}, fails, {say: never}]
          on_error: [{say: "{{ error.type }} at {{ error.path }}"}]
          always: [{say: always}]
        - try: [{say: fine}]
          on_error: [{say: never}]
          always: [{say: always}]
        - try: [{delay: "{{ 'soon' }}"}]
          on_error: [{say: "{{ error.text | length > 0 }}"}]
        - try: [{sequence: [{action: nobody.knows}]}]
          on_error: [{say: "{{ error.type }}"}]
        - {say: after}
    """)  # fmt: skip
    assert str(said.pop(1)).endswith(" at sequence/0")
    assert said == ["try", "always", "fine", "always", True, "ServiceNotFound", "after"]


async def test_without_on_error_the_error_goes_on_after_always(play: Play) -> None:
    await play.set_up([{"try": ["fails"], "always": [{"say": "always"}]}, {"say": "never"}])
    with pytest.raises(NanobotError, match="sideways"):
        await play.call()
    assert play.heard() == ["always"]


async def test_always_is_done_when_stop_ends_the_run(play: Play) -> None:
    assert await play("[{try: [{stop: x}], always: [{say: always}]}, {say: never}]") == ["always"]


@pytest.mark.looptime
async def test_retry_waits_longer_each_time(play: Play) -> None:
    times: list[float] = []
    play.hub.bus.listen("out", lambda event: times.append(asyncio.get_running_loop().time()))
    await play.set_up([
        {"retry": {"attempts": 4, "delay": 1, "backoff": 3, "max_delay": 5, "sequence": [{"say": "try"}, "fails"],
                   "on_error": [{"say": "gave up after {{ error.attempt }}"}]}},
        {"say": "after"},
    ])  # fmt: skip
    assert await play.call() == ["try"] * 4 + ["gave up after 4", "after"]
    assert [round(later - earlier) for earlier, later in pairwise(times)] == [1, 3, 5, 0, 0]


async def test_retry_tries_only_what_its_patterns_name(play: Play) -> None:
    await play.set_up([{"retry": {"delay": 0, "errors": ["timed out"], "sequence": [{"say": "try"}, "fails"]}}])
    with pytest.raises(NanobotError, match="sideways"):
        await play.call()
    assert play.heard() == ["try"]


async def test_retry_ends_when_it_succeeds(play: Play) -> None:
    said = await play("""
        - variables: {n: 0}
        - retry:
            delay: 0
            sequence:
              - variables: {n: "{{ n + 1 }}"}
              - {if: "{{ n < 3 }}", then: [fails]}
        - {say: "{{ n }}"}
    """)  # fmt: skip
    assert said == [3]
