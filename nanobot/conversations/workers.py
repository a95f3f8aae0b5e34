"""The workers: they give each message to an agent, and what the agent says to the outbox."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from nanobot.contracts import model as said
from nanobot.contracts.agent import Agent, Record
from nanobot.conversations.attendance import Attendance
from nanobot.conversations.claims import Claims, Nobody
from nanobot.conversations.delivery import Delivery
from nanobot.conversations.disk import Disk, ignore
from nanobot.conversations.inbox import Inbox
from nanobot.conversations.message import Message
from nanobot.conversations.outbox import Letter
from nanobot.conversations.packing import whole
from nanobot.conversations.sessions import KEPT_FOR_OWNERS, Sessions
from nanobot.conversations.traces import Traces
from nanobot.conversations.transcript import Steps
from nanobot.conversations.turns import CUT_LIMIT, Answer, Cut, Running, turn_of
from nanobot.errors import StorageError
from nanobot.util.aio import Tasks
from nanobot.util.ids import ulid
from nanobot.util.translate import translate

if TYPE_CHECKING:
    from nanobot.hub.hub import Hub

MAX_TURNS = 100  # turns that run at the same time
MAX_CRASHES = 3  # crashes of the process that a message may be in the midst of
MAX_CUTS = 10  # times that a message may be taken from an agent that leaves
BEGIN_AFTER = 0.05  # s before it is written down that a turn runs; most short ones are over by then
STEERED = "steered"
"""The outcome of a message that became a part of the turn that ran."""
END_LIMIT = 3.0  # s for the answers of turns that ended to be written

_log = logging.getLogger(__name__)


class Workers:
    """At most one turn for each session, and ``max_turns`` in all. Nobody works while there is nothing to do."""

    def __init__(
        self,
        hub: Hub,
        sessions: Sessions,
        inbox: Inbox,
        steps: Steps,
        traces: Traces,
        delivery: Delivery,
        disk: Disk,
    ) -> None:
        self.hub = hub
        self.sessions = sessions
        self.inbox = inbox
        self.steps = steps
        self.traces = traces
        self.delivery = delivery
        self.disk = disk
        self.attendance = Attendance(hub, self.pump)
        self.claims = Claims()
        self.max_turns = MAX_TURNS
        self.max_crashes = MAX_CRASHES
        self.resting = False
        """Whether no more turns begin."""
        self._running: dict[str, Running] = {}
        self._tasks = Tasks("turns")

    def __len__(self) -> int:
        return len(self._running)

    def running(self, session: str) -> Running | None:
        """The turn of that session, if one runs."""
        return self._running.get(session)

    def messages(self) -> list[Message]:
        """Those that are with an agent."""
        return [run.message for run in self._running.values() if not run.over.done()]

    def agent_of(self, session: str) -> Agent | None:
        """Who would answer there now."""
        run = self._running.get(session)
        if run is not None:
            return run.agent
        agent = self.attendance.choose()
        handed = self.hub.conversations.notes.agent(session)
        return agent if handed is None else self.hub.agents.get(handed) or agent

    def look_ahead(self, message: Message) -> None:
        """Have whoever will answer a message find out what it can while that is being written down. For one whose turn
        does not begin right after, it would be too early."""
        session = message.session
        if session in self._running or self.resting or self.sessions.waiting_in(session) > 1 or not self._has_room():
            return
        agent = self._expected(message)
        coming = None if agent is None else agent.ahead(turn_of(self.hub, message, agent))
        if agent is not None and coming is not None:
            found = asyncio.ensure_future(coming)
            found.add_done_callback(ignore)
            message.ahead = (agent, found)

    def _expected(self, message: Message) -> Agent | None:
        """Whoever will answer it, as far as that can be said without a wait."""
        if message.agent:
            return self.hub.agents.get(message.agent)
        agent = self.attendance.choose()
        return None if agent is None else self.attendance.meant(message, agent)

    def turns_of(self, agent: Agent) -> list[Running]:
        """The turns that this agent is busy with."""
        return [run for run in self._running.values() if run.agent is agent]

    async def rest(self, limit: float) -> None:
        """Begin no more turns; let those that run end within ``limit`` seconds, then cut them off."""
        self.resting = True
        runs = list(self._running.values())
        await self.end(runs, limit)
        if runs:
            await asyncio.wait([run.ended for run in runs], timeout=END_LIMIT)

    async def close(self) -> None:
        """What does not end by itself is cancelled."""
        self.attendance.close()
        await self._tasks.cancel(CUT_LIMIT)

    def pump(self) -> None:
        """Begin as many turns as may run."""
        while not self.resting and self._has_room():
            if not self.sessions.is_ready(for_guests=self._has_room(for_guests=True)):
                return
            agent = self.attendance.choose()
            if agent is None:
                self._give_to_claims()
                if self.sessions.is_ready():
                    self.attendance.miss()
                return
            self._begin(Running(self.hub, self.sessions.next(), agent, self._keep))

    def overhear(self, message: Message) -> None:
        """Give a message that just came to whoever waits for it, although its session is in a turn: that turn may be
        what waits, and would wait for ever for a message that stands in line behind it."""
        if message.session in self._running and not self.resting and self.claims and self.claims.offer(message):
            self.sessions.take(message)
            run = Running(self.hub, message, Nobody(), self._keep)
            self._tasks.spawn(self._finish(run, Answer("claimed")), f"claimed {message.id}")

    async def steer(self, turn: str, session: str) -> list[said.Message]:
        """What its sender has written since, which then belongs to the turn that runs and gets no turn of its own.

        That is on disk when this returns: each message is part of exactly one turn, whatever happens. Nothing for a
        channel on which each message waits for its own answer, or when it cannot be written.
        """
        run = self._running.get(session)
        if run is None or run.message.id != turn or run.over.done():
            return []
        channel = self.hub.channels.get(run.message.channel)
        messages = self.sessions.waiting_like(run.message) if channel is None or channel.steers else []
        if not messages:
            return []
        steps = [said.Message("user", message.text) for message in messages]
        kept = [self.steps.kept(turn, step) for step in steps]

        def work(connection: sqlite3.Connection) -> None:
            for message, keep in zip(messages, kept, strict=True):
                self.inbox.finish(connection, message, STEERED)
                keep(connection)

        for message in messages:
            self.sessions.take(message)
        written = self.inbox.submit(work)
        written.add_done_callback(partial(self._steered, turn, messages))  # whether or not the turn still waits for it
        try:
            await asyncio.shield(written)
        except StorageError as error:
            self.disk.told(error)
            return []
        return steps

    def _steered(self, turn: str, messages: list[Message], written: asyncio.Future[None]) -> None:
        if written.cancelled() or written.exception() is not None:
            for message in reversed(messages):
                self.sessions.give_back(message)
            return
        for message in messages:
            run = Running(self.hub, message, Nobody(), self._keep)
            self.hub.bus.fire("turn_finished", {**run.finished(STEERED), "into": turn}, run.context)

    def _begin(self, run: Running) -> None:
        session = run.message.session
        self._running[session] = run
        self._tasks.spawn(self._turn(run), f"turn {session}")

    def _give_to_claims(self) -> None:
        """While there is no agent, those who wait for messages get theirs all the same."""
        for message in self.sessions.heads() if self.claims else ():
            if self._has_room() and self.claims.offer(message):
                run = Running(self.hub, self.sessions.next(message.session), Nobody(), self._keep)
                run.claimed = True
                self._begin(run)

    def _has_room(self, *, for_guests: bool = False) -> bool:
        kept = self.max_turns // KEPT_FOR_OWNERS if for_guests else 0
        return len(self._running) < self.max_turns - kept

    async def _turn(self, run: Running) -> None:
        message = run.message
        cut = False
        try:
            answer = await self._answer(run)
            cut = answer is None
            if answer is not None:
                await self._finish(run, answer)
        except Exception:  # the next message must work; this one is on disk and is taken up at the next start
            _log.exception("the turn for message %s of %s failed", message.id, message.session)
        finally:
            if not run.over.done():
                run.over.set_result(None)
            run.ended.set_result(None)
            self.traces.end(message.id)
            del self._running[message.session]
            if cut:
                self.sessions.put_back(message)
            else:
                self.sessions.done(message.session)
            self.pump()

    async def _answer(self, run: Running) -> Answer | None:
        message = run.message
        if message.crashes >= self.max_crashes or message.cuts >= MAX_CUTS:
            return Answer("given_up", translate("chat.given_up", run.language))
        if run.claimed or self.claims.offer(message):
            return Answer("claimed")
        if message.agent:
            run.agent = await self.attendance.named(message.agent) or run.agent
        else:
            run.agent = self.attendance.meant(message, run.agent)
        note: asyncio.TimerHandle | None = None
        if message.restored:
            # what crashed once may crash again at once: it must be on disk that this turn runs
            if not await self._persist(lambda: self.inbox.begin(message)):
                return None
        else:
            note = asyncio.get_running_loop().call_later(BEGIN_AFTER, self._note_begin, message)
        self.traces.begin(message.id, message.session, run.agent.name)
        if self.hub.bus.route("turn_started"):
            self.hub.bus.fire("turn_started", run.data(), run.context)
        try:
            answer = await run.respond()
        finally:
            if note is not None:
                note.cancel()
        if answer is None:
            message.attempts += 1
            message.cuts += 1
            self.inbox.cut(message).add_done_callback(ignore)
            self.hub.bus.fire("turn_finished", run.finished("cut"), run.context)
        return answer

    def _note_begin(self, message: Message) -> None:
        self.inbox.begin(message).add_done_callback(ignore)

    async def _finish(self, run: Running, answer: Answer) -> None:
        message = run.message
        letter: Letter | None = None
        if answer.text.strip() or answer.attachments:
            letter = Letter(
                id=ulid(),
                channel=message.channel,
                chat=message.chat,
                text=whole(answer.text),
                created=self.hub.clock.time(),
                turn=message.id,
                session=message.session,
                thread=message.thread,
                attachments=answer.attachments,
                answers=message.message_id,
                cause=message.id,
                actor="agent",
            )

        trace = self.traces.running(message.id)

        def work(connection: sqlite3.Connection) -> None:
            if letter is not None:
                self.delivery.outbox.add(connection, letter)
            self.inbox.finish(connection, message, answer.outcome)
            if trace is not None and trace.rounds:
                self.traces.keep(connection, trace)

        write = partial(self.delivery.post, letter, work) if letter else partial(self.inbox.submit, work)
        if not await self._persist(write):
            return  # not sent either: it is answered anew at the next start
        if self.hub.bus.route("turn_finished"):
            self.hub.bus.fire("turn_finished", run.finished(answer.outcome), run.context)

    async def _persist(self, write: Callable[[], asyncio.Future[None]]) -> bool:
        return await self.disk.persist(write, unless=lambda: self.resting)

    async def _keep(self, turn: str, record: Record) -> None:
        """Write what an agent wants to find again; with no disk to write on, its turn waits."""
        write = partial(self.steps.keep, turn, record.message)
        if not record.wait:
            write().add_done_callback(ignore)
        elif not await self._persist(write):
            raise StorageError("what the agent does cannot be written down")

    async def end(self, runs: list[Running], limit: float) -> None:
        """Let turns end within ``limit`` seconds, then cut them off: they start over with the next agent."""
        if not runs:
            return
        over = [run.over for run in runs]
        try:
            await asyncio.wait(over, timeout=limit)
        finally:
            for run in runs:
                run.cut(Cut.LEAVING)
        await asyncio.wait(over, timeout=CUT_LIMIT + 1)
