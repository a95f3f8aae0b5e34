"""The tools of the hub and its services as tools, to those who may use them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import orjson
import voluptuous as vol
from mcp import types

from nanobot.agent.toolbox import Toolbox
from nanobot.contracts.agent import Turn
from nanobot.contracts.model import ToolCall
from nanobot.contracts.tool import Risk, Tool
from nanobot.contracts.view import Access
from nanobot.conversations.message import session_of
from nanobot.errors import Refused
from nanobot.hub.entry import Entry
from nanobot.util.ids import ulid
from nanobot.util.json_schema import to_json_schema
from nanobot.util.text import cut_in_the_middle, nearest, shorten

from .caller import Caller
from .services import SEPARATOR, ServiceTools, fits

LIVE_CONTEXT = "GetLiveContext"
HARMLESS = (Risk.READ, Risk.WRITE)
"""Tools of other risks are open only when ``allow`` names the very tool."""
MAX_CONTEXT = 64_000  # characters

_LIVE = types.Tool(
    name=LIVE_CONTEXT,
    description="How the things of the house are now: a line for each, with its id, name and state.",
    input_schema={"type": "object", "properties": {}, "additionalProperties": False},
    annotations=types.ToolAnnotations(read_only_hint=True, open_world_hint=False),
)


class Tools:
    """Three kinds: how things are, the tools of integrations, and the services."""

    def __init__(self, entry: Entry) -> None:
        self._entry = entry
        self._hub = entry.hub
        self._config: Mapping[str, Any] = entry.config["tools"]
        self._toolbox = Toolbox(entry.hub)
        self._services = ServiceTools(entry)

    def offered(self, caller: Caller) -> list[types.Tool]:
        """What this credential may use, in the same order as long as nothing changes."""
        tools = sorted((tool for tool in self._hub.tools if self._may(tool, caller)), key=lambda tool: tool.name)
        names = {LIVE_CONTEXT, *(tool.name for tool in tools)}
        services = [one for one in self._services.offered(caller) if one.name not in names]
        return [_LIVE, *(_described(tool) for tool in tools if tool.name != LIVE_CONTEXT), *services]

    async def call(self, caller: Caller, name: str, arguments: Mapping[str, Any]) -> types.CallToolResult:
        """Whatever goes wrong is told in the result, for the model to read."""
        try:
            if name == LIVE_CONTEXT:
                return _result(self._live_context(caller))
            tool = self._hub.tools.get(name)
            if tool is not None and self._may(tool, caller):
                return await self._call(tool, caller, arguments)
            if SEPARATOR in name:
                return _result(*await self._services.call(caller, name, arguments))
            near = nearest(name, [one.name for one in self.offered(caller)])
            raise Refused(f"There is no tool {shorten(name)}." + (f" Did you mean {near}?" if near else ""))
        except Refused as refused:
            return _result(self._hub.scrubber.scrub(str(refused)), failed=True)

    # -- the tools of integrations ----------------------------------------------------------------

    def _may(self, tool: Tool, caller: Caller) -> bool:
        """A token for a part of the house uses none: they know no such limits."""
        if caller.rights.is_narrow or (tool.risk is not Risk.READ and not caller.rights.may(Access.USER)):
            return False
        allow = self._config["allow"]
        if not fits(tool.name, allow) or fits(tool.name, self._config["deny"]):
            return False
        return tool.risk in HARMLESS or tool.name in allow

    async def _call(self, tool: Tool, caller: Caller, arguments: Mapping[str, Any]) -> types.CallToolResult:
        risk = _risk(tool, arguments)
        if risk is not Risk.READ and not caller.rights.may(Access.USER):
            raise Refused(f"{tool.name} would change something, and this token may only read")
        if risk not in HARMLESS and tool.name not in self._config["allow"]:
            raise Refused(f"this call of {tool.name} is closed to MCP clients; mcp_server > tools > allow opens it")
        turn = self._turn(caller)
        call = ToolCall(turn.id, tool.name, orjson.dumps(dict(arguments)).decode())
        outcome = await self._toolbox.call(call, turn)  # which asks the policies, as for an agent
        return _result(outcome.text, failed=outcome.failed)

    def _turn(self, caller: Caller) -> Turn:
        """An owner is who may do everything; everybody else has the rights of a guest in each tool."""
        identity, channel = caller.identity, self._entry.id
        return Turn(
            id=ulid(),
            session=session_of(channel, identity.id),
            channel=channel,
            chat=identity.id,
            sender=identity.user_id,
            text="",
            context=caller.context,
            language=self._hub.language,
            sender_name=identity.name,
            owner=identity.may(Access.ADMIN),
        )

    # -- how things are ---------------------------------------------------------------------------

    def _live_context(self, caller: Caller) -> str:
        return cut_in_the_middle("\n".join(self._lines(caller)) or "There are no states.", MAX_CONTEXT)

    def _lines(self, caller: Caller) -> Iterator[str]:
        for state in self._hub.states.all():
            if caller.rights.may_see(state.entity_id):
                shown = "••••" if state.attributes.get("mode") == "password" else " ".join(state.state.split())
                unit = state.attributes.get("unit_of_measurement")
                yield f'{state.entity_id} "{" ".join(state.name.split())}" {shown}' + (f" {unit}" if unit else "")


def _risk(tool: Tool, arguments: Mapping[str, Any]) -> Risk:
    """Of this call; of arguments that are wrong, that of the tool: they will be refused."""
    try:
        return tool.risk_of(tool.parameters(dict(arguments)))
    except vol.Invalid:
        return tool.risk


def _described(tool: Tool) -> types.Tool:
    return types.Tool(
        name=tool.name,
        description=tool.description,
        input_schema=dict(tool.json_schema or to_json_schema(tool.parameters)),
        annotations=types.ToolAnnotations(read_only_hint=tool.risk is Risk.READ),
    )


def _result(text: str, failed: bool = False) -> types.CallToolResult:
    return types.CallToolResult(content=[types.TextContent(type="text", text=text)], is_error=failed)
