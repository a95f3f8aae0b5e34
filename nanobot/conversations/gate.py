"""The gate: who may write to nanobot, and who of them runs it. Whoever may not write costs next to nothing."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from nanobot.contracts.channel import Channel, Incoming
from nanobot.conversations.pairing import Pairing
from nanobot.errors import Refused

if TYPE_CHECKING:
    from nanobot.hub.hub import Hub

EVERYBODY = "*"
LOG_EVERY = 3600.0  # s between two log lines about the same stranger
MAX_STRANGERS = 1000  # remembered at a time

_log = logging.getLogger(__name__)


class Gate:
    """Asked for each message, before anything is written."""

    def __init__(self, hub: Hub, pairing: Pairing) -> None:
        self._hub = hub
        self._pairing = pairing
        self._logged: dict[tuple[str, str], float] = {}

    def check(self, channel: Channel, incoming: Incoming) -> bool:
        """Let a sender in; True for an owner: one whom the channel knows as such, or whom the list names.

        Raises ``Refused`` for a sender who is neither on the channel's list nor paired.
        """
        owner = self._known(channel, incoming)
        if owner is not None:
            return owner
        sender, chat = str(incoming.sender), str(incoming.chat)
        self._hub.bus.fire(
            "message_refused",
            {"channel": channel.name, "chat": chat, "sender": sender, "sender_name": incoming.sender_name},
        )
        self._note(channel, incoming)
        raise Refused(f"{channel.name} lets '{sender}' not in")

    def lets_in(self, channel: Channel, incoming: Incoming) -> bool:
        """Whether ``check`` would; for a channel that wants to know before it fetches what belongs to a message."""
        return self._known(channel, incoming) is not None

    def _known(self, channel: Channel, incoming: Incoming) -> bool | None:
        """None for a sender who is not let in, True for an owner."""
        sender, chat = str(incoming.sender), str(incoming.chat)
        # who speaks as the group itself is its member, not the person whom the list names
        if sender != EVERYBODY and not (incoming.group and sender == chat) and _names(channel, sender):
            return True
        member = self._pairing.member(channel.name, sender)
        if member is not None:
            return member.owner or incoming.owner
        if EVERYBODY in channel.allow or (incoming.group and _names(channel, chat)):
            return incoming.owner
        return None

    def _note(self, channel: Channel, incoming: Incoming) -> None:
        now, sender = self._hub.clock.time(), str(incoming.sender)
        key = (channel.name, sender)
        if now - self._logged.get(key, float("-inf")) < LOG_EVERY:
            return
        if len(self._logged) >= MAX_STRANGERS:
            if now - next(iter(self._logged.values())) < LOG_EVERY:  # the oldest comes first
                return
            self._logged = {who: at for who, at in self._logged.items() if now - at < LOG_EVERY}
        self._logged.pop(key, None)
        self._logged[key] = now
        if incoming.group:  # where nobody gets a code
            how = f"add it, or the group {str(incoming.chat)[:100]!r}, to 'allow'"
        elif channel.pairing:
            how = "add it to 'allow', or confirm its code with `nanobot pair`,"
        else:
            how = "add it to 'allow'"
        _log.warning("%s: a message of %r was refused; %s to let it in", channel.name, sender[:100], how)


def _names(channel: Channel, who: str) -> bool:
    """Whether the list of a channel names somebody; 42 in YAML is meant as "42"."""
    return bool(who) and (who in channel.allow or any(str(allowed) == who for allowed in channel.allow))
