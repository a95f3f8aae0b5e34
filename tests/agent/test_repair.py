"""Calls of tools that a model wrote wrong: what is meant is done, what nobody can know is not guessed."""

from __future__ import annotations

import orjson
import pytest

from nanobot.agent.repair import CUT_OFF, mended
from nanobot.contracts.model import Delta
from nanobot.hub.entry import Entry
from nanobot.testing.chat import Chat
from tests.agent.conftest import Begin, Noted, call

NAMES = ["note", "write_file", "list_states"]


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ('{"what": "milk",}', {"what": "milk"}),
        ('{"what": "a ,] b", "many": [1, 2,],}', {"what": "a ,] b", "many": [1, 2]}),
        ("{'what': 'milk', 'now': True, 'who': None}", {"what": "milk", "now": True, "who": None}),
        ('```json\n{"what": "milk"}\n```', {"what": "milk"}),
        ('"{\\"what\\": \\"milk\\"}"', {"what": "milk"}),
        ('{"what": "milk"', {"what": "milk"}),
        ('{"many": [{"what": "milk"}', {"many": [{"what": "milk"}]}),
        ('[{"what": "milk"}]', {"what": "milk"}),
        ("null", {}),
    ],
)
def test_arguments_that_can_only_mean_one_thing_are_taken_for_it(written: str, meant: dict[str, object]) -> None:
    found, remark = mended(call(arguments=written), NAMES)
    assert orjson.loads(found.arguments) == meant
    assert "taken for note" in remark


@pytest.mark.parametrize("written", ['{"what": "milk and', '{"what": "milk",', '{"times": 12', '{"now": tr'])
def test_what_is_cut_off_is_not_guessed(written: str) -> None:
    found, remark = mended(call(arguments=written), NAMES)
    assert (found.arguments, remark) == (written, CUT_OFF)


def test_an_answer_that_met_its_limit_is_not_completed() -> None:
    assert mended(call(arguments='{"what": "milk"'), NAMES, whole=False)[1] == CUT_OFF


@pytest.mark.parametrize("written", ['{"what": "milk"}', "", "buy milk", "[1, 2]", '{"a": 1}}'])
def test_what_is_right_or_hopeless_stays_as_it_is(written: str) -> None:
    assert mended(call(arguments=written), NAMES) == (call(arguments=written), "")


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("Note", "note"),
        ("functions.write_file", "write_file"),
        ("tools__note", "note"),
        ("writeFile", "write_file"),
        ("list-states", "list_states"),
        ("notes", "notes"),
    ],
)
def test_a_name_that_can_only_mean_one_tool_is_taken_for_it(written: str, meant: str) -> None:
    assert mended(call(written), NAMES)[0].name == meant


def test_a_name_that_fits_two_tools_is_nobodys() -> None:
    assert mended(call("NoteIt"), ["note_it", "noteit"])[0].name == "NoteIt"


async def test_a_mended_call_is_done_and_the_model_is_told(begin: Begin, entry: Entry, chat: Chat) -> None:
    tool = Noted()
    entry.add(tool)
    model = begin([call("functions.Note", "{'what': 'milk',}")], "Done.")
    assert await chat.types("we need milk") == "Done."
    assert tool.calls == [{"what": "milk", "times": 1}]
    asked, result = model.requests[1].messages[-2:]
    assert asked.tool_calls == (call("note", '{"what":"milk"}'),)
    assert 'taken for note {"what":"milk"}' in result.content


async def test_a_call_that_was_cut_off_does_nothing(begin: Begin, entry: Entry, chat: Chat) -> None:
    tool = Noted()
    entry.add(tool)
    model = begin([call(arguments='{"what": "mi'), Delta(finish="length")], "Sorry.")
    assert await chat.types("we need milk") == "Sorry."
    assert tool.calls == []
    assert CUT_OFF in model.requests[1].messages[-1].content
