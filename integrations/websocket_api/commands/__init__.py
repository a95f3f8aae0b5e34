"""The commands, by what they are about."""

from __future__ import annotations

from nanobot.contracts.socket_command import SocketCommand
from nanobot.hub.entry import Entry
from nanobot.hub.hub import Hub

from . import core


def commands(hub: Hub, entry: Entry) -> list[SocketCommand]:
    """All that this integration answers itself; others bring their own."""
    return [*core.COMMANDS]
