"""Approvals: calls that wait until a person has said yes, no, or nothing for too long.

    asked → waiting → approved → running → over → the agent is told
                    ↘ denied, expired ↗

Each step is on disk before the next one begins: an approved call is made once and never twice, and after a crash in the
midst of it the agent is told that nobody knows whether it was.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from nanobot.agent import approval_words as words
from nanobot.agent.approval import Approval, Stage, digest_of
from nanobot.agent.approval_file import ApprovalFile
from nanobot.agent.asked_where import Place, owners_chats
from nanobot.agent.foreign import TAINTED, marked
from nanobot.agent.toolbox import Toolbox
from nanobot.contracts.agent import Turn
from nanobot.contracts.model import ToolCall
from nanobot.contracts.policy import Judgement
from nanobot.conversations.message import Message
from nanobot.conversations.origin import Origin
from nanobot.errors import Busy, NanobotError, StorageError
from nanobot.hub.context import ACTING, Context
from nanobot.hub.entry import Entry
from nanobot.hub.hub import Phase
from nanobot.hub.issues import Severity
from nanobot.util.text import one_line
from nanobot.util.translate import translate

EXPIRES = 3600.0  # s
MOST = 50  # that wait at a time
MOST_OF_SESSION = 10
LONGEST = 20_000  # characters that a person is shown
AGAIN_AFTER = 30.0  # s until an agent that could not be told is told again
TOOL_LIMIT = 5.0  # s in which a tool that is being reloaded is expected back
NOS = 200  # refused calls that are remembered

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Options:
    """``expires`` in seconds. ``where``: the chats that are asked; none: where an owner asked, else those of owners."""

    expires: float = EXPIRES
    where: tuple[Place, ...] = ()


class Approvals:
    """All of one hub. ``options`` may be replaced at any time."""

    def __init__(self, entry: Entry) -> None:
        self.hub = entry.hub
        self.options = Options()
        self._entry = entry
        self._all: dict[int, Approval] = {}
        self._last = 0
        self._nos: OrderedDict[tuple[str, str], float] = OrderedDict()
        self._ready = asyncio.Event()
        self._changed = asyncio.Event()
        self._file = ApprovalFile(entry.hub.storage)
        self._busy: set[int] = set()
        entry.listen("homeassistant_started", lambda event: self._changed.set())

    async def ready(self) -> None:
        """Until those of before the last start are known."""
        await self._ready.wait()

    def waiting(self) -> list[Approval]:
        """Those that nobody has decided, oldest first."""
        return [one for one in self._all.values() if one.stage is Stage.WAITING]

    async def keep(self) -> None:
        """Take up those of before, then see to it that each comes to an end. Runs for ever."""
        if not self._ready.is_set():
            await self._load()
            self._ready.set()
        while True:
            self._changed.clear()
            now = self.hub.clock.time()
            for one in list(self._all.values()):
                if one.stage is Stage.WAITING and one.expires <= now:
                    await self._close(one, words.EXPIRED.format(number=one.number, tool=one.tool), "expired")
                elif one.stage is Stage.APPROVED:
                    self._begin(one)
                elif one.stage is Stage.OVER:
                    await self._tell_agent(one)
            await self._wait()

    # -- asking -----------------------------------------------------------------------------------------

    async def ask(self, call: ToolCall, summary: str, agent: str, turn: Turn, judgement: Judgement) -> str:
        """Have people asked about a call; gives what the model is told meanwhile."""
        try:
            async with asyncio.timeout(TOOL_LIMIT):
                await self.ready()
        except TimeoutError:
            return words.NOT_NOW
        summary = self.hub.scrubber.scrub(summary)
        digest = digest_of(call.name, call.arguments, summary)
        refusal = self._no_question(digest, summary, turn)
        if refusal is not None:
            return refusal
        now = self.hub.clock.time()
        self._last += 1
        one = Approval(
            number=self._last,
            made=now,
            expires=now + self.options.expires,
            tool=call.name,
            arguments=call.arguments,
            summary=summary,
            digest=digest,
            why=self.hub.scrubber.scrub(judgement.why),
            agent=agent,
            turn=turn.id,
            origin=Origin.of(turn),
            tainted=not turn.owner or self.hub.policy.is_tainted(turn.id),
            in_chat=turn.channel in self.hub.channels,
        )
        self._all[one.number] = one
        try:
            await self._save()
        except StorageError as error:
            del self._all[one.number]
            _log.error("nobody is asked about %s: %s", call.name, error)
            return words.NOT_NOW
        reached = await self._send(one, await self._whom(turn))
        self._show(one)
        self._fire("approval_asked", one)
        self._changed.set()
        return (words.ASKED if reached else words.ASKED_NOBODY).format(number=one.number, why=one.why)

    # -- deciding ---------------------------------------------------------------------------------------

    async def approve(self, number: int, by: str) -> Approval:
        """Have it done, exactly as it was shown. Raises ``NanobotError`` when it does not wait any more."""
        one = self._waiting(number)
        one.stage = Stage.APPROVED
        try:
            await self._save()
        except StorageError:
            one.stage = Stage.WAITING
            raise
        self._decided(one, "approved", by)
        self._begin(one)
        return one

    async def deny(self, number: int, by: str, reason: str = "") -> Approval:
        """Have it not done. Raises ``NanobotError`` when it does not wait any more."""
        one = self._waiting(number)
        told = f' They wrote: "{one_line(reason, 500)}".' if reason else ""
        self._nos[one.origin.session, one.digest] = self.hub.clock.time()
        while len(self._nos) > NOS:
            self._nos.popitem(last=False)
        await self._close(one, words.DENIED.format(number=number, tool=one.tool, reason=told), "denied", by)
        return one

    def _waiting(self, number: int) -> Approval:
        one = self._all.get(number)
        if one is None or one.stage is not Stage.WAITING or one.expires <= self.hub.clock.time():
            raise NanobotError(translate("approvals.not_waiting", self.hub.language, number=number))
        return one

    # -- carrying out -----------------------------------------------------------------------------------

    def _begin(self, one: Approval) -> None:
        if one.number not in self._busy and self.hub.phase is Phase.RUNNING:  # before that its tool may be missing
            self._busy.add(one.number)
            self._entry.spawn(self._carry_out(one), f"approval {one.number}")

    async def _carry_out(self, one: Approval) -> None:
        try:
            toolbox = Toolbox(self.hub)
            await self._until_there(one.tool)
            if not one.is_whole or toolbox.summary(one.call) not in (one.summary, None):
                await self._close(one, words.CHANGED.format(number=one.number, tool=one.tool), "failed")
                return
            one.stage = Stage.RUNNING
            await self._save()  # a crash from here on must not make it happen twice
            turn = one.as_turn()
            ACTING.set(one.agent)
            if one.tainted:
                self.hub.policy.taint(turn.id)
            outcome = await toolbox.call(one.call, turn, approved=True)
            text = marked(outcome.text, one.tool, self.hub.policy.key) if outcome.untrusted else outcome.text
            one.foreign = outcome.untrusted
            told = words.APPROVED.format(number=one.number, tool=one.tool, result=text)
            await self._close(one, told, "failed" if outcome.failed else "done")
        except StorageError as error:  # nothing is done that could not be written down
            one.stage = Stage.APPROVED if one.stage is Stage.RUNNING and not one.result else one.stage
            _log.error("approval %s waits for the disk: %s", one.number, error)
            self._entry.call_later(AGAIN_AFTER, self._changed.set)
        finally:
            self._busy.discard(one.number)

    async def _until_there(self, tool: str) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(TOOL_LIMIT):
                while tool not in self.hub.tools:
                    await self.hub.tools.changed()

    # -- the end ----------------------------------------------------------------------------------------

    async def _close(self, one: Approval, result: str, outcome: str, by: str = "") -> None:
        one.stage, one.result = Stage.OVER, result
        if outcome in ("denied", "expired"):
            self._decided(one, outcome, by)
        else:
            self._fire("approval_finished", one, outcome=outcome)
        with contextlib.suppress(StorageError):  # said again after a crash, which does no harm
            await self._save()
        await self._tell_agent(one)

    async def _tell_agent(self, one: Approval) -> None:
        """Bring the result into the session in which it was asked for, as the beginning of a new turn."""
        if one.number not in self._all:
            return
        try:
            if one.in_chat:
                await self.hub.conversations.bring(self._message(one))
            else:  # a program asked, and has long gone on
                await self._tell_people(one)
        except (Busy, StorageError) as error:
            _log.warning("the agent is told later what came of approval %s: %s", one.number, error)
            self._entry.call_later(AGAIN_AFTER, self._changed.set)
            return
        self._all.pop(one.number, None)
        with contextlib.suppress(StorageError):
            await self._save()

    async def _tell_people(self, one: Approval) -> None:
        places = self.options.where or await owners_chats(self.hub)
        if not places and self.hub.phase is not Phase.RUNNING:
            raise Busy("the channels are not there yet")
        for place in places:
            await self.hub.conversations.send(place.channel, place.chat, one.result, thread=place.thread)

    def _message(self, one: Approval) -> Message:
        extra = {TAINTED: True} if one.foreign or one.tainted else {}
        agent = one.agent if one.agent in self.hub.agents else None
        return one.origin.message(one.result, self.hub.clock.time(), agent=agent, extra=extra)

    # -- inside -----------------------------------------------------------------------------------------

    def _no_question(self, digest: str, summary: str, turn: Turn) -> str | None:
        """Why nobody is asked, for the model: what people are asked too often they answer without reading."""
        if len(summary) > LONGEST:
            return words.TOO_LONG
        of_session = [one for one in self.waiting() if one.origin.session == turn.session]
        for one in of_session:
            if one.digest == digest:
                return words.ASKED_ALREADY.format(number=one.number)
        said_no = self._nos.get((turn.session, digest))
        if said_no is not None and self.hub.clock.time() - said_no < self.options.expires:
            return words.SAID_NO
        if len(of_session) >= MOST_OF_SESSION or len(self._all) >= MOST:
            return words.TOO_MANY
        return None

    async def _whom(self, turn: Turn) -> Sequence[Place]:
        if self.options.where:
            return self.options.where
        if turn.owner and turn.channel in self.hub.channels:
            return (Place(turn.channel, turn.chat, turn.thread, turn.session, turn.language),)
        return await owners_chats(self.hub)

    async def _send(self, one: Approval, places: Sequence[Place]) -> bool:
        reached = False
        for place in places:
            channel = self.hub.channels.get(place.channel)
            buttons = channel is not None and channel.limits.buttons
            try:
                await self.hub.conversations.send(
                    place.channel,
                    place.chat,
                    words.question(self.hub, one, place.language or self.hub.language),
                    thread=place.thread,
                    session=place.session,
                    buttons=(f"/approve {one.number}", f"/deny {one.number}") if buttons else (),
                    context=Context(parent_id=one.turn, actor="agent"),
                )
            except NanobotError as error:
                _log.error("approval %s: %s", one.number, error)
            else:
                reached = True
        return reached

    def _show(self, one: Approval) -> None:
        self.hub.issues.create(
            f"approval.{one.number}",
            "issues.approval",
            severity=Severity.WARNING,
            number=one.number,
            what=one.tool,
            time=words.until(self.hub, one),
        )

    def _decided(self, one: Approval, outcome: str, by: str) -> None:
        self.hub.issues.resolve(f"approval.{one.number}")
        self._fire("approval_decided", one, outcome=outcome, by=by)

    def _fire(self, event: str, one: Approval, **more: Any) -> None:
        of = {"agent": one.agent, "session": one.origin.session, "turn": one.turn}
        self.hub.bus.fire(
            event, {"number": one.number, "what": one.tool, **of, **more}, Context(parent_id=one.turn, actor="agent")
        )

    async def _load(self) -> None:
        last, kept = await self._file.load()
        self._last = max(self._last, last)
        for one in kept:
            self._all[one.number] = one
            if one.stage is Stage.RUNNING:
                one.stage, one.result = Stage.OVER, words.UNKNOWN.format(number=one.number, tool=one.tool)
            elif one.stage is Stage.WAITING:
                self._show(one)

    async def _save(self) -> None:
        """On disk when this returns. Raises ``StorageError``."""
        await self._file.save(self._last, list(self._all.values()))

    async def _wait(self) -> None:
        """Until the next one expires, or something has changed."""
        times = [one.expires for one in self.waiting()]
        wait = max(0.0, min(times) - self.hub.clock.time()) if times else None
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(None if wait is None else min(wait + 0.01, 60.0)):
                await self._changed.wait()
