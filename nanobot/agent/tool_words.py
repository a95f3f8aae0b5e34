"""Tools in few words: how the list of tools is made shorter for a model that has little room for it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import orjson
import voluptuous as vol

from nanobot.contracts.tool import Tool, ToolResult
from nanobot.errors import ToolError
from nanobot.util.text import nearest

if TYPE_CHECKING:
    from nanobot.contracts.agent import Turn

HELP = "tool_help"
SHARE = 6  # tools take at most one part in so many of what a model may be told
_SENTENCE = re.compile(r"(?<=[.!?])\s")

Described = Mapping[str, Any]
"""A tool in the shape of OpenAI's API."""


def fitting(tools: Sequence[Described], room: int) -> list[Described]:
    """The same tools in ``room`` characters of JSON, as far as that can be.

    First what describes the arguments goes, and all but the first sentence of each description; then the arguments
    of the longest tools, which the model asks ``tool_help`` for.
    """
    if sum(map(_size, tools)) <= room:
        return list(tools)
    found = [_brief(tool) for tool in tools]
    too_much = sum(map(_size, found)) - room
    if too_much <= 0:
        return found
    too_much += _size(HELP_DESCRIBED)
    for place in sorted(range(len(found)), key=lambda place: -_size(found[place])):
        if too_much <= 0:
            break
        bare = _bare(found[place])
        too_much -= _size(found[place]) - _size(bare)
        found[place] = bare
    return [*found, HELP_DESCRIBED]


class ToolHelp(Tool):
    """Tells all about a tool whose arguments there was no room for. ``described`` are the tools as they are."""

    name = HELP
    description = "What a tool does and which arguments it takes. Ask before you call a tool described with '(…)'."
    parameters = vol.Schema({vol.Required("name"): str})

    def __init__(self, described: Mapping[str, Described]) -> None:
        self.described = described

    async def call(self, arguments: Mapping[str, Any], turn: Turn) -> ToolResult:
        found = self.described.get(arguments["name"])
        if found is None:
            near = nearest(arguments["name"], self.described)
            raise ToolError(f"There is no tool of that name.{f' Did you mean {near}?' if near else ''}")
        return ToolResult(orjson.dumps(found["function"]).decode())


HELP_DESCRIBED: Described = {
    "type": "function",
    "function": {
        "name": HELP,
        "description": ToolHelp.description,
        "parameters": {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]},
    },
}


def _size(tool: Described) -> int:
    return len(orjson.dumps(tool))


def _brief(tool: Described) -> Described:
    function = tool["function"]
    first = _SENTENCE.split(function["description"].strip(), maxsplit=1)[0]
    return {**tool, "function": {**function, "description": first, "parameters": _without(function["parameters"])}}


def _bare(tool: Described) -> Described:
    function = tool["function"]
    return {
        **tool,
        "function": {
            "name": function["name"],
            "description": f"{function['description']} (…)",
            "parameters": {"type": "object", "additionalProperties": True},
        },
    }


def _without(schema: Any) -> Any:
    """A JSON Schema without the words in it; an argument that is called ``description`` stays."""
    if isinstance(schema, list):
        return [_without(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    found = {}
    for key, value in schema.items():
        if key == "properties" and isinstance(value, dict):
            found[key] = {name: _without(one) for name, one in value.items()}
        elif key not in ("description", "title", "examples", "default"):
            found[key] = _without(value)
    return found
