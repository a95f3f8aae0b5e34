"""What a model may call, and what it is told came of it."""

from __future__ import annotations

import asyncio

import pytest

from nanobot.agent.toolbox import Toolbox
from nanobot.contracts.agent import Turn
from nanobot.contracts.tool import Risk
from nanobot.errors import ToolError
from nanobot.hub.entry import Entry
from nanobot.hub.hub import Hub
from nanobot.util.secrets import MASK
from tests.agent.conftest import Noted, call


async def test_tools_are_offered_in_the_shape_of_the_api(hub: Hub, entry: Entry) -> None:
    entry.add(Noted("note"))
    (offered,) = Toolbox(hub).offered()
    assert offered["type"] == "function"
    assert offered["function"]["name"] == "note"
    assert offered["function"]["description"] == "The tool note."
    assert offered["function"]["parameters"]["required"] == ["what"]
    assert offered["function"]["parameters"]["properties"]["times"]["type"] == "integer"


async def test_a_tool_that_leaves_the_hub_is_offered_no_more(hub: Hub, entry: Entry, turn: Turn) -> None:
    remove = entry.add(Noted("note"))
    box = Toolbox(hub)
    assert box.offered()
    remove()
    assert not box.offered()
    assert (await box.call(call(), turn)).failed


async def test_arguments_are_checked_and_completed(hub: Hub, entry: Entry, turn: Turn) -> None:
    tool = Noted()
    entry.add(tool)
    outcome = await Toolbox(hub).call(call(), turn)
    assert (outcome.text, outcome.failed) == ("noted", False)
    assert tool.calls == [{"what": "milk", "times": 1}]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ('{"what": ', "are no valid JSON"),
        ("[1, 2]", "must be one JSON object"),
        ("{}", "what"),
        ('{"what": "milk", "tims": 2}', "times"),
        ('{"what": "milk", "times": "often"}', "times"),
    ],
)
async def test_wrong_arguments_are_told_to_the_model(
    hub: Hub, entry: Entry, turn: Turn, arguments: str, told: str
) -> None:
    tool = Noted()
    entry.add(tool)
    outcome = await Toolbox(hub).call(call(arguments=arguments), turn)
    assert outcome.failed
    assert told in outcome.text
    assert not tool.calls


async def test_no_arguments_at_all_are_an_empty_object(hub: Hub, entry: Entry, turn: Turn) -> None:
    entry.add(Noted())
    assert "what" in (await Toolbox(hub).call(call(arguments=" "), turn)).text


async def test_a_wrong_name_is_told_with_the_nearest_and_all_there_are(hub: Hub, entry: Entry, turn: Turn) -> None:
    entry.add(Noted("read_file"))
    entry.add(Noted("note"))
    outcome = await Toolbox(hub).call(call("raed_file"), turn)
    assert outcome.failed
    assert outcome.text == "There is no tool 'raed_file'. Did you mean read_file? There are: read_file, note."


async def test_errors_of_a_tool_are_told_as_they_are(hub: Hub, entry: Entry, turn: Turn) -> None:
    entry.add(Noted(result=ToolError("The shop is closed.")))
    assert (await Toolbox(hub).call(call(), turn)).text == "The shop is closed."


async def test_a_fault_of_a_tool_is_told_and_logged(
    hub: Hub, entry: Entry, turn: Turn, caplog: pytest.LogCaptureFixture
) -> None:
    entry.add(Noted(result=KeyError("shelf")))
    outcome = await Toolbox(hub).call(call(), turn)
    assert outcome.failed
    assert "note failed: KeyError" in outcome.text
    assert "Traceback" in caplog.text


async def test_a_tool_that_gives_back_nothing_is_told_as_a_fault(hub: Hub, entry: Entry, turn: Turn) -> None:
    class Forgetful(Noted):
        async def call(self, arguments, turn):  # type: ignore[no-untyped-def]
            return None

    entry.add(Forgetful())
    outcome = await Toolbox(hub).call(call(), turn)
    assert outcome.failed
    assert "note failed: AttributeError" in outcome.text


async def test_a_tool_that_hangs_is_ended(hub: Hub, entry: Entry, turn: Turn) -> None:
    entry.add(Noted(result=60.0, timeout=0.05))
    outcome = await Toolbox(hub).call(call(), turn)
    assert outcome.failed
    assert "took more than 0.05 s" in outcome.text


async def test_what_harms_nobody_runs_side_by_side_and_the_rest_in_order(hub: Hub, entry: Entry, turn: Turn) -> None:
    began: list[str] = []

    class Timed(Noted):
        async def call(self, arguments, turn):  # type: ignore[no-untyped-def]
            began.append(f"{self.name} begins")
            result = await super().call(arguments, turn)
            began.append(f"{self.name} ends")
            return result

    for name, risk in (("a", Risk.READ), ("b", Risk.READ), ("c", Risk.WRITE), ("d", Risk.WRITE)):
        entry.add(Timed(name, 0.02, risk=risk))
    calls = [call(name, id_=name) for name in ("a", "b", "c", "d")]
    outcomes = [outcome async for outcome in Toolbox(hub).run(calls, turn)]
    assert [outcome.call.id for outcome in outcomes] == ["a", "b", "c", "d"]
    assert began[:2] == ["a begins", "b begins"]
    assert began[4:] == ["c begins", "c ends", "d begins", "d ends"]


async def test_a_long_result_is_cut_in_the_middle(hub: Hub, entry: Entry, turn: Turn) -> None:
    entry.add(Noted(result="a" * 600 + "b" * 600))
    text = (await Toolbox(hub, result_limit=1000).call(call(), turn)).text
    assert text.startswith("a" * 500)
    assert text.endswith("b" * 500)
    assert "200 characters left out" in text


async def test_secrets_in_a_result_are_hidden(hub: Hub, entry: Entry, turn: Turn) -> None:
    hub.scrubber.add("correct-horse")
    entry.add(Noted(result="the password is correct-horse"))
    assert (await Toolbox(hub).call(call(), turn)).text == f"the password is {MASK}"


async def test_only_the_tools_that_are_allowed_exist(hub: Hub, entry: Entry, turn: Turn) -> None:
    for name in ("read_file", "write_file", "note"):
        entry.add(Noted(name))
    box = Toolbox(hub, allow=["*_file"], deny=["write_*"])
    assert [tool["function"]["name"] for tool in box.offered()] == ["read_file"]
    assert "There is no tool 'write_file'" in (await box.call(call("write_file"), turn)).text


async def test_a_cancelled_turn_cancels_its_calls(hub: Hub, entry: Entry, turn: Turn) -> None:
    entry.add(Noted(result=60.0))
    running = asyncio.create_task(anext(Toolbox(hub).run([call()], turn)))
    await asyncio.sleep(0.01)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
