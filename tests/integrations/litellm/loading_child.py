"""A hub in a process of its own, in which litellm has not been imported yet: ``loading_child.py WHAT BASE_URL FOLDER``.

Prints what happened as one JSON document. FOLDER is empty but for what the test has put there; the working directory
too is the test's.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import resource
import shutil
import statistics
import sys
import time
from pathlib import Path
from typing import Any

BASE_URL = sys.argv[2]
FOLDER = Path(sys.argv[3])
WATCHED = ("socket.connect", "socket.getaddrinfo", "open")

connected: list[str] = []
opened: list[str] = []


def watch(event: str, arguments: tuple[Any, ...]) -> None:
    """Note what goes to the net, or to a .env file; refuse what leads anywhere but to the scripted server."""
    if event == "open" and str(arguments[0]).endswith(".env"):
        opened.append(str(arguments[0]))
    elif event == "socket.getaddrinfo":
        connected.append(f"name of {arguments[0]}")
        raise OSError(f"refused by the test: {arguments[0]}")
    elif event == "socket.connect" and isinstance(arguments[1], tuple):
        address = f"{arguments[1][0]}:{arguments[1][1]}"
        connected.append(address)
        if address not in BASE_URL:
            raise OSError(f"refused by the test: {address}")


sys.addaudithook(watch)

from nanobot.contracts.model import Message, Request  # noqa: E402
from nanobot.hub.entry import Entry  # noqa: E402
from nanobot.testing.chat import Chat  # noqa: E402
from nanobot.testing.plugin import House  # noqa: E402


class Gaps:
    """How long the event loop stands still."""

    def __init__(self) -> None:
        self.found = [0.0]

    async def __aenter__(self) -> Gaps:
        self._task = asyncio.create_task(self._watch())
        await asyncio.sleep(0.01)
        self.found = [0.0]
        return self

    async def __aexit__(self, *_: object) -> None:
        await asyncio.sleep(0.01)
        self._task.cancel()

    async def _watch(self) -> None:
        last = time.perf_counter()
        while True:
            await asyncio.sleep(0.001)
            now = time.perf_counter()
            self.found.append(now - last - 0.001)
            last = now

    def figures(self) -> dict[str, float]:
        return {"longest": max(self.found), "p99": sorted(self.found)[int(len(self.found) * 0.99)]}


async def ask(house: House, name: str, text: str) -> str:
    """The answer, or the sentence of the error."""
    model = house.hub.models.get(name)
    assert model is not None
    try:
        async with contextlib.aclosing(model.stream(Request([Message("user", text)]))) as stream:  # type: ignore[type-var]
            return "".join([piece.text async for piece in stream])
    except Exception as error:
        return f"{type(error).__name__}: {error}"


def is_loaded() -> bool:
    return hasattr(sys.modules.get("litellm"), "rehearsed_by_nanobot")


async def whole(house: House, chat: Chat) -> dict[str, Any]:
    """The library is there and loads beside the hub; then the first calls."""
    environment = dict(os.environ)
    before = set(sys.modules)
    config = {"litellm": {"base_url": BASE_URL, "models": {"main": "openai/m", "cloud": "anthropic/m"}}, "assist": {}}
    began, cpu = time.perf_counter(), time.process_time()
    await house.start(json.dumps(config))
    started = time.perf_counter() - began
    state = house.entry("litellm").state.value
    async with Gaps() as gaps, asyncio.timeout(100):
        answered = await chat.types("what time is it?")
        too_early = is_loaded()
        while not is_loaded():
            await asyncio.sleep(0.01)
    loaded, cpu = time.perf_counter() - began, time.process_time() - cpu
    modules = set(sys.modules)
    async with Gaps() as gaps_of_a_call:
        first = await ask(house, "main", "hello")
    cloud = await ask(house, "cloud", "hello")
    late = {name.partition(".")[0] for name in set(sys.modules) - modules}
    times = []
    for _ in range(200):
        at = time.perf_counter()
        await ask(house, "main", "hello")
        times.append(time.perf_counter() - at)
    litellm: Any = sys.modules["litellm"]
    loggers = [logging.getLogger(name) for name in ("LiteLLM", "LiteLLM Router", "LiteLLM Proxy")]
    lists = ("callbacks", "success_callback", "failure_callback", "_async_success_callback", "input_callback")
    return {
        "seconds until the hub had started": started,
        "state": state,
        "assist": answered,
        "loaded before assist had answered": too_early,
        "first": first,
        "cloud": cloud,
        "seconds until it was loaded": loaded,
        "cpu seconds until then": cpu,
        "stalls while loading": gaps.figures(),
        "stalls of the first call": gaps_of_a_call.figures(),
        "imported late": sorted(late),
        "median seconds of a call": statistics.median(times),
        "rss MB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "modules": len(modules) - len(before),
        "connected": sorted(set(connected)),
        "opened": opened,
        "environment": {name: value for name, value in os.environ.items() if environment.get(name) != value},
        "telemetry": litellm.telemetry,
        "callbacks": [found for name in lists for found in getattr(litellm, name, [])],
        "handlers": [repr(handler) for logger in loggers for handler in logger.handlers],
        "loud": [logger.name for logger in loggers if logger.isEnabledFor(logging.ERROR)],
    }


async def broken(house: House, chat: Chat) -> dict[str, Any]:
    """The library is broken, or not there at all."""
    config = {
        "nanobot": {"requirements": "never"},
        "litellm": {"base_url": BASE_URL, "models": {"main": {"model": "openai/m", "fallbacks": ["local"]}}},
        "openai_compatible": {"base_url": BASE_URL, "models": {"local": "stub-model"}},
        "agent": {"model": "main"},
        "assist": {},
    }
    await house.start(json.dumps(config))
    entry = house.entry("litellm")
    async with asyncio.timeout(60):
        while entry.error is None:
            await asyncio.sleep(0.01)
    found = {
        "state": entry.state.value,
        "error": entry.error,
        "issues": [issue.text("en") for issue in house.hub.issues],
        "agent": await chat.types("hello"),
        "local": await ask(house, "local", "hello"),
    }
    if "main" in house.hub.models:
        found["main"] = await ask(house, "main", "hello")
    without = json.dumps({key: config[key] for key in ("nanobot", "litellm", "assist")})
    await house.apply(without)
    found["assist"] = await chat.types("what time is it?")
    return found


async def repaired(house: House, chat: Chat) -> dict[str, Any]:
    """As above; then what breaks it is taken out of the way."""
    found = await broken(house, chat)
    shutil.rmtree(FOLDER / "litellm")
    await house.edits.wait(house.edits.request(restart=["litellm"]))
    found["repaired"] = await ask(house, "main", "hello")  # waits until it is loaded
    found["issues then"] = [issue.text("en") for issue in house.hub.issues]
    return found


async def main() -> None:
    folder = FOLDER / "config"
    folder.mkdir()
    house = House(folder)
    await house.open()
    owner, chat = Entry(house.hub, "chat", "chat", {}), Chat()
    owner.add(chat)
    try:
        found = await {"whole": whole, "broken": broken, "repaired": repaired}[sys.argv[1]](house, chat)
    finally:
        await owner.release()
        at = time.perf_counter()
        await house.close()
    found["seconds to close"] = time.perf_counter() - at
    found["tasks"] = [repr(task) for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    print(json.dumps(found))


asyncio.run(main())
