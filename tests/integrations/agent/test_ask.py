"""``ask`` in a script: an agent thinks, and the script goes on with what it says."""

from __future__ import annotations

from typing import Any

import pytest

from nanobot.contracts.agent import Turn
from nanobot.contracts.tool import Risk, Tool, ToolResult
from nanobot.errors import NanobotError
from nanobot.hub.entry import Entry
from nanobot.hub.hub import Hub
from nanobot.testing.plugin import SetUp
from tests.integrations.agent.conftest import Begin, Stub


class Lamp(Tool):
    """Says how often it was switched."""

    name = "lamp"
    description = "Switch the lamp."
    risk = Risk.WRITE

    def __init__(self) -> None:
        self.calls = 0

    async def call(self, arguments: Any, turn: Turn) -> ToolResult:
        self.calls += 1
        return ToolResult("It is on.")


async def asked(hub: Hub, set_up: SetUp, **options: Any) -> Any:
    sequence = [{"ask": "What about {{ what }}?", **options}, {"variables": {"told": {"answer": "{{ answer }}"}}},
                {"stop": "", "response_variable": "told"}]  # fmt: skip
    await set_up("script", {"ask": {"sequence": sequence}})
    response = await hub.services.call("script", "ask", {"what": "tea"}, return_response=True)
    assert response is not None
    return response["answer"]


async def test_the_answer_is_a_variable(hub: Hub, set_up: SetUp, begin: Begin, stub: Stub) -> None:
    await begin()
    await stub.script({"reply": "Green, please."})
    assert await asked(hub, set_up) == "Green, please."


async def test_an_answer_with_a_schema_is_read_and_asked_for_again_when_it_does_not_fit(
    hub: Hub, set_up: SetUp, begin: Begin, stub: Stub
) -> None:
    await begin()
    await stub.script({"reply": '{"price": "much"}'}, {"reply": 'Here:\n```json\n{"price": 4.5, "kind": "drink"}\n```'})
    schema = {"price": "number", "kind": ["food", "drink"], "note?": "text"}
    assert await asked(hub, set_up, schema=schema) == {"price": 4.5, "kind": "drink"}
    assert await stub.requests() == 2


async def test_an_answer_that_never_fits_is_an_error(hub: Hub, set_up: SetUp, begin: Begin, stub: Stub) -> None:
    await begin()
    await stub.script({"reply": "no"}, {"reply": "no"})
    with pytest.raises(NanobotError, match="no JSON"):
        await asked(hub, set_up, schema={"price": "number"})


@pytest.mark.parametrize(("tools", "calls"), [([], 0), (["lamp"], 1), (["other_*"], 0)])
async def test_only_the_named_tools_may_be_used(
    hub: Hub, set_up: SetUp, begin: Begin, stub: Stub, entry: Entry, tools: list[str], calls: int
) -> None:
    lamp = Lamp()
    entry.add(lamp)
    await begin()
    await stub.script({"calls": [["lamp", "{}"]]}, {"reply": "Done."})
    assert await asked(hub, set_up, tools=tools) == "Done."
    assert lamp.calls == calls


async def test_a_time_limit_and_a_missing_agent_are_errors(hub: Hub, set_up: SetUp, begin: Begin, stub: Stub) -> None:
    with pytest.raises(NanobotError, match="no agent to ask"):
        await asked(hub, set_up)
    await begin(model={"timeout": 5})
    await stub.script({"fault": "hang"})
    with pytest.raises(NanobotError, match=r"not answered within 0\.3 s"):
        await asked(hub, set_up, timeout=0.3)
