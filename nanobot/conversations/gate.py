"""The gate: who may write to nanobot. Whoever may not costs next to nothing and learns nothing."""

from __future__ import annotations

import logging

from nanobot.contracts.channel import Channel, Incoming
from nanobot.errors import Refused
from nanobot.hub.bus import Bus
from nanobot.util.dt import Clock

EVERYBODY = "*"
LOG_EVERY = 3600.0  # s between two log lines about the same stranger
MAX_STRANGERS = 1000  # remembered at a time

_log = logging.getLogger(__name__)


class Gate:
    """Asked for each message, before anything is written."""

    def __init__(self, bus: Bus, clock: Clock) -> None:
        self._bus = bus
        self._clock = clock
        self._logged: dict[tuple[str, str], float] = {}

    def check(self, channel: Channel, incoming: Incoming) -> None:
        """Raises ``Refused`` for a sender who is not on the channel's list; an empty list lets nobody in."""
        sender = str(incoming.sender)
        if sender in channel.allow or EVERYBODY in channel.allow:
            return
        if sender and sender in {str(allowed) for allowed in channel.allow}:  # 42 in YAML is meant as "42"
            return
        self._bus.fire(
            "message_refused",
            {
                "channel": channel.name,
                "chat": str(incoming.chat),
                "sender": sender,
                "sender_name": incoming.sender_name,
            },
        )
        self._note(channel.name, sender)
        raise Refused(f"{channel.name} lets '{sender}' not in")

    def _note(self, channel: str, sender: str) -> None:
        now = self._clock.time()
        if now - self._logged.get((channel, sender), float("-inf")) < LOG_EVERY:
            return
        if len(self._logged) >= MAX_STRANGERS:
            self._logged = {who: at for who, at in self._logged.items() if now - at < LOG_EVERY}
            if len(self._logged) >= MAX_STRANGERS:
                return
        self._logged[channel, sender] = now
        _log.warning("%s: a message of %r was refused; add it to 'allow' to let it in", channel, sender[:100])
