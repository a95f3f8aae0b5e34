"""What nanobot adds to a turn with a model: a hub with the agent, before a scripted model server over real HTTP.

    python bench/turns.py [--model openai_compatible|litellm] [--quick]      one JSON line

The own cost of a turn is the time from the message's arrival to its answer in the chat, less the time for which the
model server had the request. Everything is kept on disk as always.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import aiohttp
from process import REPO

sys.path[:0] = [str(REPO), str(REPO / "tests" / "servers")]

from running import Server, running

from nanobot.contracts.channel import Channel, Incoming, Outgoing, Receipt, Receive
from nanobot.hub.entry import Entry
from nanobot.testing.plugin import House

CONFIG = {
    "openai_compatible": "openai_compatible:\n  base_url: {base_url}\n  models: {{main: stub}}\n",
    "litellm": "litellm:\n  base_url: {base_url}\n  api_key: none\n  models: {{main: openai/stub}}\n",
}
REST = "agent:\n  model: main\nfiles:\nmessage:\nstates:\nservices:\n"
TURNS = 200
SESSIONS = 50


def main() -> None:
    """Print what was measured."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", choices=list(CONFIG), default="openai_compatible")
    parser.add_argument("--quick", action="store_true", help="a tenth of the work")
    arguments = parser.parse_args()
    turns = TURNS // 10 if arguments.quick else TURNS
    with tempfile.TemporaryDirectory(prefix="nanobot-bench-") as folder, running("model") as server:
        result = asyncio.run(measure(Path(folder), server, arguments.model, turns))
    about = {
        "bench": f"turns:{arguments.model}",
        "system": "nanobot",
        "python": platform.python_version(),
        "loadavg": os.getloadavg()[0],
        "result": result,
    }
    print(json.dumps(about))


async def measure(folder: Path, server: Server, model: str, turns: int) -> dict[str, float]:
    """All figures; ``_ms`` per turn, ``_s`` in all."""
    house = House(folder)
    await house.open()
    desk = Desk()
    owner = Entry(house.hub, "desk", "desk", {})
    owner.add(desk)
    async with aiohttp.ClientSession(server.info["stub"] + "/") as control:
        bench = Bench(desk, control)
        try:
            await house.start(CONFIG[model].format(**server.info) + REST)
            await desk.ask("begin")  # connects, and imports what only the first turn needs
            own = await bench.own_costs("hello", turns)
            tools = await bench.own_costs("look [[tool:list_services {}]]", turns // 2)
            streamed = await bench.own_costs("[[words:200]] [[chunks:100]]", turns // 4)
            one_session = await bench.all_of(1, turns)
            many = await bench.all_of(100, max(2, turns // 20))
            await control.post("config", json={"latency": 1.0})
            slow = await bench.all_of(SESSIONS, 1)
            await control.post("config", json={"latency": 0.0})
            await give_past(house, "desk:past", 2000)
            with_past = await bench.own_costs("hello", turns // 4, "past")
        finally:
            await owner.release()
            await house.close()
    return {
        "own_cost_median_ms": statistics.median(own),
        "own_cost_p99_ms": statistics.quantiles(own, n=100)[98],
        "own_cost_with_a_tool_median_ms": statistics.median(tools),
        "own_cost_of_100_pieces_median_ms": statistics.median(streamed),
        "own_cost_after_2000_messages_median_ms": statistics.median(with_past),
        "turns_of_1_session_per_s": turns / one_session,
        "turns_of_100_sessions_per_s": 100 * max(2, turns // 20) / many,
        "50_sessions_with_a_1_s_model_s": slow,
    }


class Desk(Channel):
    """People who write in as many chats as they like, each waiting for the answer."""

    def __init__(self) -> None:
        super().__init__("desk", allow=frozenset({"*"}))
        self._answers: dict[str, asyncio.Future[str]] = {}
        self._open: asyncio.Future[Receive] = asyncio.get_running_loop().create_future()
        self._number = 0

    async def run(self, receive: Receive) -> None:
        self._open.set_result(receive)
        await asyncio.Event().wait()

    async def send(self, message: Outgoing) -> Receipt:
        self._answers.pop(message.chat).set_result(message.text)
        return Receipt(message.id)

    async def ask(self, text: str, chat: str = "one") -> float:
        """Seconds from a message to its answer."""
        receive = await self._open
        answer = self._answers[chat] = asyncio.get_running_loop().create_future()
        self._number += 1
        began = time.perf_counter()
        await receive(Incoming(chat=chat, sender="somebody", text=text, message_id=str(self._number)))
        said = await answer
        took = time.perf_counter() - began
        if "pong" not in said and "w0" not in said:
            raise SystemExit(f"the answer to {text!r} was {said!r}")
        return took


class Bench:
    """The people, and the model server's own account of the time it took."""

    def __init__(self, desk: Desk, control: aiohttp.ClientSession) -> None:
        self.desk = desk
        self.control = control

    async def own_costs(self, text: str, turns: int, chat: str = "one") -> list[float]:
        """Milliseconds of each turn that the model server had nothing to do with."""
        await self.control.post("reset")
        took = [await self.desk.ask(text, chat) for _ in range(turns)]
        async with self.control.get("log") as response:
            log: list[dict[str, Any]] = [asked for asked in await response.json() if asked["tools"]]  # no summaries
        requests = len(log) // turns  # as many in each turn
        asked = [sum(e["t_end"] - e["t"] for e in log[n * requests : (n + 1) * requests]) for n in range(turns)]
        return [(whole - model) * 1000 for whole, model in zip(took, asked, strict=True)]

    async def all_of(self, chats: int, turns: int) -> float:
        """Seconds until so many turns in each of so many chats are over, one after the other in each."""

        async def talk(chat: str) -> None:
            for _ in range(turns):
                await self.desk.ask("hello", chat)

        began = time.perf_counter()
        await asyncio.gather(*(talk(f"many{number}") for number in range(chats)))
        return time.perf_counter() - began


async def give_past(house: House, session: str, messages: int) -> None:
    """A long history."""
    rows = [(f"past{number}", session) for number in range(messages)]
    await house.hub.conversations.database.write(
        lambda connection: connection.executemany(
            "INSERT INTO outbox (id, turn, session, channel, chat, text, created, state, ended) VALUES"
            " ('sent' || ?1, ?1, ?2, 'desk', 'past', 'an answer of some length, as agents write them', 1, 'sent', 1)",
            rows,
        )
    )
    await house.hub.conversations.database.write(
        lambda connection: connection.executemany(
            "INSERT INTO inbox (id, session, channel, chat, sender, text, received, outcome, done) VALUES"
            " (?, ?, 'desk', 'past', 'somebody', 'a message of some length, as people write them', 1, 'answered', 1)",
            rows,
        )
    )


if __name__ == "__main__":
    main()
