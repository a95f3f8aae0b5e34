"""Reading the number: the part that works for a living, and knows nothing of schemas."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

from nanobot.util.aio import in_thread

if TYPE_CHECKING:
    from nanobot.hub.entry import Entry

    from .entity import Number


async def read_number(file: str) -> float:
    """The number that a file begins with. Raises ``OSError``, or ``ValueError`` when there is none."""
    words = (await in_thread(Path(file).read_text, "utf-8")).split()
    return float(words[0] if words else "")


async def keep_reading(entry: Entry, number: Number) -> None:
    """Read again and again. Whatever goes wrong is raised: the hub starts this anew after a while and says why."""
    while True:
        await asyncio.sleep(entry.config["every"].total_seconds())
        number.becomes(await read_number(entry.config["file"]))
        entry.beat()
