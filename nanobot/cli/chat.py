"""`nanobot chat`: talk to the running hub, from any terminal or from a script."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Coroutine, Mapping
from pathlib import Path
from typing import Any

from nanobot.cli.client import Client, Events, Gone, UnknownCommand
from nanobot.cli.words import say
from nanobot.errors import NanobotError
from nanobot.util.translate import translate

FAILED = 1
TIMED_OUT = 4
NO_ANSWER = {"stopped": "chat.stopped", "empty": "chat.empty_outcome"}  # outcomes that nothing is sent for
RECONNECT_EVERY = 1.0  # s
BACK_WITHIN = 10.0  # s that the console may take to be reloaded


class TooLate(NanobotError):
    """No answer within the time that was given for it."""

    exit_code = TIMED_OUT


def run(folder: Path, message: str | None, *, chat: str | None, timeout: float) -> int:
    """With a message, or with one on stdin, print the answer alone; at a terminal, chat. The value is the exit code."""
    if message is None and not sys.stdin.isatty():
        message = sys.stdin.read()
    if message is None:
        return _meet(folder, _talk(folder, chat))
    if not message.strip():
        raise NanobotError(say("chat.empty"))
    return _meet(folder, _ask_once(folder, message.strip(), chat, timeout))


def _meet(folder: Path, talk: Coroutine[Any, Any, int]) -> int:
    try:
        return asyncio.run(talk)
    except UnknownCommand as error:
        raise NanobotError(say("chat.no_console", folder=folder)) from error


async def _ask_once(folder: Path, text: str, chat: str | None, limit: float) -> int:
    async with Client(folder) as client:
        try:
            async with asyncio.timeout(limit):
                seat, events = await client.subscribe("chat", {"once": True} | ({"chat": chat} if chat else {}))
                sent = await client.call("chat/send", {"seat": seat["seat"], "text": text})
                outcome = await _answer(events, sent["id"])
                while outcome is None:
                    outcome = await _answer(await _sit_again(client, seat["chat"]), sent["id"], again=True)
                return outcome
        except TimeoutError:
            raise TooLate(say("chat.too_late", seconds=f"{limit:g}")) from None


async def _sit_again(client: Client, chat: str) -> Events:
    """Take a seat at the same chat as soon as the console is back from its reload."""
    loop = asyncio.get_running_loop()
    limit = loop.time() + BACK_WITHIN
    while True:
        try:
            return (await client.subscribe("chat", {"once": True, "chat": chat}))[1]
        except UnknownCommand:
            if loop.time() > limit:
                raise
            await asyncio.sleep(BACK_WITHIN / 100)


async def _answer(events: Events, message_id: str, *, again: bool = False) -> int | None:
    """Print what answers one message, and wait until its turn is over as well. None: the seat was closed before.

    ``again``: the end of the turn may have been missed, so the answer is enough.
    """
    outcome: str | None = "answered" if again else None
    answered = False
    while outcome is None or not (answered or outcome in NO_ANSWER):
        event = await events.next()
        match event["kind"]:
            case "closed":
                return 0 if answered else None
            case "message" if event.get("answers") == message_id:
                print(event["text"], flush=True)
                answered = event.get("last", True)
                if answered and event.get("turn") is None:  # a chat command: no turn begins, and none will end
                    return 0
            case "turn" if event["state"] == "finished":
                outcome = event.get("outcome") or "answered"
            case "problem":
                raise NanobotError(event["text"])
    if not answered:
        raise NanobotError(say(NO_ANSWER[outcome]))
    return 0 if outcome == "answered" else FAILED


async def _talk(folder: Path, chat: str | None) -> int:
    from nanobot.util.terminal import Terminal

    line = Line(folder, chat)
    await line.open()
    try:
        terminal = Terminal(
            line,
            history=folder / ".storage" / "console_history",
            text=lambda key, **values: translate(f"cli.chat.{key}", line.language, **values),
        )
        await terminal.run()
    finally:
        await line.close()
    return 0


class Line:
    """The connection of a chat; when the hub goes away it waits and comes back to the same chat."""

    def __init__(self, folder: Path, chat: str | None) -> None:
        self.folder = folder
        self.language = "en"
        self._chat = chat
        self._client = Client(folder)
        self._seat = ""
        self._events: Events
        self._known: Mapping[str, str] = {}
        self._away = False

    async def open(self) -> None:
        """Raises ``NotRunning``, or ``NanobotError`` when the hub has no console."""
        client = Client(self.folder)
        await client.connect()
        try:
            wanted = {"chat": self._chat} if self._chat else {}
            seat, self._events = await client.subscribe("chat", wanted)
        except BaseException:
            await client.close()
            raise
        self._client = client
        self._seat, self._chat = seat["seat"], seat["chat"]
        self.language, self._known = seat["language"], seat["words"]

    async def close(self) -> None:
        """Hang up."""
        await self._client.close()

    async def say(self, text: str) -> None:
        await self._client.call("chat/send", {"seat": self._seat, "text": text})

    async def stop(self) -> bool:
        return bool((await self._client.call("chat/stop", {"seat": self._seat}))["stopped"])

    async def words(self) -> Mapping[str, str]:
        if not self._away:
            self._known = await self._client.call("chat/words")
        return self._known

    async def next(self) -> Mapping[str, Any]:
        if self._away:
            return await self._come_back()
        try:
            event = await self._events.next()
        except Gone:
            self._away = True
            await self._client.close()
            return {"kind": "problem", "text": translate("cli.chat.away", self.language)}
        if event["kind"] == "closed":  # the console is reloaded; the hub is there
            self._away = True
            await self._client.close()
            return {"kind": "turn", "state": "finished"}
        return event

    async def _come_back(self) -> Mapping[str, Any]:
        while True:
            await asyncio.sleep(RECONNECT_EVERY)
            try:
                await self.open()
            except (NanobotError, OSError):  # not up yet, or its console is not: both pass
                continue
            self._away = False
            return {"kind": "note", "text": translate("cli.chat.back", self.language)}
