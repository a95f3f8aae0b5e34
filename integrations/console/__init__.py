"""Console: talk to nanobot from a terminal, that of `nanobot run` itself or any other with `nanobot chat`."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import voluptuous as vol

from nanobot.contracts.audit import Finding
from nanobot.errors import ConfigError
from nanobot.hub.entry import Entry
from nanobot.hub.hub import Hub

from .channel import OWNER, ConsoleChannel
from .command import commands
from .mailbox import Mailbox
from .notes import config_applied, config_rejected
from .terminal import is_ours, run_terminal

CONFIG_SCHEMA = vol.Schema(
    {
        vol.Optional("terminal", default=True): bool,
        vol.Optional("allow", default=[OWNER]): [str],
    }
)


async def setup(hub: Hub, entry: Entry) -> None:
    if "chat" in hub.commands:
        raise ConfigError("there is a console already; one is enough for any number of terminals")
    mailbox = Mailbox(entry.store("mailbox"))
    await mailbox.load()
    channel = ConsoleChannel(entry.id, mailbox, allow=frozenset(entry.config["allow"]))
    entry.add(channel)
    for command in commands(hub, entry, channel):
        entry.add(command)
    for event in ("turn_started", "turn_progress", "turn_finished", "message_failed"):
        entry.listen(event, channel.heard, filter=channel.is_mine)
    entry.listen("config_applied", lambda event: channel.tell(config_applied(event.data, hub.language)))
    entry.listen("config_rejected", lambda event: channel.tell(config_rejected(event.data, hub.language)))
    if entry.config["terminal"] and is_ours():
        entry.run(partial(run_terminal, hub, entry, channel), name="terminal")


def audit(config: Mapping[str, Any]) -> list[Finding]:
    """What this configuration leaves open."""
    return [Finding("everybody", "error", ("allow", at)) for at, who in enumerate(config["allow"]) if who == "*"]


async def reload(hub: Hub, entry: Entry, config: Any) -> bool:
    """Who may write changes in place; the terminal keeps what is being typed."""
    channel = hub.channels.get(entry.id)
    if config["terminal"] != entry.config["terminal"] or channel is None:
        return False
    channel.allow = frozenset(config["allow"])
    return True
