"""The API from outside: calls per second over REST and WebSocket, events to one subscriber, and to a hundred at once.

    python bench/api.py [--peer-python PYTHON] [--scale 0.1] [--seconds 10]      one JSON line

The calls are those of ``blackbox_client.py``, which lies beside the workloads and asks any system with this API. With
--peer-python it asks Home Assistant, which `ha/start_ha.py` starts. Then 100 clients follow all events while 1,000 a
second are fired: how many were lost, how late they were, and what that did to the server's memory.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import importlib
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import core
import orjson
import process

CONFIG = """\
nanobot:
  name: Bench
  time_zone: UTC
api:
automation: []
script: {}
input_boolean:
  bench:
    name: Bench
"""
CLIENTS = 100
EVENTS_PER_S = 1000
EVERY = 0.01  # s between two bunches of events
WAIT_FOR_THE_LAST = 30.0  # s
MARK = b'"event_type":"bench_everything"'


@dataclass(frozen=True)
class Running:
    """A system that answers."""

    url: str
    token: str
    pid: int


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    core.add_workloads_option(parser)
    parser.add_argument("--python", default=sys.executable, help="the hub's interpreter")
    parser.add_argument("--peer-python", metavar="PYTHON", help="look at Home Assistant in this environment instead")
    parser.add_argument("--scale", type=float, default=1, help="how much of the calls")
    parser.add_argument("--seconds", type=float, default=10, help="how long the hundred clients listen")
    arguments = parser.parse_args()
    core.check_workloads(arguments.workloads)
    sys.path[:0] = [str(arguments.workloads), str(arguments.workloads / "ha")]
    system = running_peer(arguments.peer_python) if arguments.peer_python else running_nanobot(arguments.python)
    with system as running:
        result = asyncio.run(measure(running, arguments.scale, arguments.seconds))
    print(
        json.dumps(
            {
                "bench": "api",
                "system": "peer" if arguments.peer_python else "nanobot",
                "python": platform.python_version(),
                "loadavg": os.getloadavg()[0],
                "result": result,
            }
        )
    )


async def measure(running: Running, scale: float, seconds: float) -> dict[str, float]:
    """All figures. Rates are per second of wall time; ``_server_cpu_us`` is what one call cost the server."""
    client = importlib.import_module("blackbox_client")
    result: dict[str, float] = await client.run(running.url, running.token, running.pid, scale)
    return result | await everything(running, seconds)


async def everything(running: Running, seconds: float) -> dict[str, float]:
    """100 clients that are told of all events, and somebody who fires 1,000 a second."""
    count = int(seconds * EVENTS_PER_S)
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        counters = [await _Counter.open(running) for _ in range(CLIENTS - 1)]
        watch = _Watch(await _sign_in(session, running))
        await watch.subscribe()
        fires = await _sign_in(session, running)
        reading = asyncio.create_task(watch.read())
        ignoring = asyncio.create_task(_ignore(fires))
        await asyncio.sleep(0.5)
        before, cpu, began = process.memory(running.pid), process.cpu_s(running.pid), time.perf_counter()
        middle = before
        sent = 0
        while sent < count:
            due = min(count, int((time.perf_counter() - began) * EVENTS_PER_S))
            for number in range(sent, due):
                await fires.send_str(_fire(number + 2))
            sent = due
            if middle is before and sent > count // 2:
                middle = process.memory(running.pid)
            await asyncio.sleep(EVERY)
        firing_s = time.perf_counter() - began
        limit = time.perf_counter() + WAIT_FOR_THE_LAST
        waited = [*counters, watch]
        while time.perf_counter() < limit and any(one.got < count and one.is_open for one in waited):  # noqa: ASYNC110
            await asyncio.sleep(EVERY)
        used, after = process.cpu_s(running.pid) - cpu, process.memory(running.pid)
        lost = sum(count - one.got for one in [*counters, watch])
        cut_off = sum(not one.is_open for one in [*counters, watch])
        for task in (reading, ignoring):
            task.cancel()
        for counter in counters:
            counter.transport.close()
    late = sorted(watch.late) or [float("nan")]
    return {
        "everything_fired_per_s": count / firing_s,
        "everything_lost": lost,
        "everything_cut_off": cut_off,
        "everything_late_p50_ms": statistics.median(late) * 1000,
        "everything_late_p99_ms": late[int(len(late) * 0.99)] * 1000,
        "everything_server_cpu_us": used / (count * CLIENTS) * 1e6,
        "everything_server_cpu_percent": used / firing_s * 100,
        "everything_memory_grew_mib": after["rss_mib"] - middle["rss_mib"],
        "everything_memory_mib": after["rss_mib"],
    }


async def _sign_in(session: aiohttp.ClientSession, running: Running) -> aiohttp.ClientWebSocketResponse:
    socket = await session.ws_connect(f"{running.url}/api/websocket", max_msg_size=0)
    await socket.receive()
    await socket.send_json({"type": "auth", "access_token": running.token})
    answer = await socket.receive_json()
    assert answer["type"] == "auth_ok", answer
    return socket


async def _ignore(socket: aiohttp.ClientWebSocketResponse) -> None:
    async for _ in socket:
        pass


def _fire(message_id: int) -> str:
    data = {"at": time.perf_counter(), "text": "hello world"}
    command = {"id": message_id, "type": "fire_event", "event_type": "bench_everything", "event_data": data}
    return orjson.dumps(command).decode()


class _Watch:
    """One client that reads every event and knows how late it is."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self.got = 0
        self.late: list[float] = []
        self.is_open = True

    async def subscribe(self) -> None:
        for number, message in enumerate(_SUBSCRIBE, 1):
            await self._socket.send_json({"id": number, **message})
            await self._socket.receive()

    async def read(self) -> None:
        async for frame in self._socket:
            found = orjson.loads(frame.data)
            now = time.perf_counter()
            for message in found if isinstance(found, list) else (found,):
                event: Any = message.get("event")
                if event and event["event_type"] == "bench_everything":
                    self.got += 1
                    self.late.append(now - event["data"]["at"])
        self.is_open = False


