"""An agent from outside, over OpenAI's API: turns per second, what they cost the server, and memory.

    python bench/agent.py [--peer-nanobot ENVIRONMENT] [--quick]      one JSON line

The model is the scripted server of the tests, without any delay of its own. With --peer-nanobot, the virtual
environment with `nanobot-ai[api]` in it, the same is asked of HKUDS nanobot.
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
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import aiohttp
import process
from agent_systems import Nanobot, Peer, System

sys.path[:0] = [str(process.REPO / "tests" / "servers")]

from running import running

PASTS = (0, 500, 2000)  # messages
SLOW = 50  # sessions with a model that takes a second
AT_ONCE = 20  # sessions that are begun at a time
WARM = 3  # turns before those that are measured


@dataclass(frozen=True)
class Sizes:
    """How much is asked."""

    turns: int = 200
    sessions: int = 100
    each: int = 3
    of_a_past: int = 20
    idle: int = 1000
    settle_s: float = 10


QUICK = Sizes(turns=10, sessions=10, each=1, of_a_past=3, idle=20, settle_s=0.3)


def main() -> None:
    """Print what was measured."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peer-nanobot", type=Path, metavar="ENVIRONMENT", help="look at the peer in there instead")
    parser.add_argument("--python", default=sys.executable, help="the hub's interpreter")
    parser.add_argument("--quick", action="store_true", help="a tenth of the work")
    arguments = parser.parse_args()
    with running("model") as model, tempfile.TemporaryDirectory(prefix="nanobot-bench-") as folder:
        base_url = model.info["base_url"]
        system: System
        if arguments.peer_nanobot:
            system = Peer(Path(folder), base_url, arguments.peer_nanobot)
        else:
            system = Nanobot(Path(folder), base_url, arguments.python)
        try:
            result = asyncio.run(measure(system, model.info["stub"], QUICK if arguments.quick else Sizes()))
        finally:
            system.stop()
    about = {
        "bench": "agent",
        "system": system.name,
        "python": platform.python_version(),
        "loadavg": os.getloadavg()[0],
        "result": result,
    }
    print(json.dumps(about))


async def measure(system: System, stub: str, sizes: Sizes) -> dict[str, float]:
    """All figures; ``_cpu_ms`` is what one turn cost the server, in all its threads."""
    system.start()  # the second start counts: the first one compiles Python, and makes the files
    async with _client() as http:
        await People(system, http).turn("first")
    system.stop()
    system.seed({_past(messages): messages for messages in PASTS if messages})
    result = {"start_s": system.start(), "start_rss_mib": process.memory(system.pid)["rss_mib"]}
    async with _client() as http:
        people = People(system, http)
        for _ in range(WARM):
            await people.turn("warm")
        result["first_turns_rss_mib"] = process.memory(system.pid)["rss_mib"]
        result |= await people.talk("one_session", ["one"], sizes.turns)
        many = [f"many{number}" for number in range(sizes.sessions)]
        result |= await people.talk(f"{sizes.sessions}_sessions", many, sizes.each)
        await _post(http, f"{stub}/config", {"latency": 1.0})
        slow = await people.talk("slow", [f"slow{number}" for number in range(SLOW)], 1)
        await _post(http, f"{stub}/config", {"latency": 0.0})
        result[f"{SLOW}_sessions_with_a_1_s_model_s"] = SLOW / slow["slow_turns_per_s"]
        await asyncio.sleep(sizes.settle_s)
        before = result["idle_rss_mib"] = process.memory(system.pid)["rss_mib"]
        for begin in range(0, sizes.idle, AT_ONCE):
            names = [f"idle{number}" for number in range(begin, min(begin + AT_ONCE, sizes.idle))]
            await people.talk("idle", names, 1)
        await asyncio.sleep(sizes.settle_s)
        result[f"{sizes.idle}_idle_sessions_grew_mib"] = process.memory(system.pid)["rss_mib"] - before
        for messages in PASTS:
            result |= await _with_past(people, http, stub, messages, sizes)
    for before, after in pairwise(PASTS):
        result[f"history_{after}_cpu_over_{before}"] = (
            result[f"history_{after}_cpu_ms"] / result[f"history_{before}_cpu_ms"]
        )
    return result


async def _with_past(
    people: People, http: aiohttp.ClientSession, stub: str, messages: int, sizes: Sizes
) -> dict[str, float]:
    """What a turn costs in a session with a past; and how many messages the model is told of it at most."""
    for _ in range(WARM):
        await people.turn(_past(messages))
    await asyncio.sleep(sizes.settle_s / 5)  # what is done once, such as summing up
    await _post(http, f"{stub}/reset", {})
    name = f"history_{messages}"
    found = await people.talk(name, [_past(messages)], sizes.of_a_past)
    async with http.get(f"{stub}/log") as response:
        told = max(request["messages"] for request in await response.json())
    return {f"{name}_cpu_ms": found[f"{name}_cpu_ms"], f"{name}_p50_ms": found[f"{name}_p50_ms"], f"{name}_told": told}


def _client() -> aiohttp.ClientSession:
    return aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), timeout=aiohttp.ClientTimeout(600))


def _past(messages: int) -> str:
    return f"past{messages}"


async def _post(http: aiohttp.ClientSession, url: str, data: Any) -> None:
    async with http.post(url, json=data) as response:
        response.raise_for_status()


class People:
    """Whoever talks to the agent."""

    def __init__(self, system: System, http: aiohttp.ClientSession) -> None:
        self._system = system
        self._http = http
        self._number = 0

    async def turn(self, session: str) -> float:
        """Seconds from a message to its answer."""
        self._number += 1
        body = self._system.body(session, f"hello {self._number}")
        url = f"http://127.0.0.1:{self._system.port}{self._system.path}"
        began = time.perf_counter()
        async with self._http.post(url, json=body, headers=self._system.headers) as response:
            said = await response.text()
        took = time.perf_counter() - began
        if "pong" not in said:
            raise SystemExit(f"the answer was {response.status} {said[:500]}")
        return took

    async def talk(self, name: str, sessions: Sequence[str], turns: int) -> dict[str, float]:
        """So many turns in each session, one after the other there, all sessions at once."""

        async def one(session: str) -> list[float]:
            return [await self.turn(session) for _ in range(turns)]

        pid = self._system.pid
        cpu, began = process.cpu_s(pid), time.perf_counter()
        took = [seconds for each in await asyncio.gather(*map(one, sessions)) for seconds in each]
        wall, used = time.perf_counter() - began, process.cpu_s(pid) - cpu
        return {
            f"{name}_turns_per_s": len(took) / wall,
            f"{name}_p50_ms": statistics.median(took) * 1000,
            f"{name}_p99_ms": sorted(took)[int(len(took) * 0.99)] * 1000,
            f"{name}_cpu_ms": used / len(took) * 1000,
        }


if __name__ == "__main__":
    main()
