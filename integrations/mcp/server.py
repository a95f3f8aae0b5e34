"""One server: connected, asked what it has, and connected again when it is gone."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import tempfile
from collections.abc import AsyncIterator, Callable, Mapping
from fnmatch import fnmatchcase
from typing import Any, TextIO

import orjson

from nanobot.contracts.tool import Risk, Tool
from nanobot.errors import NotReady, ToolError
from nanobot.hub.entry import Entry
from nanobot.hub.issues import Severity
from nanobot.util.text import one_line

from .tool import GetPrompt, ReadResource, ServerTool, tool_name

CONNECTED_WITHIN = 30.0  # s
ASKED_EVERY = 30.0  # s between two signs of life
ANSWERED_WITHIN = 15.0  # s
MOST_TOOLS = 128  # of one server
PAGES = 20
WENT_AWAY = "The server {} went away while it was asked. Whether it has done it is not known."


class Server:
    """``known``: by the name of a tool what its description was when it was last seen, as a hash."""

    def __init__(
        self,
        part: Entry,
        name: str,
        config: Mapping[str, Any],
        known: Mapping[str, str],
        remember: Callable[[Mapping[str, str]], None],
    ) -> None:
        self.name = name
        self.config = config
        self.hub = part.hub
        self.why = "it has not answered yet"
        """While it is away: the reason, as a part of a sentence."""
        self._part = part
        self._known = dict(known)
        self._remember = remember
        self._session: Any = None
        self._gone: asyncio.Future[None] | None = None
        self._changed = asyncio.Event()
        self._lost = False
        self._tools: dict[str, tuple[str, Callable[[], None]]] = {}
        """By name: what it was made of, and what removes it."""

    async def run(self) -> None:
        """Connected until something goes wrong. Raises ``NotReady`` with the reason."""
        with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as said:
            try:
                async with self._connected(said) as session:
                    self._session, self._gone = session, asyncio.get_running_loop().create_future()
                    self._lost = False
                    await self._offer()
                    while not self._lost:
                        await self._wait_for_a_change()
                        await (self._offer() if self._changed.is_set() else self._ask_for_life())
                    raise ConnectionError("the connection is closed")
            except asyncio.CancelledError:
                raise
            except BaseException as error:
                self.why = self._reason(error, said)
                raise NotReady(f"{self.name}: {self.why}") from None
            finally:
                self._session = None
                if self._gone is not None and not self._gone.done():
                    self._gone.set_result(None)

    async def ask(self, request: Callable[[Any], Any]) -> Any:
        """``await request(session)``, which ends when the connection does. Raises ``ToolError``."""
        session, gone = self._session, self._gone
        if session is None or gone is None:
            raise ToolError(f"The server {self.name} is away: {self.why}. It is tried again and again.")
        asking = asyncio.ensure_future(request(session))
        try:
            limit = self.config["timeout"]
            await asyncio.wait({asking, gone}, timeout=limit, return_when=asyncio.FIRST_COMPLETED)
            if gone.done():
                raise ToolError(WENT_AWAY.format(self.name))
            if not asking.done():
                raise ToolError(f"The server {self.name} did not answer within {limit:g} s.")
            return asking.result()
        except ToolError:
            raise
        except Exception as error:
            if _is_closed(error):
                self._lost = True
                self._changed.set()
                raise ToolError(WENT_AWAY.format(self.name)) from None
            raise ToolError(f"{self.name} answers: {self.hub.scrubber.scrub(_words(error))}") from None
        finally:
            asking.cancel()

    # -- inside ---------------------------------------------------------------------------------

    @contextlib.asynccontextmanager
    async def _connected(self, said: TextIO) -> AsyncIterator[Any]:
        from mcp import ClientSession, types

        async def heard(message: Any) -> None:
            if isinstance(message, types.ToolListChangedNotification):
                self._changed.set()

        client = types.Implementation(name="nanobot", version="1")
        async with (
            self._transport(said) as streams,
            ClientSession(
                streams[0],
                streams[1],
                read_timeout_seconds=CONNECTED_WITHIN,
                message_handler=heard,
                client_info=client,
            ) as session,
        ):
            async with asyncio.timeout(CONNECTED_WITHIN):
                await session.initialize()
            yield session

    @contextlib.asynccontextmanager
    async def _transport(self, said: TextIO) -> AsyncIterator[Any]:
        config = self.config
        if "command" in config:
            from mcp.client.stdio import StdioServerParameters, stdio_client

            program = StdioServerParameters(
                command=config["command"],
                args=config.get("args", []),
                env={name: value.reveal() for name, value in config.get("env", {}).items()},
                cwd=config.get("folder"),
            )
            async with stdio_client(program, errlog=said) as streams:
                yield streams
        else:
            from mcp.client.streamable_http import streamable_http_client
            from mcp.shared._httpx_utils import create_mcp_http_client

            headers = {name: value.reveal() for name, value in config.get("headers", {}).items()}
            async with (
                create_mcp_http_client(headers=headers) as client,
                streamable_http_client(config["url"], http_client=client) as streams,
            ):
                yield streams

    async def _wait_for_a_change(self) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(ASKED_EVERY):
                await self._changed.wait()

    async def _ask_for_life(self) -> None:
        async with asyncio.timeout(ANSWERED_WITHIN):
            await self._session.send_ping()

    async def _offer(self) -> None:
        """Have the tools in the hub that it has now."""
        self._changed.clear()
        async with asyncio.timeout(CONNECTED_WITHIN):
            made = await self._make()
        for name in [name for name in self._tools if name not in made or made[name][0] != self._tools[name][0]]:
            self._tools.pop(name)[1]()
        for name, (mark, tool) in made.items():
            if name not in self._tools:
                try:
                    self._tools[name] = (mark, self._part.add(tool))
                except ValueError as error:
                    self._part.log.warning("%s is left out: %s", name, error)
        self._compare({name: mark for name, (mark, _) in made.items()})
        self.why = "it is being connected"

    async def _make(self) -> dict[str, tuple[str, Tool]]:
        session = self._session
        made: dict[str, tuple[str, Tool]] = {}
        offered = await _all(session.list_tools, "tools") if session.server_capabilities.tools else []
        wanted = [tool for tool in offered if any(fnmatchcase(tool.name, glob) for glob in self.config["tools"])]
        if len(wanted) > MOST_TOOLS:
            self._part.log.warning("of %d tools the first %d are offered; choose with 'tools'", len(wanted), MOST_TOOLS)
        for found in wanted[:MOST_TOOLS]:
            name = tool_name(self.name, found.name)
            mark = hashlib.sha256(orjson.dumps([found.description, found.input_schema])).hexdigest()[:16]
            made[name] = (mark, ServerTool(self, name, found, self._risk(found)))
        if session.server_capabilities.resources:
            resources = await _all(session.list_resources, "resources")
            about = [f"{one.uri} {one.name}" for one in resources]
            tool: Tool = ReadResource(self, tool_name(self.name, "read_resource"), about)
            made.setdefault(tool.name, (str(about), tool))
        if session.server_capabilities.prompts:
            prompts = await _all(session.list_prompts, "prompts")
            about = [f"{one.name} {one_line(one.description or '', 80)}".strip() for one in prompts]
            tool = GetPrompt(self, tool_name(self.name, "prompt"), about)
            made.setdefault(tool.name, (str(about), tool))
        return made

    def _risk(self, tool: Any) -> Risk:
        """What the configuration says; what a trusted server says of its tool; else the careful guess."""
        for glob, risk in self.config["risk"].items():
            if fnmatchcase(tool.name, glob):
                return Risk(risk)
        hints = tool.annotations
        if self.config["trusted"] and hints is not None:
            if hints.read_only_hint:
                return Risk.READ
            if hints.destructive_hint:
                return Risk.DANGEROUS
        return Risk.OUTSIDE

    def _compare(self, now: Mapping[str, str]) -> None:
        """Say when a tool describes itself otherwise than before: what a model reads there, it may obey."""
        other = sorted(name for name, mark in now.items() if self._known.get(name, mark) != mark)
        if other:
            names = ", ".join(other)
            self._part.log.warning("the server %s describes other than before: %s", self.name, names)
            self._part.issue("described_anew", severity=Severity.WARNING, server=self.name, tools=names)
        if dict(now) != self._known:
            self._known = dict(now)
            self._remember(self._known)

    def _reason(self, error: BaseException, said: TextIO) -> str:
        words = _words(error)
        with contextlib.suppress(OSError, ValueError):
            said.seek(0)
            lines = [line.strip() for line in said.read()[-4000:].splitlines() if line.strip()]
            if lines and "command" in self.config:
                words = f"{words} ({lines[-1][:300]})"
        return self.hub.scrubber.scrub(words).rstrip(".")


async def _all(ask: Callable[..., Any], what: str) -> list[Any]:
    from mcp import types

    found: list[Any] = []
    answer = await ask()
    for _ in range(PAGES):
        found += getattr(answer, what)
        if not answer.next_cursor:
            break
        answer = await ask(params=types.PaginatedRequestParams(cursor=answer.next_cursor))
    return found


def _is_closed(error: Exception) -> bool:
    from mcp import MCPError, types

    return isinstance(error, OSError) or (isinstance(error, MCPError) and error.code == types.CONNECTION_CLOSED)


def _words(error: BaseException) -> str:
    """The first of what went wrong, in a line."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    if isinstance(error, TimeoutError):
        return "it did not answer in time"
    if isinstance(error, FileNotFoundError):
        return f"there is no program {error.filename}" if error.filename else "its program is not there"
    return one_line(str(error), 300) or type(error).__name__
