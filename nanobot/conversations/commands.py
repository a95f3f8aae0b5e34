"""Chat commands: what begins with a slash and a known name is answered here and now, past the queue and the agents.

The message, done, and its answer are written in one transaction: a kill leaves both or neither, and then the platform
brings the message again. What is on disk is never run again.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import Callable
from typing import TYPE_CHECKING

from nanobot.contracts.chat_command import ChatCommand, CommandCall
from nanobot.conversations.delivery import Delivery
from nanobot.conversations.disk import Disk
from nanobot.conversations.inbox import Inbox
from nanobot.conversations.message import Message
from nanobot.conversations.outbox import Letter
from nanobot.conversations.packing import whole
from nanobot.errors import NanobotError, StorageError
from nanobot.util.aio import Tasks
from nanobot.util.ids import ulid
from nanobot.util.text import without_quote
from nanobot.util.translate import translate

if TYPE_CHECKING:
    from nanobot.hub.hub import Hub

STOP = "stop"
LIMIT = 30.0  # s that a command may take
MOST_UNWRITTEN = 100  # answers that are held for a disk that cannot be written now
LONGEST_STOP = 40  # characters of a message that may mean "stop" without a slash

_log = logging.getLogger(__name__)

_Key = tuple[str, str, str]


class _Known(StorageError):
    """The message was received before: nothing of it is written again."""


class Commands:
    """``received`` is called once with each message that is a command, and its name."""

    def __init__(
        self, hub: Hub, inbox: Inbox, delivery: Delivery, disk: Disk, received: Callable[[Message, str], None]
    ) -> None:
        self.hub = hub
        self._inbox = inbox
        self._delivery = delivery
        self._disk = disk
        self._received = received
        self._running: dict[_Key, asyncio.Task[StorageError | None]] = {}
        self._unwritten: dict[_Key, tuple[str, CommandCall]] = {}
        self._tasks = Tasks("chat commands")

    async def close(self) -> None:
        """What still runs is cut off. Its message was not acknowledged, so it comes again."""
        await self._tasks.cancel(1.0)

    def find(self, message: Message) -> tuple[ChatCommand, str] | None:
        """The command that a message is, and its arguments; None when it is for an agent."""
        text = message.text.strip()
        if not text or message.attachments:
            return None
        if text[0] == "/" and text[1:2].strip():
            name, *rest = text[1:].split(None, 1)
            command = self.hub.chat_commands.get(name.casefold())
            if command is not None:
                return command, rest[0] if rest else ""
        text = without_quote(text)
        if len(text) <= LONGEST_STOP and _means_stop(text, message.language or self.hub.language):
            command = self.hub.chat_commands.get(STOP)
            return (command, "") if command is not None else None
        return None

    async def take(self, message: Message, command: ChatCommand, arguments: str) -> None:
        """Run a command and keep the message with its answer. Raises ``StorageError``: then it has to come again."""
        key = _key(message)
        task = self._running.get(key) if key is not None else None
        if task is None:
            # a task of its own: a channel that is unloaded meanwhile must not leave it half done
            task = self._tasks.spawn(self._take(key, message, command, arguments), f"command {command.name}")
            if key is not None and not task.done():
                self._running[key] = task
                task.add_done_callback(lambda _: self._running.pop(key, None))
        error = await asyncio.shield(task)
        if error is not None:
            raise error

    async def _take(
        self, key: _Key | None, message: Message, command: ChatCommand, arguments: str
    ) -> StorageError | None:
        known = self._unwritten.get(key) if key is not None else None
        if known is None:
            try:
                if key is not None and await self._inbox.knows(message):
                    return None
            except StorageError as error:
                self._disk.told(error)
                if command.name != STOP:  # a stop is obeyed even when nothing can be kept
                    return error
            self._received(message, command.name)
            call = self._call(message, command, arguments)
            known = whole(await self._answer(command, call)), call
        answer, call = known
        try:
            await asyncio.shield(self._write(message, answer, call))
        except _Known:
            _tell(call, written=False)
            return None
        except StorageError as error:
            self._disk.told(error)
            if key is not None and len(self._unwritten) < MOST_UNWRITTEN:
                self._unwritten[key] = known
            else:
                _tell(call, written=False)
            return error
        self._disk.told(None)
        if key is not None:
            self._unwritten.pop(key, None)
        _tell(call, written=True)
        return None

    def _call(self, message: Message, command: ChatCommand, arguments: str) -> CommandCall:
        return CommandCall(
            name=command.name,
            arguments=arguments,
            session=message.session,
            channel=message.channel,
            chat=message.chat,
            sender=message.sender,
            language=message.language or self.hub.language,
            context=message.context,
            thread=message.thread,
            sender_name=message.sender_name,
            owner=message.owner,
            group=message.group,
        )

    async def _answer(self, command: ChatCommand, call: CommandCall) -> str:
        language = call.language
        if command.owner and not call.owner:
            return translate("chat.owners_only", language, name=command.name)
        try:
            async with asyncio.timeout(LIMIT):
                return await command.handler(call)
        except NanobotError as error:
            return self.hub.scrubber.scrub(str(error)) or translate("chat.command_failed", language, name=command.name)
        except (Exception, asyncio.CancelledError) as error:  # whatever a handler raises, the person gets a sentence
            task = asyncio.current_task()
            if isinstance(error, asyncio.CancelledError) and task is not None and task.cancelling():
                raise
            _log.error("the chat command /%s failed", command.name, exc_info=error)
            return translate("chat.command_failed", language, name=command.name)

    def _write(self, message: Message, answer: str, call: CommandCall) -> asyncio.Future[None]:
        keep = self._inbox.keep(message, call.name)
        letter = Letter(
            id=ulid(),
            channel=message.channel,
            chat=message.chat,
            text=answer,
            created=self.hub.clock.time(),
            session=message.session,
            thread=message.thread,
            answers=message.message_id,
            cause=message.id,
        )

        def work(connection: sqlite3.Connection) -> None:
            if not keep(connection):
                raise _Known
            for write in call.writes:
                write(connection)
            if answer.strip():
                self._delivery.outbox.add(connection, letter)

        return self._delivery.post(letter, work) if answer.strip() else self._inbox.submit(work)


def _tell(call: CommandCall, *, written: bool) -> None:
    for tell in call.done:
        tell(written)


def _key(message: Message) -> _Key | None:
    """What makes a repetition known as one; None when the platform has no ids."""
    return None if message.message_id is None else (message.channel, message.chat, message.message_id)


def _means_stop(text: str, language: str) -> bool:
    word = text.rstrip("!.").removeprefix("/").casefold()
    return word == STOP or word in [
        known.strip() for known in translate("chat.stop_words", language).casefold().split(",")
    ]