_SUBSCRIBE = ({"type": "supported_features", "features": {"coalesce_messages": 1}}, {"type": "subscribe_events"})


class _Counter(asyncio.Protocol):
    """A client that only counts what comes, so that a hundred of them cost less than the server that is measured."""

    def __init__(self) -> None:
        self.got = 0
        self.is_open = True
        self._kept = b""
        self._subscribed = asyncio.Event()
        self.transport: asyncio.Transport

    @classmethod
    async def open(cls, running: Running) -> _Counter:
        """Says all at once, as a client may, and waits for the last answer."""
        address = urlsplit(running.url)
        loop = asyncio.get_running_loop()
        transport, counter = await loop.create_connection(cls, address.hostname, address.port)
        head = ["GET /api/websocket HTTP/1.1", f"Host: {address.netloc}", "Upgrade: websocket", "Connection: Upgrade"]
        head += ["Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "", ""]
        transport.write("\r\n".join(head).encode())
        transport.write(frame({"type": "auth", "access_token": running.token}))
        for number, message in enumerate(_SUBSCRIBE, 1):
            transport.write(frame({"id": number, **message}))
        async with asyncio.timeout(20):
            await counter._subscribed.wait()
        counter.transport = transport
        return counter

    def data_received(self, data: bytes) -> None:
        data = self._kept + data
        if b'"id":2,' in data:
            self._subscribed.set()
        self.got += data.count(MARK)
        self._kept = data[max(data.rfind(MARK) + len(MARK), len(data) - len(MARK) + 1) :]

    def connection_lost(self, error: Exception | None) -> None:
        self.is_open = False


def frame(message: Any) -> bytes:
    """A short text frame, masked with nothing."""
    payload = orjson.dumps(message)
    assert len(payload) < 65536
    size = bytes([0x80 | len(payload)]) if len(payload) < 126 else b"\xfe" + len(payload).to_bytes(2, "big")
    return b"\x81" + size + b"\0\0\0\0" + payload


# -- the systems ----------------------------------------------------------------------------------


@contextlib.contextmanager
def running_nanobot(python: str, config_text: str = CONFIG) -> Iterator[Running]:
    with tempfile.TemporaryDirectory(prefix="nanobot-bench-") as folder:
        config = Path(folder)
        (config / "configuration.yaml").write_text(config_text, encoding="utf-8")
        made = subprocess.run(
            [python, "-m", "nanobot", "token", "create", "-c", folder, "--name", "bench", "--quiet"],
            stdout=subprocess.PIPE, text=True, check=True, env={**os.environ, "PYTHONPATH": str(process.REPO)},
        )  # fmt: skip
        port = process.free_port()
        with process.running(config, port=port, python=python) as hub:
            hub.until(lambda: hub.answers("/health/ready") and "configuration applied" in hub.said())
            yield Running(f"http://127.0.0.1:{port}", made.stdout.strip(), hub.pid)


@contextlib.contextmanager
def running_peer(python: str) -> Iterator[Running]:
    import bench_blackbox
    import start_ha

    with tempfile.TemporaryDirectory(prefix="nanobot-bench-peer-") as folder:
        (Path(folder) / "configuration.yaml").write_text(bench_blackbox.CONFIG, encoding="utf-8")
        info = start_ha.start(python, folder)
        try:
            yield Running(info["url"], info["token"], info["pid"])
        finally:
            start_ha.stop(info["pid"])


if __name__ == "__main__":
    main()
