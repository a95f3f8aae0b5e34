"""The toolbox: what a model may call, in the words it understands, and what comes of a call."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from itertools import groupby
from typing import Any
from weakref import WeakKeyDictionary

import orjson
import voluptuous as vol

from nanobot.agent.foreign import has_foreign_words, marked
from nanobot.agent.tool_files import told
from nanobot.agent.tool_words import HELP, ToolHelp, fitting
from nanobot.config.explain import MOST_TOLD, explain
from nanobot.contracts.agent import Turn
from nanobot.contracts.model import ToolCall
from nanobot.contracts.policy import AGENT, Act, Verdict
from nanobot.contracts.tool import Risk, Tool
from nanobot.conversations.transcript import Exchange
from nanobot.errors import NanobotError
from nanobot.hub.context import ACTING
from nanobot.hub.hub import Hub
from nanobot.util.json_schema import to_json_schema
from nanobot.util.text import cut_in_the_middle, nearest, shorten

RESULT_LIMIT = 16_000  # characters of one result that the model reads
LONGEST_ARGUMENTS = 1_000_000  # characters of one call
MARGIN = 10_000  # characters; no secret is longer

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a call: ``text`` is for the model. ``seconds``: how long it took. ``untrusted``: it holds words of
    strangers. ``files``: the paths of pictures that it gave, in the media folder."""

    call: ToolCall
    text: str
    failed: bool = False
    seconds: float = 0.0
    untrusted: bool = False
    files: tuple[str, ...] = ()


