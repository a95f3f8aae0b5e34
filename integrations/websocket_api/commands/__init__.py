"""The commands, by what they are about."""

from __future__ import annotations

from nanobot.contracts.socket_command import SocketCommand
from nanobot.contracts.view import Access
from nanobot.hub.entry import Entry

from ..kept import Kept
from ..log import RecentLog
from . import (
    auth,
    automation,
    blueprint,
    conversation,
    core,
    frontend,
    health,
    helpers,
    integrations,
    past,
    registries,
    related,
    repairs,
    statistics,
    template,
    tracing,
)
from .automation import Language
from .conversation import Exposed
from .entities import EntityCommands
from .entity_registry import EntityRegistry
from .events import EventCommands
from .frontend import UserData
from .repairs import Repairs


def commands(entry: Entry, kept: Kept, log: RecentLog) -> list[SocketCommand]:
    """All that this integration answers itself; others bring their own."""
    return [
        *core.COMMANDS,
        *EventCommands().commands(),
        *EntityCommands().commands(),
        *template.COMMANDS,
        *Language(entry).commands(),
        *automation.COMMANDS,
        *tracing.COMMANDS,
        *related.COMMANDS,
        *blueprint.COMMANDS,
        *EntityRegistry(kept).commands(),
        *registries.COMMANDS,
        *helpers.COMMANDS,
        *auth.COMMANDS,
        *Repairs(entry, kept).commands(),
        *repairs.COMMANDS,
        SocketCommand("system_log/list", lambda call: log.lines(), Access.ADMIN),
        *frontend.COMMANDS,
        *UserData(kept).commands(),
        *integrations.COMMANDS,
        *health.COMMANDS,
        *conversation.COMMANDS,
        *Exposed(kept).commands(),
        *past.COMMANDS,
        *statistics.COMMANDS,
    ]


def stand_ins() -> list[SocketCommand]:
    """What is answered for integrations that are not there."""
    return [*registries.STAND_INS, *conversation.STAND_INS]
