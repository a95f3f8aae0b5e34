"""Conversations: between the channels and the agents, so that either side may be away and nothing is lost.

    channel → gate → inbox → the session's queue → turn → outbox → delivery → channel

A message is on disk before ``receive`` returns; its answer is on disk before it is sent, in the same transaction
that marks the message as done. So a message is answered exactly once, and sent at least once: what may be a
repetition after a crash says so.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nanobot.contracts import model as said
from nanobot.contracts.agent import Agent, Turn
from nanobot.contracts.channel import Attachment, Channel, Incoming
from nanobot.contracts.chat_command import CommandCall
from nanobot.contracts.policy import Asker
from nanobot.conversations import deletions, inbox, notes, outbox, traces, transcript
from nanobot.conversations.archive import deleted
from nanobot.conversations.choices import chosen
from nanobot.conversations.claims import Claims
from nanobot.conversations.commands import Commands
from nanobot.conversations.core_commands import core_commands
from nanobot.conversations.delivery import Delivery
from nanobot.conversations.disk import Disk, ignore
from nanobot.conversations.door import Door
from nanobot.conversations.gate import Gate
from nanobot.conversations.history import Line, lines
from nanobot.conversations.inbox import Inbox
from nanobot.conversations.message import BROUGHT, Message, message_of, session_of
from nanobot.conversations.notes import Notes
from nanobot.conversations.outbox import Letter, Outbox
from nanobot.conversations.packing import whole
from nanobot.conversations.pairing import Pairing
from nanobot.conversations.session_commands import session_commands
from nanobot.conversations.sessions import Sessions
from nanobot.conversations.traces import Traces
from nanobot.conversations.transcript import Exchange, Recalled, Steps, exchanges, recall
from nanobot.conversations.turns import CUT_LIMIT, Cut
from nanobot.conversations.workers import Workers
from nanobot.errors import Busy, NanobotError, Refused, StorageError
from nanobot.hub.causes import LONGEST, MessageCause
from nanobot.hub.context import Context
from nanobot.hub.hub import Phase
from nanobot.storage.sql import Database
from nanobot.util.aio import Tasks
from nanobot.util.backoff import Backoff
from nanobot.util.ids import ulid
from nanobot.util.translate import translate

if TYPE_CHECKING:
    from nanobot.hub.hub import Hub

FILE = "hub.db"
MIGRATIONS = (
    "; ".join((inbox.SCHEMA, outbox.SCHEMA)),
    transcript.SCHEMA,
    traces.SCHEMA,
    notes.SCHEMA,
    deletions.SCHEMA,
)
BUSY_EVERY = 60.0  # s between two "too many messages" to one session
SETTLE_LIMIT = 3.0  # s for the last answers to be sent at the end

_log = logging.getLogger(__name__)


class Conversations:
    """One per hub. The limits are attributes, for tests and for whoever knows better."""

    def __init__(self, hub: Hub, path: Path | None = None, *, backoff: Backoff | None = None) -> None:
        self.hub = hub
        self.sessions = Sessions()
        self.drain_limit = 7.0
        """Seconds that turns may take to end when their agent leaves; less than undoing one thing may take."""
        self.close_limit = 10.0
        """Seconds that turns may take to end when nanobot stops."""
        self.backoff = backoff or Backoff()
        self.database = Database(path or hub.config_dir / ".storage" / FILE, MIGRATIONS, damaged=self._damaged)
        self.inbox = Inbox(self.database, hub.clock)
        self.outbox = Outbox(self.database, hub.clock)
        self.steps = Steps(self.database, hub.clock)
        self.traces = Traces(self.database, hub.clock)
        self.notes = Notes(self.database, hub.clock)
        self.disk = Disk(hub, backoff=self.backoff)
        self.pairing = Pairing(hub)
        self.gate = Gate(hub, self.pairing)
        self.delivery = Delivery(hub, self.outbox, self.disk, backoff=self.backoff)
        self.workers = Workers(hub, self.sessions, self.inbox, self.steps, self.traces, self.delivery, self.disk)
        self.door = Door(hub, self.pairing, self.outbox, self.delivery, self.disk)
        self.commands = Commands(hub, self.inbox, self.delivery, self.disk, self._tell_received)
        self.early: list[tuple[Mapping[str, Any], Context]] = []
        """What ``message_received`` told while the hub started, for those who begin to listen when it has."""
        self._offered: list[Callable[[], None]] = []
        self._told_busy: dict[str, float] = {}
        self._tasks = Tasks("conversations")
        self._not_ready = "nanobot is starting"
        """Why no message can be taken in, or nothing."""

    # -- its life -------------------------------------------------------------------------------

    async def open(self) -> None:
        """Take up what was not done. A disk that cannot be used is an issue, and tried again and again."""
        commands = (*core_commands(self.hub), *session_commands(self.hub))
        self._offered = [self.hub.chat_commands.add(one.name, one) for one in commands]
        self._offered.append(self.hub.meters.add(self.traces.name, self.traces))
        self._offered.append(self.hub.bus.listen("policy_decision", self.traces.decided))
        try:
            await self._take_up()
        except StorageError as error:
            self._not_ready = str(error)
            self.disk.told(error)
            self._tasks.spawn(self._take_up_later(), "open")

    def started(self) -> None:
        """The hub has started, and everybody listens: turns begin."""
        self.early.clear()
        self.workers.pump()

    async def settle(self) -> None:
        """Begin no more turns, let the running ones end, then cut them off; messages are still taken in."""
        await self.workers.rest(self.close_limit)
        await self.delivery.settled(SETTLE_LIMIT)

    async def close(self) -> None:
        """Stop. What is not done is on disk, and is taken up at the next start."""
        if not self.workers.resting:
            await self.settle()
        self._not_ready = "nanobot is stopping"
        await self.commands.close()
        await self.pairing.close()
        for remove in self._offered:
            remove()
        await self.workers.close()
        await self.delivery.close(SETTLE_LIMIT)
        await self._tasks.cancel(1.0)
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
        self.workers.attendance.left(leaving)
        await self.workers.end(self.workers.turns_of(leaving), self.drain_limit)

    # -- what others call -----------------------------------------------------------------------

    async def receive(self, channel: Channel, incoming: Incoming) -> None:
        """Take a message in. When this returns it is on disk, or was already known and is dropped.

        Raises ``Refused``, ``Busy`` or ``StorageError``; then nothing of it was kept.
        """
        self._check_ready()  # before that nobody knows who is paired
        try:
            owner = self.gate.check(channel, incoming)
        except Refused:
            await self.door.meet(channel, incoming)
            raise
        shared = self.hub.config.people.session(channel.name, str(incoming.sender))
        message = message_of(channel, incoming, self.hub.clock.time(), owner=owner, shared=shared)
        if (found := self.commands.find(message)) is not None:
            await self.commands.take(message, *found)
            return
        await self._check_limits(message)
        try:
            self.sessions.reserve(message)
        except Busy:
            await self._tell_busy(message)
            raise
        keep = self.inbox.keep(message)
        kept = self.database.submit(keep if channel.limits.buttons else chosen(message, keep))
        self.workers.look_ahead(message)
        kept.add_done_callback(partial(self._kept, message))  # whether or not the channel still waits for it
        try:
            await asyncio.shield(kept)
        except StorageError as error:
            self.disk.told(error)
            raise

    async def bring(self, message: Message) -> None:
        """Have an agent go on in a session with what came of something that it began there: an approval, a subagent.
        On disk when this returns; then it waits for its turn like what people write.

        Raises ``Busy`` or ``StorageError``; then nothing of it was kept.
        """
        self._check_ready()
        message.extra = {**message.extra, BROUGHT: True}
        self.sessions.reserve(message)
        kept = self.database.submit(self.inbox.keep(message))
        kept.add_done_callback(partial(self._kept, message))
        try:
            await asyncio.shield(kept)
        except StorageError as error:
            self.disk.told(error)
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
        buttons: Sequence[str] = (),
        extra: Mapping[str, Any] | None = None,
        context: Context | None = None,
    ) -> str:
        """Send a message to a chat, now or when its channel is there. On disk when this returns.

        ``buttons`` are labels to choose from; where the platform has none, they are numbered lines.
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
            session=session or session_of(channel_name, str(chat), thread),
            thread=thread,
            attachments=tuple(attachments),
            answers=answers,
            buttons=tuple(map(whole, buttons)),
            extra=extra or {},
            cause=context.id if context else None,
            actor=context.actor if context else "system",
        )
        try:
            await asyncio.shield(self.delivery.post(letter, lambda connection: self.outbox.add(connection, letter)))
        except StorageError as error:
            self.disk.told(error)
            raise
        return letter.id

    async def delivered(self, outbox_id: str, timeout: float) -> bool:
        """Whether the platform takes a message of ``send`` within ``timeout`` seconds."""
        return await self.delivery.receipts.wait(outbox_id, timeout)

    @property
    def claims(self) -> Claims:
        """Who waits for a message that then goes to no agent."""
        return self.workers.claims

    async def stop(self, session: str) -> bool:
        """Cut off the turn of a session, now; what waits behind it stays. False: nothing was running."""
        run = self.workers.running(session)
        return run is not None and run.cut(Cut.STOPPED)

    async def delete(self, session: str) -> bool:
        """Delete a session: what was said, what tools did, its summary and its files. What runs there is stopped, what
        waits goes too; only what is on its way out is still sent. False: there is none such. Raises ``StorageError``.
        """
        for message in self.sessions.waiting_of(session):
            self.sessions.take(message)
        if (run := self.workers.running(session)) is not None:
            run.cut(Cut.STOPPED)
            await asyncio.wait([run.ended], timeout=CUT_LIMIT + 1)
        files = await self.database.write(lambda connection: deleted(connection, session))
        if files is None:
            return False
        self.notes.knows(session, agent=None)
        await self.hub.media.drop_paths(files)
        self.hub.bus.fire("session_deleted", {"session": session})
        return True

    async def history(self, session: str, limit: int = 50) -> list[Line]:
        """The last messages of a session, both ways, oldest first."""
        return await self.database.read(lines(session, limit))

    async def transcript(self, session: str, turn: str | None = None, limit: int = 50) -> list[Exchange]:
        """A session as an agent needs it: its last exchanges since it began anew, oldest first.

        With the id of the turn that runs, that one is the last. Raises ``StorageError``.
        """
        return await self.database.read(exchanges(session, turn, limit))

    async def recall(self, session: str, turn: str | None, limit: int = 50) -> Recalled:
        """As ``transcript``, with what is noted of the session, and without what its summary tells."""
        return await self.database.read(recall(session, turn, limit))

    async def steer(self, turn: Turn) -> list[said.Message]:
        """What the sender of a turn that runs has written meanwhile: it is a part of that turn from now on, and a step
        of it on disk."""
        return await self.workers.steer(turn.id, turn.session)

    def again(self, message: Message, call: CommandCall) -> None:
        """Have a message that had a turn answered once more, when that command is on disk. Raises ``Busy``."""
        anew = replace(message, id=ulid(), received=self.hub.clock.time(), message_id=None, seq=0)
        anew.attempts = anew.crashes = anew.cuts = 0
        anew.restored, anew.owner, anew.ahead = False, call.owner, None
        self.sessions.reserve(anew)
        keep = self.inbox.keep(anew)
        call.writes.append(keep)

        def done(written: bool) -> None:
            if not written:
                self.sessions.release(anew)
                return
            self.sessions.put(anew)
            self.workers.pump()

        call.done.append(done)

    def _check_ready(self) -> None:
        if self._not_ready:
            raise StorageError(f"messages cannot be kept: {self._not_ready}")

    def figures(self) -> dict[str, int]:
        """How many messages wait for a turn, are in one, and are still to be sent."""
        return {"waiting": self.sessions.waiting, "running": len(self.workers), "to_send": len(self.delivery)}

    # -- taking in ------------------------------------------------------------------------------

    def _kept(self, message: Message, kept: asyncio.Future[bool]) -> None:
        if kept.cancelled() or kept.exception() is not None:
            self.sessions.release(message)
            return
        self.disk.told(None)
        if not kept.result():
            self.sessions.release(message)
            _log.debug("%s: message %s was received before", message.channel, message.message_id)
            if message.attachments:
                self._tasks.spawn(self._drop_files(message), "drop files")
            return
        self.sessions.put(message)
        self._tell_received(message)
        self.workers.overhear(message)
        self.workers.pump()

    async def _drop_files(self, message: Message) -> None:
        """Those that came once more with a message that was received before: nobody will ask for them."""
        try:
            known = await self.inbox.files_of(message)
            await self.hub.media.drop(*(file for file in message.attachments if file.path not in known))
        except StorageError as error:
            _log.warning("files that nobody needs are not deleted: %s", error)

    def _tell_received(self, message: Message, command: str | None = None) -> None:
        self.hub.causes.messages.append(
            MessageCause(
                message.received,
                message.id,
                "in",
                message.channel,
                message.chat,
                message.session,
                message.sender_name or message.sender,
                message.text[:LONGEST],
                message.message_id,
                message.context,
            )
        )
        if BROUGHT in message.extra:  # nobody wrote it
            return
        starting = not self.hub.settled or self.hub.phase is Phase.STARTING
        if not starting and not self.hub.bus.route("message_received"):
            return
        told = {**message.told(), "command": command}
        if starting:
            self.early.append((told, message.context))
        self.hub.bus.fire("message_received", told, message.context)

    async def _check_limits(self, message: Message) -> None:
        """Raises ``Busy`` for a message that a policy gives no turn now; the sender is told once."""
        if not len(self.hub.policies):
            return
        asker = Asker(
            self.hub.config.people.of(message.channel, message.sender),
            message.owner,
            message.channel,
            message.chat,
            message.session,
            message.language or self.hub.language,
        )
        limited = self.hub.policy.limited(asker)
        if limited is None:
            return
        if limited.text is not None:
            await self._reply(message, limited.text)
        raise Busy(f"{asker.person} has written as often as it may")

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

    # -- disk -----------------------------------------------------------------------------------

    async def _take_up(self) -> None:
        await self.database.open()
        await self.pairing.open()
        await self.notes.open()
        messages = await self.inbox.restore()
        unsent = await self.outbox.unsent()
        for message in messages:
            self.sessions.restore(message)
        self.delivery.open(unsent)
        self._not_ready = ""
        self.disk.told(None)
        kept = (self.inbox, self.delivery.outbox, self.steps, self.traces, self.notes)
        self._tasks.spawn(self.disk.clean_up(self.inbox, self.delivery, kept), "clean up")
        self.workers.attendance.open()
        self.workers.pump()

    async def _take_up_later(self) -> None:
        failures = 0
        while True:
            failures += 1
            await asyncio.sleep(self.backoff.delay(failures))
            try:
                await self._take_up()
            except StorageError as error:
                self._not_ready = str(error)
                self.disk.told(error)
            else:
                return

    def _damaged(self, aside: Path) -> None:
        """The file is a new, empty one: what is known of the old one in memory goes into it."""
        self.hub.issues.create("messages.damaged", "issues.messages_damaged", file=aside.name)
        for message in [*self.workers.messages(), *self.sessions.messages()]:
            self.database.submit(self.inbox.keep(message)).add_done_callback(ignore)
        for letter in self.delivery.letters():
            self.database.submit(partial(self.outbox.add, letter=letter)).add_done_callback(ignore)
