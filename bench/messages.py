"""What a message costs: through the inbox, through a turn, and what an idle session leaves behind.

python bench/messages.py
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import tempfile
import time
import tracemalloc
from pathlib import Path

from nanobot.contracts.channel import Incoming
from nanobot.conversations.conversations import Conversations
from nanobot.hub.entry import Entry
from nanobot.hub.hub import Hub
from nanobot.testing.chat import Chat, Echo

MESSAGES = 5000
TURNS = 1000
SESSIONS = 2000


async def measure(folder: Path) -> list[tuple[str, str]]:
    """The rows of the table."""
    hub = Hub(folder)
    conversations = hub.conversations = Conversations(hub)
    conversations.sessions.max_waiting = MESSAGES
    await conversations.open()
    chat = Chat(allow=frozenset({"*"}))
    entries = [Entry(hub, name, name, {}) for name in ("chat", "echo")]
    entries[0].add(chat)

    def message(number: int) -> Incoming:
        return Incoming(chat=f"chat{number % 50}", sender="somebody", text="hello " * 10, message_id=f"m{number}")

    began = time.perf_counter()
    await asyncio.gather(*[conversations.receive(chat, message(number)) for number in range(MESSAGES)])
    into = time.perf_counter() - began
    began = time.perf_counter()
    entries[1].add(Echo("echo"))
    await chat.wait_for(MESSAGES)
    through = time.perf_counter() - began

    turns = []
    for number in range(TURNS):
        began = time.perf_counter()
        await chat.types("hello", sender="somebody", chat="alone", message_id=f"t{number}")
        turns.append(time.perf_counter() - began)

    await conversations.delivery.settled(5)
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    sent = len(chat.sent)
    for number in range(SESSIONS):
        await conversations.receive(chat, Incoming(chat=f"session{number}", sender="somebody", text="hello"))
    await chat.wait_for(sent + SESSIONS)
    await conversations.delivery.settled(5)
    chat.sent.clear()
    left = (tracemalloc.get_traced_memory()[0] - before) / SESSIONS
    tracemalloc.stop()
    for entry in entries:
        await entry.release()
    await conversations.close()
    return [
        ("messages into the inbox, durable, awaited together", f"{MESSAGES / into:,.0f} /s"),
        ("turns of 50 sessions with an echo agent, sent", f"{MESSAGES / through:,.0f} /s"),
        ("one turn from receive to the answer in the chat, median", f"{statistics.median(turns) * 1000:.2f} ms"),
        ("  99 of 100", f"{statistics.quantiles(turns, n=100)[98] * 1000:.2f} ms"),
        ("memory that an idle session leaves", f"{left:,.0f} bytes"),
    ]


def main() -> None:
    """Print the table."""
    with tempfile.TemporaryDirectory() as folder:
        rows = asyncio.run(measure(Path(folder)))
    for name, value in rows:
        sys.stdout.write(f"{name:<58}{value:>14}\n")


if __name__ == "__main__":
    main()
