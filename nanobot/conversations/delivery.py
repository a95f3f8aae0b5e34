"""Delivery: takes letters from the outbox to the channels, each chat in order, until the platform has them.

A channel that is away costs nothing: its letters rest until the registry says that it is there again.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from nanobot.contracts.channel import Channel, Outgoing, Receipt
from nanobot.conversations.disk import Disk, ignore
from nanobot.conversations.lanes import Lane
from nanobot.conversations.outbox import Letter, Outbox
from nanobot.conversations.pieces import lost_files
from nanobot.conversations.receipts import Receipts
from nanobot.errors import NotReady, Refused, StorageError
from nanobot.hub.bus import Event
from nanobot.hub.entry import ENTRY_CHANGED, EntryState
from nanobot.storage.sql import Work
from nanobot.util.aio import Tasks, in_thread
from nanobot.util.backoff import Backoff

if TYPE_CHECKING:
    from nanobot.hub.hub import Hub

SEND_LIMIT = 300.0  # s that one send may take; large files take long on slow lines
CANCEL_LIMIT = 2.0  # s that a send may take to end when it is told to
AT_ONCE = 16  # sends that run at the same time on one channel
ISSUE_AFTER = 5  # failures in a row before a person is bothered
GIVE_UP_AFTER = 7 * 86_400.0  # s that a letter may wait
MOST_PATIENCE = 3600.0  # s that a platform can make a chat wait by asking for it
FAULTS = (TypeError, ValueError, LookupError, AttributeError, AssertionError)
FAULTS_ALLOWED = 10  # tries (a good quarter of an hour) for a letter that makes the channel itself stumble

_log = logging.getLogger(__name__)


class Delivery:
    """Sends what is put into it; one lane, and while it has something to send one task, for each chat."""

    def __init__(self, hub: Hub, outbox: Outbox, disk: Disk, *, backoff: Backoff | None = None) -> None:
        self.hub = hub
        self.outbox = outbox
        self.backoff = backoff or Backoff()
        self.disk = disk
        self.receipts = Receipts(hub, outbox)
        self._lanes: dict[str, dict[str, Lane]] = {}
        self._slots: dict[str, asyncio.Semaphore] = {}
        self._seen: dict[str, Channel | None] = {}
        self._tasks = Tasks("delivery")
        self._open = False
        self._removes: list[Callable[[], None]] = []

    def __len__(self) -> int:
        return sum(len(lane.letters) for lanes in self._lanes.values() for lane in lanes.values())

    def open(self, unsent: Iterable[tuple[int, str, str]]) -> None:
        """Take up what was not sent the last time: number, channel and chat of each letter, in order."""
        self._open = True
        self._removes = [
            self.hub.channels.watch(self._channels_changed),
            self.hub.bus.listen(ENTRY_CHANGED, self._entry_changed, filter=_runs_again),
        ]
        for seq, channel, chat in unsent:
            self._lane(channel, chat).letters.append(seq)
        self._channels_changed()

    async def close(self, limit: float) -> None:
        """Let the sends that run end within ``limit`` seconds; what is not sent stays in the outbox."""
        self._open = False
        for remove in self._removes:
            remove()
        for lane in self._all():
            lane.end_wait()
        await self._end_sends(list(self._all()), limit)
        if tasks := [lane.task for lane in self._all() if lane.task is not None]:
            await asyncio.wait(tasks, timeout=CANCEL_LIMIT)  # they note what was sent
        await self._tasks.cancel(CANCEL_LIMIT)
        self._lanes.clear()
        self.receipts.close()

    async def drain(self, channel: Channel, limit: float) -> None:
        """Let the sends of a channel that leaves end within ``limit`` seconds, then cut them off."""
        lanes = self._lanes.get(channel.name, {})
        await self._end_sends(list(lanes.values()), limit)

    async def settled(self, limit: float) -> None:
        """Wait up to ``limit`` seconds until nothing is left that can be sent now."""
        tasks = [lane.task for lane in self._all() if lane.task is not None and not lane.waits]
        if tasks:
            await asyncio.wait(tasks, timeout=limit)

    def letters(self) -> list[Letter]:
        """Those that are held in memory."""
        return [item for lane in self._all() for item in lane.letters if isinstance(item, Letter)]

    def waits(self, channel: str, chat: str) -> bool:
        """Whether something for a chat is still on its way: what is shown there now would come before it."""
        return chat in self._lanes.get(channel, {})

    def post(self, letter: Letter, work: Work[None]) -> asyncio.Future[None]:
        """Have ``work`` write a letter, and send it when it is written, whoever waits for that.

        No letter carries a secret of the configuration, whoever wrote it.
        """
        letter.text = self.hub.scrubber.scrub(letter.text)
        letter.buttons = tuple(map(self.hub.scrubber.scrub, letter.buttons))
        # When it can be sent at once, its row says so from the start: one write less for almost every answer.
        letter.marked = self._open and self._is_free(letter.channel, letter.chat)
        written = self.outbox.submit(work)

        def put(written: asyncio.Future[None]) -> None:
            if not written.cancelled() and written.exception() is None:
                self._put(letter)

        written.add_done_callback(put)
        return written

    async def expire(self) -> None:
        """Give up the letters that have waited too long for a channel that is not there."""
        given_up = True
        while given_up:
            given_up = False
            for letter in await self.outbox.expired(self.hub.clock.time() - GIVE_UP_AFTER):
                lane = self._lanes.get(letter.channel, {}).get(letter.chat)
                if lane is None or lane.task is not None:
                    continue  # it is being tried, and given up there
                lane.letters = deque(item for item in lane.letters if _seq(item) != letter.seq)
                self._drop_if_empty(lane)
                await self._give_up(letter, f"{letter.channel} was away for too long")
                given_up = True

    # -- one lane -------------------------------------------------------------------------------

    def _is_free(self, channel: str, chat: str) -> bool:
        return not self.waits(channel, chat) and channel in self.hub.channels

    def _put(self, letter: Letter) -> None:
        if not self._open:
            return
        lane = self._lane(letter.channel, letter.chat)
        here = letter.channel in self.hub.channels
        # one that is away may stay away for days: then only its number is kept in memory
        lane.letters.append(letter if here or letter.marked else letter.seq)
        if here:
            self._start(lane)

    def _lane(self, channel: str, chat: str) -> Lane:
        lanes = self._lanes.setdefault(channel, {})
        lane = lanes.get(chat)
        if lane is None:
            lane = lanes[chat] = Lane(channel, chat)
            self._seen.setdefault(channel, self.hub.channels.get(channel))
        return lane

    def _start(self, lane: Lane) -> None:
        if lane.task is None and self._open:
            lane.task = self._tasks.spawn(self._serve(lane), f"sender {lane.channel} {lane.chat}")

    async def _serve(self, lane: Lane) -> None:
        await asyncio.sleep(0)  # so that lane.task is set also where tasks start eagerly
        try:
            while lane.letters and self._open:
                channel = self.hub.channels.get(lane.channel)
                if channel is None:
                    return
                try:
                    letter = await self._head(lane)
                    error = await self._deliver(lane, channel, letter) if letter is not None else None
                except StorageError as failure:
                    self.disk.told(failure)
                    error = failure
                except Exception as failure:  # whatever goes wrong, the letters of this chat must not be forgotten
                    _log.exception("a message to %s on %s cannot be sent", lane.chat, lane.channel)
                    error = failure
                if error is None:
                    self.disk.told(None)
                    lane.letters.popleft()
                    self._succeeded(lane)
                else:
                    await self._wait(lane, channel, error)
        finally:
            lane.task = None
            self._drop_if_empty(lane)

    async def _head(self, lane: Lane) -> Letter | None:
        head = lane.letters[0]
        if isinstance(head, Letter):
            return head
        letter = await self.outbox.load(head)
        if letter is not None:
            lane.letters[0] = letter
        return letter

    async def _deliver(self, lane: Lane, channel: Channel, letter: Letter) -> BaseException | None:
        """Send the pieces that were not sent yet; the error that keeps the rest from being sent now."""
        lost = await self._lost_files(channel, letter)
        pieces = letter.pieces(channel.limits, lost)
        receipt = Receipt()
        for number in range(letter.pieces_sent + 1, len(pieces) + 1):
            piece = pieces[number - 1]
            outgoing = Outgoing(
                id=letter.id if number == 1 else f"{letter.id}.{number}",
                chat=letter.chat,
                text=piece.text,
                thread=letter.thread,
                session=letter.session,
                attachments=piece.attachments,
                answers=letter.answers,
                turn=letter.turn,
                buttons=piece.buttons,
                repeated=letter.repeated and not channel.idempotent,
                piece=number,
                pieces=len(pieces),
                extra=letter.extra,
            )
            result = await self._send(lane, channel, letter, outgoing)
            if not isinstance(result, Receipt):
                if isinstance(result, Refused) and await self._lost_files(channel, letter) != lost:
                    return await self._deliver(lane, channel, letter)  # it was the file, which has just gone
                return await self._not_sent(lane, channel, letter, result)
            receipt = result
            letter.pieces_sent = number
            letter.repeated = False
            if number < len(pieces):
                await self._keep(partial(self.outbox.piece_sent, letter))
        await self._keep(partial(self.outbox.sent, letter, receipt.message_id))
        self.receipts.sent(letter, receipt)
        return None

    async def _lost_files(self, channel: Channel, letter: Letter) -> Mapping[str, str]:
        """The attachments that this channel cannot send (any more), each with the line that takes its place."""
        if not letter.attachments or channel.limits.attachments < 1:
            return {}
        return await in_thread(lost_files, self.hub.media, letter.attachments, channel.limits, self.hub.language)

    async def _send(self, lane: Lane, channel: Channel, letter: Letter, outgoing: Outgoing) -> Receipt | BaseException:
        slots = self._slots.get(lane.channel)
        if slots is None:
            slots = self._slots[lane.channel] = asyncio.Semaphore(AT_ONCE)
        async with slots:
            if not letter.marked:
                await asyncio.shield(self.outbox.mark(letter))
                letter.marked = True
            if self.hub.channels.get(lane.channel) is not channel:
                return NotReady(f"{lane.channel} is being reloaded")
            task = lane.sending = self._tasks.spawn(_attempt(channel, outgoing), f"send on {lane.channel}")
            try:
                _, pending = await asyncio.wait([task], timeout=SEND_LIMIT)
            finally:
                lane.sending = None
            if pending:
                task.cancel()
                return TimeoutError(f"sending took more than {SEND_LIMIT:g} s")
            return asyncio.CancelledError("it was cut off") if task.cancelled() else task.result()

    async def _not_sent(
        self, lane: Lane, channel: Channel, letter: Letter, error: BaseException
    ) -> BaseException | None:
        if isinstance(error, Refused):
            await self._give_up(letter, str(error))
            return None
        if self.hub.clock.time() - letter.created > GIVE_UP_AFTER:
            await self._give_up(letter, _text(error))
            return None
        if isinstance(error, (NotReady, ConnectionRefusedError)):
            if not letter.repeated:
                letter.marked = False
                self.outbox.unmark(letter).add_done_callback(ignore)
            return error
        letter.repeated = True  # it may have got through
        if isinstance(error, FAULTS):
            _log.error("%s stumbled over a message to %s", channel.name, letter.chat, exc_info=error)
            if lane.failures + 1 >= FAULTS_ALLOWED:
                await self._give_up(letter, _text(error))
                return None
        return error

    async def _wait(self, lane: Lane, channel: Channel, error: BaseException) -> None:
        """Until the backoff is over, the channel is another one or runs again, or a send on it worked; where the
        platform has asked for some time, at least that long."""
        asked = min((error.retry_after if isinstance(error, NotReady) else None) or 0.0, MOST_PATIENCE)
        if asked <= 0 and self.hub.channels.get(lane.channel) is not channel:
            return
        lane.failures += 1
        delay = max(asked, self.backoff.delay(lane.failures))
        text = _text(error)
        level = logging.WARNING if lane.failures == 1 else logging.DEBUG
        said = ", as the platform asks" if delay == asked else ""
        _log.log(
            level, "%s: a message to %s waits: %s; trying again in %.0f s%s",
            lane.channel, lane.chat, text, delay, said,
        )  # fmt: skip
        if lane.failures == ISSUE_AFTER:
            self.receipts.stuck(lane.channel, text)
        await lane.wait(delay, asked)

    async def _give_up(self, letter: Letter, error: str) -> None:
        error = self.hub.scrubber.scrub(error)
        await self._keep(partial(self.outbox.failed, letter, error))
        self.receipts.failed(letter, error)

    async def _keep(self, write: Callable[[], asyncio.Future[None]]) -> None:
        """Have something written that is true already: until it is, nothing else is sent to this chat."""
        await self.disk.persist(write, unless=lambda: not self._open)

    def _drop_if_empty(self, lane: Lane) -> None:
        lanes = self._lanes.get(lane.channel)
        if lane.letters or lanes is None or lanes.get(lane.chat) is not lane:
            return
        del lanes[lane.chat]
        if not lanes:
            del self._lanes[lane.channel]
            self._seen.pop(lane.channel, None)
            self._slots.pop(lane.channel, None)

    # -- what others do and hear ----------------------------------------------------------------

    def _channels_changed(self) -> None:
        for name in list(self._lanes):
            channel = self.hub.channels.get(name)
            another = channel is not self._seen.get(name)
            self._seen[name] = channel
            if channel is None:
                continue
            for lane in list(self._lanes[name].values()):
                self._start(lane)
                if another:
                    lane.wake()

    def _entry_changed(self, event: Event) -> None:
        """What a channel could not send while it was away it may send now."""
        for lane in list(self._lanes.get(event.data["entry"], {}).values()):
            lane.wake()

    def _all(self) -> Iterator[Lane]:
        return (lane for lanes in list(self._lanes.values()) for lane in list(lanes.values()))

    async def _end_sends(self, lanes: list[Lane], limit: float) -> None:
        sends = [lane.sending for lane in lanes if lane.sending is not None]
        if not sends:
            return
        _, pending = await asyncio.wait(sends, timeout=limit)
        for task in pending:
            task.cancel()
        if pending:
            await asyncio.wait(pending, timeout=CANCEL_LIMIT)

    def _succeeded(self, lane: Lane) -> None:
        if lane.failures:
            lane.failures = 0
            self.receipts.moves(lane.channel)
            for other in self._lanes.get(lane.channel, {}).values():
                other.wake()


def _runs_again(data: Mapping[str, Any]) -> bool:
    return bool(data.get("state") == EntryState.LOADED.value)


async def _attempt(channel: Channel, outgoing: Outgoing) -> Receipt | Exception:
    try:
        return await channel.send(outgoing)
    except Exception as error:  # a channel may raise what it likes; the lane decides what it means
        return error


def _text(error: BaseException) -> str:
    return str(error) or type(error).__name__


def _seq(item: Letter | int) -> int:
    return item if isinstance(item, int) else item.seq
