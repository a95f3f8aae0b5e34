"""Offers commands about sessions to clients: which there are, to delete one, and to tell of one
that was brought back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import voluptuous as vol

from nanobot.contracts.command import Command, Connection
from nanobot.contracts.view import Access
from nanobot.conversations.archive import listed
from nanobot.hub.entry import Entry

_ONE = vol.Schema({vol.Required("session"): vol.All(str, vol.Length(1, 500)), vol.Optional("language"): str})


def offer_sessions(entry: Entry) -> None:
    """Add the commands to the core's own entry."""
    hub = entry.hub

    async def show(connection: Connection, data: Mapping[str, Any]) -> Any:
        return [one.as_dict() for one in await hub.conversations.database.read(listed)]

    async def delete(connection: Connection, data: Mapping[str, Any]) -> Any:
        return {"deleted": await hub.conversations.delete(data["session"])}

    async def restored(connection: Connection, data: Mapping[str, Any]) -> Any:
        await hub.conversations.notes.open()
        hub.bus.fire("session_restored", {"session": data["session"]})
        return {}

    entry.add(Command("session/list", show, Access.ADMIN, vol.Schema({}), "The sessions, the last used one first."))
    entry.add(Command("session/delete", delete, Access.ADMIN, _ONE, "Delete all of a session."))
    entry.add(Command("session/restored", restored, Access.ADMIN, _ONE, "Say that a session was written to the disk."))
