"""The recorder: what happens is written down, and can be asked about."""

from __future__ import annotations

from nanobot.hub.entry import Entry
from nanobot.hub.hub import Hub


async def setup(hub: Hub, entry: Entry) -> None:
    """Nothing is recorded without options."""
