"""What a connected client may ask about pairing: who waits and who is in, let in, remove."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import voluptuous as vol

from nanobot.contracts.command import Command, Connection
from nanobot.contracts.view import Access
from nanobot.conversations.paired import Member, Request, who
from nanobot.hub.hub import Hub
from nanobot.util.dt import iso

ASKER = "control"  # all clients together may be wrong as often as one person in a chat


def pairing_commands(hub: Hub) -> list[Command]:
    """``pair``, ``pair/list`` and ``pair/remove``. ``language`` is the one in which a refusal is told."""

    async def pair(connection: Connection, data: Mapping[str, Any]) -> Any:
        request = await hub.conversations.door.pair(
            data["code"],
            ASKER,
            language=data.get("language") or hub.language,
            owner=data["owner"],
            context=connection.context,
        )
        member = hub.conversations.pairing.member(request.channel, request.sender)
        return {"channel": request.channel, "who": who(request), "owner": member is not None and member.owner}

    async def everybody(connection: Connection, data: Mapping[str, Any]) -> Any:
        pairing = hub.conversations.pairing
        return {
            "waiting": [_told(hub, request, request.made) for request in pairing.waiting()],
            "members": [{**_told(hub, one, one.since), "owner": one.owner, "by": one.by} for one in pairing.members()],
        }

    async def remove(connection: Connection, data: Mapping[str, Any]) -> Any:
        language = data.get("language") or hub.language
        await hub.conversations.pairing.remove(data["channel"], data["sender"], language=language)
        return {"removed": True}

    spoken: dict[Any, Any] = {vol.Optional("language"): str}
    code = vol.All(str, vol.Length(1, 200))
    one: dict[Any, Any] = {vol.Required("channel"): str, vol.Required("sender"): str}
    return [
        Command(
            "pair",
            pair,
            Access.ADMIN,
            vol.Schema({vol.Required("code"): code, vol.Optional("owner", default=False): bool, **spoken}),
            "Let in whoever was shown this code.",
        ),
        Command("pair/list", everybody, Access.ADMIN, vol.Schema({}), "Who waits to be let in, and who was."),
        Command("pair/remove", remove, Access.ADMIN, vol.Schema({**one, **spoken}), "Let somebody in no more."),
    ]


def _told(hub: Hub, one: Member | Request, since: float) -> dict[str, Any]:
    return {
        "channel": one.channel,
        "name": one.name or None,
        "sender": one.sender,
        "since": iso(since),
        "age": round(max(0.0, hub.clock.time() - since), 1),
    }
