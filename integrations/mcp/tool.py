"""What a server offers, as tools of the hub: its tools, and one each to read its resources and prompts."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import orjson
import voluptuous as vol

from nanobot.contracts.agent import Turn
from nanobot.contracts.channel import Attachment
from nanobot.contracts.tool import Risk, Tool, ToolResult
from nanobot.errors import Refused, StorageError, ToolError

if TYPE_CHECKING:
    from .server import Server

LONGEST_NAME = 64  # characters; what the providers of models take
LONGEST_DESCRIPTION = 1500
MOST_NAMED = 30  # resources or prompts in a description

_STRANGE = re.compile(r"[^a-zA-Z0-9_-]")


def tool_name(server: str, name: str) -> str:
    """``server__name``, in the characters and the length that models take."""
    plain = f"{server}__{_STRANGE.sub('_', name)}"
    if len(plain) <= LONGEST_NAME:
        return plain
    return f"{plain[: LONGEST_NAME - 9]}_{hashlib.sha256(name.encode()).hexdigest()[:8]}"


class _Offered(Tool):
    parallel = False
    parameters = vol.Schema(dict)

    def __init__(self, server: Server, name: str) -> None:
        self.server = server
        self.name = name
        self.untrusted = not server.config["trusted"]
        self.timeout = server.config["timeout"] + 10


class ServerTool(_Offered):
    """A tool of a server. What the server says of it is for the model; the server checks the arguments."""

    def __init__(self, server: Server, name: str, offered: Any, risk: Risk) -> None:
        super().__init__(server, name)
        self.risk = risk
        self.description = _short(offered.description or offered.title or offered.name)
        self.json_schema = {"type": "object", **offered.input_schema}
        self._called = offered.name

    def summary(self, arguments: Mapping[str, Any]) -> str:
        told = orjson.dumps(dict(arguments), option=orjson.OPT_INDENT_2, default=str).decode()
        return f"Have the MCP server {self.server.name} do {self._called} with\n{told}"

    async def call(self, arguments: Mapping[str, Any], turn: Turn) -> ToolResult:
        result = await self.server.ask(
            lambda session: session.call_tool(
                self._called, dict(arguments), read_timeout_seconds=self.server.config["timeout"] + 5
            )
        )
        text, files = await told(self.server, result.content)
        structured = result.structured_content
        if not text and structured:
            text = orjson.dumps(structured, default=str).decode()
        if result.is_error:
            raise ToolError(text or f"{self._called} failed, and the server does not say why.")
        return ToolResult(text, structured if isinstance(structured, dict) else {}, files=files)


class ReadResource(_Offered):
    """Something that the server has to read."""

    def __init__(self, server: Server, name: str, about: Sequence[str]) -> None:
        super().__init__(server, name)
        self.description = f"Read a resource of {server.name} by its uri.{_list(about)}"
        self.parameters = vol.Schema({vol.Required("uri"): vol.All(str, vol.Length(min=1, max=2000))})

    async def call(self, arguments: Mapping[str, Any], turn: Turn) -> ToolResult:
        result = await self.server.ask(lambda session: session.read_resource(arguments["uri"]))
        texts: list[str] = []
        files: list[Attachment] = []
        for one in result.contents:
            if getattr(one, "text", None) is not None:
                texts.append(one.text)
            elif (one.mime_type or "").startswith("image/"):
                texts += await _kept(self.server, "picture", one.blob, one.mime_type, files)
            else:
                texts.append(f"({one.mime_type or 'data'}, no text)")
        return ToolResult("\n\n".join(texts), files=tuple(files))


class GetPrompt(_Offered):
    """Instructions that the server has for a kind of work."""

    def __init__(self, server: Server, name: str, about: Sequence[str]) -> None:
        super().__init__(server, name)
        self.description = f"Get a prompt of {server.name} by its name.{_list(about)}"
        self.parameters = vol.Schema(
            {vol.Required("name"): str, vol.Optional("arguments"): {str: vol.Any(str, vol.Coerce(str))}}
        )

    async def call(self, arguments: Mapping[str, Any], turn: Turn) -> ToolResult:
        result = await self.server.ask(
            lambda session: session.get_prompt(arguments["name"], arguments.get("arguments", {}))
        )
        parts = [await told(self.server, [message.content]) for message in result.messages]
        text = "\n\n".join(text for text, _ in parts if text)
        return ToolResult(text, files=tuple(file for _, files in parts for file in files))


async def told(server: Server, content: Sequence[Any]) -> tuple[str, tuple[Attachment, ...]]:
    """The text of an answer, and its pictures and sounds as files."""
    texts: list[str] = []
    files: list[Attachment] = []
    for one in content:
        match one.type:
            case "text":
                texts.append(one.text)
            case "image" | "audio":
                texts += await _kept(server, one.type, one.data, one.mime_type, files)
            case "resource":
                texts.append(getattr(one.resource, "text", None) or f"({one.resource.uri}, no text)")
            case "resource_link":
                texts.append(f"{one.uri} {one.name}")
    return "\n".join(texts), tuple(files)


async def _kept(server: Server, what: str, data: str, kind: str, files: list[Attachment]) -> list[str]:
    """Keep a file, as one of ``files``; or say why it cannot be."""
    try:
        files.append(await server.hub.media.keep(server.name, what, base64.b64decode(data, validate=True), kind))
    except (binascii.Error, Refused, StorageError) as error:
        return [f"({what} that cannot be kept: {error})"]
    return []


def _list(about: Sequence[str]) -> str:
    if not about:
        return ""
    more = f"; and {len(about) - MOST_NAMED} more" if len(about) > MOST_NAMED else ""
    return _short(f" There are: {'; '.join(about[:MOST_NAMED])}{more}")


def _short(text: str) -> str:
    text = text.strip("\n")
    return text if len(text) <= LONGEST_DESCRIPTION else f"{text[: LONGEST_DESCRIPTION - 1]}…"
