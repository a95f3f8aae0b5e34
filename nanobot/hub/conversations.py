"""Conversations: between the channels and the agents, so that either side may be away and nothing is lost.

    channel → gate → inbox → the session's queue → turn → outbox → delivery → channel

A message is on disk before ``receive`` returns; its answer is on disk before it is sent, in the same transaction
that marks the message as done. So a message is answered exactly once, and sent at least once: what may be a
repetition after a crash says so.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nanobot.contracts.agent import Agent
from nanobot.contracts.channel import Attachment, Channel, Incoming
from nanobot.errors import Busy, NanobotError, StorageError
from nanobot.hub import inbox, outbox
from nanobot.hub.attendance import Attendance
from nanobot.hub.context import Context
from nanobot.hub.delivery import Delivery
from nanobot.hub.gate import Gate
from nanobot.hub.history import Line, lines
from nanobot.hub.inbox import Inbox, Message, message_of, whole
from nanobot.hub.outbox import Letter, Outbox
from nanobot.hub.sessions import Sessions
from nanobot.hub.turns import CUT_LIMIT, Answer, Cut, Running
from nanobot.storage.sql import Database
from nanobot.util.aio import Tasks
from nanobot.util.backoff import Backoff
from nanobot.util.ids import ulid
from nanobot.util.translate import translate

if TYPE_CHECKING:
    from nanobot.hub.hub import Hub

FILE = "hub.db"
MIGRATIONS = ("; ".join((inbox.SCHEMA, outbox.SCHEMA)),)
MAX_TURNS = 32  # turns that run at the same time
MAX_CRASHES = 3  # crashes of the process that a message may be in the midst of
MAX_CUTS = 10  # times that a message may be taken from an agent that leaves
BEGIN_AFTER = 0.05  # s before it is written down that a turn runs; most short ones are over by then
BUSY_EVERY = 60.0  # s between two "too many messages" to one session
DAY = 86_400.0  # s
KEEP = 30 * DAY  # how long done messages stay, and with them the knowledge of what was received
GIVE_UP_AFTER = 7 * DAY  # how long a message waits for a channel that is away
CLEAN_EVERY = DAY / 4
SLICE = 500  # rows deleted in one transaction
SETTLE_LIMIT = 3.0  # s for the last answers to be sent at the end

_log = logging.getLogger(__name__)


class Conversations:
    """One per hub. The limits are attributes, for tests and for whoever knows better."""

    def __init__(self, hub: Hub, path: Path | None = None, *, backoff: Backoff | None = None) -> None:
        self.hub = hub
        self.sessions = Sessions()
        self.max_turns = MAX_TURNS
        self.max_crashes = MAX_CRASHES
        self.drain_limit = 7.0
        """Seconds that turns may take to end when their agent leaves; less than undoing one thing may take."""
        self.close_limit = 10.0
        """Seconds that turns may take to end when nanobot stops."""
        self.backoff = backoff or Backoff()
        self.database = Database(path or hub.config_dir / ".storage" / FILE, MIGRATIONS, damaged=self._damaged)
        self.inbox = Inbox(self.database, hub.clock)
        self.outbox = Outbox(self.database, hub.clock)
        self.delivery = Delivery(hub, self.outbox, backoff=self.backoff)
        self.delivery.storage_failed = self._storage
        self.gate = Gate(hub.bus, hub.clock)
        self.attendance = Attendance(hub, self._pump)
        self._running: dict[str, Running] = {}
        self._told_busy: dict[str, float] = {}
        self._tasks = Tasks("conversations")
        self._storage_broken = False
        self._settling = False
        self._not_ready = "nanobot is starting"
        """Why no message can be taken in, or nothing."""

    # -- its life -------------------------------------------------------------------------------

    async def open(self) -> None:
        """Take up what was not done. A disk that cannot be used is an issue, and tried again and again."""
        try:
            await self._take_up()
        except StorageError as error:
            self._not_ready = str(error)
            self._storage(error)
            self._tasks.spawn(self._take_up_later(), "open")

    async def settle(self) -> None:
        """Begin no more turns, let the running ones end, then cut them off; messages are still taken in."""
        self._settling = True
        runs = list(self._running.values())
        await self._end(runs, self.close_limit)
        if runs:
            await asyncio.wait([run.ended for run in runs], timeout=SETTLE_LIMIT)
        await self.delivery.settled(SETTLE_LIMIT)

    async def close(self) -> None:
        """Stop. What is not done is on disk, and is taken up at the next start."""
        if not self._settling:
            await self.settle()
        self._not_ready = "nanobot is stopping"
        self.attendance.close()
        await self.delivery.close(SETTLE_LIMIT)
        await self._tasks.cancel(CUT_LIMIT)
        if self.database.is_open:
            try:
                await self.inbox.rest()
            except StorageError as error:
                _log.error("%s", error)
            await self.database.close()

    async def drain(self, leaving: Agent | Channel) -> None:
        """Let what something that leaves is busy with come to an end, within ``drain_limit``, then cut it off.

        To be called when it has left its registry. Turns that are cut start over with the next agent.
        """
        if isinstance(leaving, Channel):
            await self.delivery.drain(leaving, self.drain_limit)
            return
        self.attendance.left(leaving)
        await self._end([run for run in self._running.values() if run.agent is leaving], self.drain_limit)

    # -- what others call -----------------------------------------------------------------------

    async def receive(self, channel: Channel, incoming: Incoming) -> None:
        """Take a message in. When this returns it is on disk, or was already known and is dropped.

        Raises ``Refused``, ``Busy`` or ``StorageError``; then nothing of it was kept.
        """
        self.gate.check(channel, incoming)
        message = message_of(channel, incoming, self.hub.clock.time())
        self._check_ready()
        if self._is_stop(message):
            # in a task of its own: a channel that is unloaded meanwhile must not leave it half done
            error = await asyncio.shield(self._tasks.spawn(self._take_stop(message), "stop"))
            if error is not None:
                raise error
            return
        try:
            self.sessions.reserve(message.session)
        except Busy:
            await self._tell_busy(message)
            raise
        kept = self.database.submit(self.inbox.keep(message))
        kept.add_done_callback(partial(self._kept, message))  # whether or not the channel still waits for it
        try:
            await asyncio.shield(kept)
        except StorageError as error:
            self._storage(error)
            raise

    async def send(
        self,
        channel_name: str,
        chat: str,
        text: str,
        *,
        thread: str | None = None,
        session: str | None = None,
        attachments: Sequence[Attachment] = (),
        answers: str | None = None,
        extra: Mapping[str, Any] | None = None,
        context: Context | None = None,
    ) -> str:
        """Send a message to a chat, now or when its channel is there. On disk when this returns.

        Gives the id to ask ``delivered`` for. Raises ``StorageError``.
        """
        if not text.strip() and not attachments:
            raise NanobotError("a message without text and attachments cannot be sent")
        self._check_ready()
        letter = Letter(
            id=ulid(),
            channel=channel_name,
            chat=str(chat),
            text=whole(text),
            created=self.hub.clock.time(),
            session=session or f"{channel_name}:{chat}" + (f":{thread}" if thread else ""),
            thread=thread,
            attachments=tuple(attachments),
            answers=answers,
            extra=extra or {},
            cause=context.id if context else None,
            actor=context.actor if context else "system",
        )
        try:
            await asyncio.shield(self._post(letter, lambda connection: self.outbox.add(connection, letter)))
        except StorageError as error:
            self._storage(error)
            raise
        return letter.id

    async def delivered(self, outbox_id: str, timeout: float) -> bool:
        """Whether the platform takes a message of ``send`` within ``timeout`` seconds."""
        return await self.delivery.delivered(outbox_id, timeout)

    async def stop(self, session: str) -> bool:
        """Cut off the turn of a session, now; what waits behind it stays. False: nothing was running."""
        run = self._running.get(session)
        return run is not None and run.cut(Cut.STOPPED)

    async def history(self, session: str, limit: int = 50) -> list[Line]:
        """The last messages of a session, both ways, oldest first."""
        return await self.database.read(lines(session, limit))

    def _check_ready(self) -> None:
        if self._not_ready:
            raise StorageError(f"messages cannot be kept: {self._not_ready}")

    # -- taking in ------------------------------------------------------------------------------

    def _kept(self, message: Message, kept: asyncio.Future[bool]) -> None:
        if kept.cancelled() or kept.exception() is not None:
            self.sessions.release(message.session)
            return
        self._storage(None)
        if not kept.result():
            self.sessions.release(message.session)
            _log.debug("%s: message %s was received before", message.channel, message.message_id)
            return
        self.sessions.put(message)
        self._tell_received(message)
        self._pump()

    def _tell_received(self, message: Message) -> None:
        if self.hub.bus.route("message_received"):
            data = {
                "id": message.id,
                "session": message.session,
                "channel": message.channel,
                "chat": message.chat,
                "sender": message.sender,
                "text": message.text,
            }
            self.hub.bus.fire("message_received", data, message.context)

    async def _tell_busy(self, message: Message) -> None:
        now = self.hub.clock.time()
        if now - self._told_busy.get(message.session, float("-inf")) < BUSY_EVERY:
            return
        self._told_busy = {who: at for who, at in self._told_busy.items() if now - at < BUSY_EVERY}
        self._told_busy[message.session] = now
        text = translate(
            "chat.busy", message.language or self.hub.language, count=self.sessions.waiting_in(message.session)
        )
        await self._reply(message, text)

    def _is_stop(self, message: Message) -> bool:
        text = message.text.strip().rstrip("!.").removeprefix("/").casefold()
        if not text or len(text) > 40 or message.attachments:
            return False
        if text == "stop":
            return True
        language = message.language or self.hub.language
        words = translate("chat.stop_words", language).casefold().split(",")
        return text in [word.strip() for word in words]

    async def _take_stop(self, message: Message) -> StorageError | None:
        try:
            new = await self.database.write(self.inbox.keep(message, outcome="stop"))
        except StorageError as error:
            self._storage(error)
            await self.stop(message.session)  # a stop is obeyed even when nothing can be kept
            return error
        if not new:
            return None
        self._tell_received(message)
        stopped = await self.stop(message.session)
        waiting = self.sessions.waiting_in(message.session)
        key = "chat.stopped" if stopped else "chat.nothing_running"
        language = message.language or self.hub.language
        text = translate(key, language)
        if waiting:
            text += " " + translate("chat.still_waiting", language, count=waiting)
        await self._reply(message, text)
        return None

    async def _reply(self, message: Message, text: str) -> None:
        """Answer without a turn. A failure is an issue by then; whoever wrote the message cannot do anything."""
        try:
            await self.send(
                message.channel,
                message.chat,
                text,
                thread=message.thread,
                session=message.session,
                answers=message.message_id,
                context=message.context,
            )
        except StorageError as error:
            _log.error("%s", error)

    # -- turns ----------------------------------------------------------------------------------

    def _pump(self) -> None:
        """Begin as many turns as may run."""
        while self.sessions and len(self._running) < self.max_turns and not self._settling:
            agent = self.attendance.choose()
            if agent is None:
                self.attendance.miss()
                return
            message = self.sessions.next()
            run = Running(self.hub, message, agent)
            self._running[message.session] = run
            self._tasks.spawn(self._turn(run), f"turn {message.session}")

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
            del self._running[message.session]
            if cut:
                self.sessions.put_back(message)
            else:
                self.sessions.done(message.session)
            self._pump()

    async def _answer(self, run: Running) -> Answer | None:
        message = run.message
        if message.crashes >= self.max_crashes or message.cuts >= MAX_CUTS:
            return Answer("given_up", translate("chat.given_up", run.language))
        note: asyncio.TimerHandle | None = None
        if message.restored:
            # what crashed once may crash again at once: it must be on disk that this turn runs
            if not await self._persist(lambda: self.inbox.begin(message)):
                return None
        else:
            note = asyncio.get_running_loop().call_later(BEGIN_AFTER, self._note_begin, message)
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
            self.inbox.cut(message).add_done_callback(_ignore)
            self.hub.bus.fire("turn_finished", run.data(outcome="cut"), run.context)
        return answer

    def _note_begin(self, message: Message) -> None:
        self.inbox.begin(message).add_done_callback(_ignore)

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

        def work(connection: sqlite3.Connection) -> None:
            if letter is not None:
                self.outbox.add(connection, letter)
            self.inbox.finish(connection, message, answer.outcome)

        if not await self._persist(lambda: self._post(letter, work)):
            return  # not sent either: it is answered anew at the next start
        if self.hub.bus.route("turn_finished"):
            self.hub.bus.fire("turn_finished", run.data(outcome=answer.outcome), run.context)

    def _post(self, letter: Letter | None, work: Callable[[sqlite3.Connection], None]) -> asyncio.Future[None]:
        """Have ``work`` write a letter, and send it when it is written, whoever waits for that."""
        if letter is None:
            return self.database.submit(work)
        letter.marked = self.delivery.is_free(letter.channel, letter.chat)
        written = self.database.submit(work)

        def put(written: asyncio.Future[None]) -> None:
            if not written.cancelled() and written.exception() is None:
                self.delivery.put(letter)

        written.add_done_callback(put)
        return written

    async def _persist(self, write: Callable[[], asyncio.Future[None]]) -> bool:
        """Write again and again until it works. False: nanobot stops before that."""
        failures = 0
        while True:
            try:
                await asyncio.shield(write())
            except StorageError as error:
                failures += 1
                self._storage(error)
                if self._settling:
                    return False
                await asyncio.sleep(self.backoff.delay(failures))
            else:
                self._storage(None)
                return True

    async def _end(self, runs: list[Running], limit: float) -> None:
        if not runs:
            return
        over = [run.over for run in runs]
        try:
            await asyncio.wait(over, timeout=limit)
        finally:
            for run in runs:
                run.cut(Cut.LEAVING)
        await asyncio.wait(over, timeout=CUT_LIMIT + 1)

    # -- disk -----------------------------------------------------------------------------------

    async def _take_up(self) -> None:
        await self.database.open()
        messages = await self.inbox.restore()
        unsent = await self.outbox.unsent()
        for message in messages:
            self.sessions.restore(message)
        self.delivery.open(unsent)
        self._not_ready = ""
        self._storage(None)
        self._tasks.spawn(self._clean_up(), "clean up")
        self.attendance.open()
        self._pump()

    async def _take_up_later(self) -> None:
        failures = 0
        while True:
            failures += 1
            await asyncio.sleep(self.backoff.delay(failures))
            try:
                await self._take_up()
            except StorageError as error:
                self._not_ready = str(error)
                self._storage(error)
            else:
                return

    async def _clean_up(self) -> None:
        """Now and then, delete what is old, a little at a time."""
        while True:
            now = self.hub.clock.time()
            try:
                await self.delivery.expire(now - GIVE_UP_AFTER)
                await _purge(self.inbox.purge, now - KEEP)
                await _purge(self.outbox.purge, now - KEEP)
            except StorageError as error:
                self._storage(error)
            await asyncio.sleep(CLEAN_EVERY)

    def _storage(self, error: StorageError | None) -> None:
        """Show that messages cannot be kept, and that they can again."""
        if error is None and not self._storage_broken:
            return
        if error is None:
            _log.info("messages can be written again")
            self.hub.issues.resolve("messages.storage")
        else:
            if not self._storage_broken:
                _log.error("%s", error)
            self.hub.issues.create("messages.storage", "issues.messages_storage", error=str(error))
        self._storage_broken = error is not None

    def _damaged(self, aside: Path) -> None:
        """The file is a new, empty one: what is known of the old one in memory goes into it."""
        self.hub.issues.create("messages.damaged", "issues.messages_damaged", file=aside.name)
        busy = [run.message for run in self._running.values() if not run.over.done()]
        for message in [*busy, *self.sessions.messages()]:
            self.database.submit(self.inbox.keep(message)).add_done_callback(_ignore)
        for letter in self.delivery.letters():
            self.database.submit(partial(_add, self.outbox, letter)).add_done_callback(_ignore)


def _add(box: Outbox, letter: Letter, connection: sqlite3.Connection) -> None:
    box.add(connection, letter)


async def _purge(purge: Callable[[float, int], Awaitable[int]], before: float) -> None:
    deleted = SLICE
    while deleted == SLICE:
        deleted = await purge(before, SLICE)


def _ignore(future: asyncio.Future[Any]) -> None:
    """It failed, which is shown already or will be by the next write."""
    if not future.cancelled():
        future.exception()