class Toolbox:
    """The tools of the hub that an agent may use: those whose names fit ``allow`` and not ``deny`` (globs)."""

    def __init__(
        self,
        hub: Hub,
        *,
        allow: Sequence[str] = ("*",),
        deny: Sequence[str] = (),
        result_limit: int = RESULT_LIMIT,
    ) -> None:
        self.hub = hub
        self.allow = tuple(allow)
        self.deny = tuple(deny)
        self.only: tuple[str, ...] | None = None
        self.result_limit = result_limit
        self._fitted: tuple[int, list[Mapping[str, Any]], list[Mapping[str, Any]]] | None = None
        self._offered: tuple[int, list[Mapping[str, Any]]] | None = None
        self._described: WeakKeyDictionary[Tool, Mapping[str, Any]] = WeakKeyDictionary()

    def offered(self, room: int | None = None) -> list[Mapping[str, Any]]:
        """The tools in the shape of OpenAI's API; in fewer words where they take more than ``room`` characters."""
        if self._offered is None or self._offered[0] != self.hub.tools.revision:
            tools = sorted(self.hub.tools, key=lambda tool: tool.name)  # the same words in the same order can be cached
            offered = [self._describe(tool) for tool in tools if self._may(tool.name)]
            self._offered = (self.hub.tools.revision, offered)
        described = self._offered[1]
        if room is None:
            return described
        if self._fitted is None or self._fitted[0] != room or self._fitted[1] is not described:
            self._fitted = (room, described, fitting(described, room))
        return self._fitted[2]

    def writes(self, call: ToolCall) -> bool:
        """Whether a call may change the world. One of a tool that is not there may: a reload brings it back."""
        tool = self._find(call.name)
        return tool is None or tool.risk is not Risk.READ

    async def run(self, calls: Sequence[ToolCall], turn: Turn) -> AsyncGenerator[Outcome]:
        """Do what the model asked for: neighbours that harm nobody side by side, the others one after the other.

        Gives each outcome as soon as all before it are there. Whatever goes wrong is told in the outcome; only a
        cancellation gets out.
        """
        for side_by_side, group in groupby(calls, self._harmless):
            if side_by_side:
                for outcome in await asyncio.gather(*(self._timed(call, turn) for call in group)):
                    yield outcome
            else:
                for call in group:
                    if _is_cancelled():  # and the tool before this one took no notice
                        raise asyncio.CancelledError
                    yield await self._timed(call, turn)

    async def call(self, call: ToolCall, turn: Turn, *, approved: bool = False) -> Outcome:
        """Do one thing. ``approved``: a person has said yes to this very call. Raises nothing but a cancellation."""
        tool: Tool | None = None
        try:
            tool, arguments = self._understand(call)
            refusal = await self._held_back(call, tool, arguments, turn, approved=approved)
            if refusal is not None:
                return Outcome(call, self._fit(refusal), failed=True)
            try:
                async with asyncio.timeout(tool.timeout):
                    result = await tool.call(arguments, turn)
            except TimeoutError:
                return Outcome(call, f"{call.name} took more than {tool.timeout:g} s and was ended.", failed=True)
            untrusted = tool.untrusted if result.untrusted is None else result.untrusted
            text = self._fit(result.text)
            files: tuple[str, ...] = ()
            if result.files:
                about, files = await told(self.hub, result.files)
                text = f"{text}\n{self._scrubbed(about)}".strip()
            return Outcome(call, text or "Done.", untrusted=untrusted, files=files)
        except NanobotError as error:
            foreign = tool is not None and tool.untrusted
            return Outcome(call, self._fit(str(error)), failed=True, untrusted=foreign)
        except asyncio.CancelledError:
            if _is_cancelled():
                raise
            return Outcome(call, f"{call.name} was cut off before it came to an end.", failed=True)
        except Exception as error:
            _log.exception("the tool %s failed", call.name)
            return Outcome(call, self._fit(f"{call.name} failed: {type(error).__name__}: {error}"), failed=True)

    def summary(self, call: ToolCall) -> str | None:
        """What a call would do, as people are shown it; None when it makes no sense now."""
        try:
            tool, arguments = self._understand(call)
        except NanobotError:
            return None
        return self.hub.scrubber.scrub(tool.summary(arguments))

    def as_told(self, outcome: Outcome, turn: Turn) -> Outcome:
        """An outcome as the model reads it: words of strangers are marked, and taint the turn."""
        if not outcome.untrusted:
            return outcome
        policy = self.hub.policy
        policy.taint(turn.id)
        return replace(outcome, text=marked(outcome.text, outcome.call.name, policy.key))

    def remember(self, turn: Turn, exchanges: Iterable[Exchange], summary: str | None = None) -> None:
        """Look at what a turn begins with: strangers who have a part in it make its rules stricter."""
        if has_foreign_words(turn, exchanges, summary):
            self.hub.policy.taint(turn.id)

    async def _timed(self, call: ToolCall, turn: Turn) -> Outcome:
        began = time.monotonic()
        outcome = self.as_told(await self.call(call, turn), turn)
        return replace(outcome, seconds=time.monotonic() - began)

    def narrowed(self, only: Sequence[str]) -> Toolbox:
        """Those of the tools whose names also fit ``only`` (globs)."""
        toolbox = Toolbox(self.hub, allow=self.allow, deny=self.deny, result_limit=self.result_limit)
        toolbox.only = tuple(only)
        return toolbox

    # -- inside ---------------------------------------------------------------------------------

    async def _held_back(
        self, call: ToolCall, tool: Tool, arguments: Mapping[str, Any], turn: Turn, *, approved: bool
    ) -> str | None:
        """Why the call is not made now, for the model; None when it may be."""
        policy = self.hub.policy
        act = Act(
            AGENT,
            tool.name,
            Risk.READ,
            arguments,
            agent=ACTING.get(),
            person=turn.person,
            owner=turn.owner,
            channel=turn.channel,
            chat=turn.chat,
            session=turn.session,
            tainted=not turn.owner or policy.is_tainted(turn.id),
            tool=tool.name,
            turn=turn.id,
            guarded=tool.guards_guests,
        )
        judgement = policy.judge_all(
            [replace(act, what=what, risk=risk) for what, risk in tool.acts(arguments, turn)], turn.context
        )
        if judgement.verdict is Verdict.ALLOW or (approved and judgement.verdict is Verdict.ASK):
            return None
        if judgement.verdict is Verdict.ASK and self.hub.approvals is not None:
            asked: str = await self.hub.approvals.ask(call, tool.summary(arguments), act.agent, turn, judgement)
            return asked
        return judgement.why or f"{tool.name} may not be called here."

    def _may(self, name: str) -> bool:
        if self.only is not None and not any(fnmatchcase(name, glob) for glob in self.only):
            return False
        return any(fnmatchcase(name, glob) for glob in self.allow) and not any(
            fnmatchcase(name, glob) for glob in self.deny
        )

    def _find(self, name: str) -> Tool | None:
        tool = self.hub.tools.get(name)
        if tool is None and name == HELP:
            return ToolHelp({one["function"]["name"]: one for one in self.offered()})
        return tool if tool is not None and self._may(name) else None

    def _harmless(self, call: ToolCall) -> bool:
        tool = self._find(call.name)
        return tool is not None and tool.parallel

    def _understand(self, call: ToolCall) -> tuple[Tool, Any]:
        tool = self._find(call.name)
        if tool is None:
            names = [tool.name for tool in self.hub.tools if self._may(tool.name)]
            near = nearest(call.name, names)
            meant = f" Did you mean {near}?" if near else ""
            raise NanobotError(
                f"There is no tool {shorten(call.name)}.{meant} There are: {', '.join(names) or 'none'}."
            )
        arguments = arguments_of(call)
        try:
            return tool, tool.parameters(arguments)
        except vol.Invalid as error:
            problems = explain(error, arguments, (), tool.parameters, most=MOST_TOLD)
            told = "; ".join(
                f"{'.'.join(map(str, problem.path))}: {problem.sentence()}".lstrip(": ") for problem in problems
            )
            raise NanobotError(f"The arguments of {tool.name} are wrong: {told}") from error

    def _describe(self, tool: Tool) -> Mapping[str, Any]:
        described = self._described.get(tool)
        if described is None:
            function = {
                "name": tool.name,
                "description": tool.description,
                "parameters": tool.json_schema or to_json_schema(tool.parameters),
            }
            described = self._described[tool] = {"type": "function", "function": function}
        return described

    def _fit(self, text: str) -> str:
        """Scrubbed of secrets, and cut in the middle where it is too long."""
        limit, length = self.result_limit, len(text)
        if length > limit + 2 * MARGIN:
            half = limit // 2
            # The middle need not be read. Where it begins and ends, half of a secret may stand: that goes as well.
            head = self._scrubbed(text[: half + MARGIN])[:-MARGIN]
            tail = self._scrubbed(text[-half - MARGIN :])[MARGIN:]
            return f"{head}\n[… {length - len(head) - len(tail)} characters left out …]\n{tail}"
        return cut_in_the_middle(self._scrubbed(text), limit)

    def _scrubbed(self, text: str) -> str:
        return self.hub.scrubber.scrub(text).rstrip()  # blanks at the beginning may be the indent of a line


def arguments_of(call: ToolCall) -> dict[str, Any]:
    """Without what is null: many models write that for "not given". Raises ``NanobotError``."""
    if len(call.arguments) > LONGEST_ARGUMENTS:
        raise NanobotError(
            f"The arguments of {call.name} are too long; {LONGEST_ARGUMENTS} characters are the most. Do it in parts."
        )
    if not call.arguments.strip():
        return {}
    try:
        arguments = orjson.loads(call.arguments)
    except ValueError as error:
        raise NanobotError(
            f"The arguments of {call.name} are no valid JSON ({error}). Call it again with one JSON object."
        ) from error
    if not isinstance(arguments, dict):
        raise NanobotError(f"The arguments of {call.name} must be one JSON object, such as {{}}.")
    return {name: value for name, value in arguments.items() if value is not None}


def _is_cancelled() -> bool:
    """Whether whoever runs now has been told to end."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
