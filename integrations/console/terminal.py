"""The door in the hub's own terminal: there when `nanobot run` is in the foreground."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import os
import sys
from collections.abc import Mapping
from typing import Any

from nanobot.errors import NanobotError
from nanobot.hub.entry import Entry
from nanobot.hub.hub import Hub, Phase
from nanobot.util.aio import in_thread
from nanobot.util.translate import translate

from .channel import ConsoleChannel, Seat
from .words import words


def is_ours() -> bool:
    """Whether somebody sits at the terminal of this process: it is one, and we are its foreground job."""
    try:
        if not (sys.stdin.isatty() and sys.stdout.isatty()) or os.environ.get("TERM") == "dumb":
            return False
        return os.tcgetpgrp(sys.stdin.fileno()) == os.getpgrp()
    except (OSError, ValueError, AttributeError):  # closed, replaced, or no such thing on this system
        return False


class _Here:
    """The conversation behind the prompt, in this very process."""

    def __init__(self, hub: Hub, channel: ConsoleChannel, seat: Seat) -> None:
        self._hub = hub
        self._channel = channel
        self._seat = seat

    async def say(self, text: str) -> None:
        try:
            await self._channel.say(self._seat, text)
        except TimeoutError:
            raise NanobotError(translate("component.console.busy", self._hub.language)) from None

    async def stop(self) -> bool:
        return await self._hub.conversations.stop(self._channel.session(self._seat))

    async def next(self) -> Mapping[str, Any]:
        return await self._seat.next()

    async def words(self) -> Mapping[str, str]:
        return words(self._hub)


async def run_terminal(hub: Hub, entry: Entry, channel: ConsoleChannel) -> None:
    """Chat until the entry is unloaded. Leaving the chat means to stop the hub, so it is asked first."""
    if hub.phase is Phase.STARTING:  # what the start has to say comes before the prompt
        started = asyncio.Event()
        remove = hub.bus.listen("homeassistant_started", lambda event: started.set(), once=True)
        try:
            await started.wait()
        finally:
            remove()
    ui = await in_thread(importlib.import_module, "nanobot.util.terminal")
    seat = channel.sit(here=True)
    try:
        terminal = ui.Terminal(
            _Here(hub, channel, seat),
            history=hub.config_dir / ".storage" / "console_history",
            text=lambda key, **values: translate(f"cli.chat.{key}", hub.language, **values),
            leave="stop",
        )
        if await terminal.run():
            with contextlib.suppress(NanobotError):
                await hub.services.call("nanobot", "stop")
        await asyncio.Event().wait()  # the hub stops, or its terminal is closed: nothing to do but to be unloaded
    finally:
        channel.leave(seat)
