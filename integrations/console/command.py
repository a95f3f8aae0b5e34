"""What `nanobot chat` asks of the running hub."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import voluptuous as vol

from nanobot.contracts.command import Command, Connection
from nanobot.contracts.view import Access
from nanobot.errors import NanobotError
from nanobot.hub.entry import Entry
from nanobot.hub.hub import Hub
from nanobot.util.translate import translate

from .channel import ConsoleChannel, Seat
from .words import words

_CHAT = vol.All(str, vol.Length(1, 64), vol.Match(r"^[\w .-]+$"))


def commands(hub: Hub, entry: Entry, channel: ConsoleChannel) -> list[Command]:
    """Access is the owner's: what is said here is said by them."""

    def seat_of(data: Mapping[str, Any]) -> Seat:
        seat = channel.seat(data["seat"])
        if seat is None:
            raise NanobotError("this chat is closed; open it anew")
        return seat

    async def sit(connection: Connection, data: Mapping[str, Any]) -> Any:
        seat = channel.sit(data.get("chat"), once=data["once"])

        async def close() -> None:
            channel.leave(seat)
            await connection.send({"kind": "closed"})

        forget = entry.on_unload(close)

        async def pass_on() -> None:
            while not seat.gone:
                await connection.send(await seat.next())

        task = entry.spawn(pass_on(), f"seat at {seat.chat}")

        def gone() -> None:
            task.cancel()
            channel.leave(seat)
            forget()

        connection.on_close(gone)
        return {
            "seat": seat.id,
            "chat": seat.chat,
            "session": channel.session(seat),
            "language": hub.language,
            "words": words(hub),
        }

    async def send(connection: Connection, data: Mapping[str, Any]) -> Any:
        try:
            return {"id": await channel.say(seat_of(data), data["text"])}
        except TimeoutError:
            raise NanobotError(translate("component.console.busy", hub.language)) from None

    async def stop(connection: Connection, data: Mapping[str, Any]) -> Any:
        return {"stopped": await hub.conversations.stop(channel.session(seat_of(data)))}

    async def complete(connection: Connection, data: Mapping[str, Any]) -> Any:
        return words(hub)

    seat = {vol.Required("seat"): str}
    text = vol.All(str, vol.Length(1, 100_000))
    return [
        Command(
            "chat",
            sit,
            Access.ADMIN,
            vol.Schema({vol.Optional("chat"): _CHAT, vol.Optional("once", default=False): bool}),
            "Take a seat at a chat; its messages follow as events.",
        ),
        Command("chat/send", send, Access.ADMIN, vol.Schema({**seat, vol.Required("text"): text}), "Say something."),
        Command("chat/stop", stop, Access.ADMIN, vol.Schema(seat), "Stop the answer that is on its way."),
        Command("chat/words", complete, Access.ADMIN, vol.Schema({}), "Names that may be completed while typing."),
    ]
