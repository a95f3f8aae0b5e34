"""The recorder: how fast it writes, how long answers take with many rows, and what the event loop feels of a purge.

    python bench/recorder.py [--rows 1000000] [--quick] [--json]

``--quick`` is 100,000 rows. Prints a table, or with ``--json`` one line for ``bench/run``.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

REPO = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(REPO))

from nanobot.hub.context import Context
from nanobot.testing.plugin import House

DAYS = 10
DAY = 86_400.0
LIGHTS, SENSORS = 50, 150
GATHER = 20_000  # states between two looks at what is written
CONFIG = "nanobot:\n  name: Bench\nrecorder:\n  commit_interval: 1\n  auto_purge: false\n"


async def measure(folder: Path, rows: int) -> dict[str, float]:
    """All figures; times in milliseconds unless the name says otherwise."""
    house = House(folder)
    await house.open()
    found = {"loop_us_per_state_without": await _cost_of_setting(house)}
    before = _rss()
    began = time.perf_counter()
    await house.start(CONFIG)
    found["start_s"] = time.perf_counter() - began
    found["start_mib"] = _rss() - before
    found["loop_us_per_state_with"] = await _cost_of_setting(house)
    now = time.time()
    found |= await _fill(house, rows, now)
    found["file_mib"] = sum(path.stat().st_size for path in (folder / ".storage").glob("history.db*")) / 2**20
    found |= await _ask(house, now)
    found |= await _purge(house, now)
    found["rss_mib"] = _rss()
    await house.close()
    return found


async def _cost_of_setting(house: House, count: int = 20_000) -> float:
    # CPU time of the event loop's thread: what the writer does beside it is another figure
    states = house.hub.states
    began = time.thread_time()
    for number in range(count):
        states.set(f"counter.cost_{number % 100}", str(number))
    return (time.thread_time() - began) / count * 1e6


async def _fill(house: House, rows: int, now: float) -> dict[str, float]:
    hub, writer = house.hub, house.entry("recorder").data.writer
    times = iter(range(rows))
    hub.clock.time = lambda: now - DAYS * DAY + DAYS * DAY * number / rows  # type: ignore[method-assign]
    spent = cpu = 0.0
    for number in times:
        if number % 4:
            which = number % SENSORS
            attributes = {"unit_of_measurement": "°C", "state_class": "measurement", "friendly_name": f"Sensor {which}"}
            hub.states.set(f"sensor.bench_{which}", str(number % 977 / 10), attributes)
        else:
            which = number // 4 % LIGHTS
            attributes = {"friendly_name": f"Lamp {which}", "brightness": number % 255}
            state = "on" if number // 4 // LIGHTS % 2 else "off"
            hub.states.set(f"light.bench_{which}", state, attributes, Context(user_id="anna", actor="user"))
        if (number + 1) % GATHER == 0 or number + 1 == rows:
            began, cpu_began = time.perf_counter(), time.process_time()
            await writer.flush()
            spent += time.perf_counter() - began
            cpu += time.process_time() - cpu_began
    hub.clock.time = time.time  # type: ignore[method-assign]
    return {"rows": rows, "states_per_s": rows / spent, "writer_cpu_us_per_state": cpu / rows * 1e6}


async def _ask(house: House, now: float) -> dict[str, float]:
    history = house.hub.history
    assert history is not None
    light = house.hub.states.get("light.bench_1")
    assert light is not None
    sensors = [f"sensor.bench_{which}" for which in range(10)]
    questions: dict[str, Callable[[], Awaitable[Any]]] = {
        "history_1_entity_1_day": lambda: history.states(["light.bench_1"], now - DAY, now),
        "history_10_sensors_1_day_minimal": lambda: history.states(sensors, now - DAY, now, minimal=True),
        "history_1_sensor_10_days_minimal": lambda: history.states(sensors[:1], now - DAYS * DAY, now, minimal=True),
        "logbook_1_hour": lambda: history.logbook(now - 3600, now),
        "logbook_1_day": lambda: history.logbook(now - DAY, now),
        "logbook_1_entity_10_days": lambda: history.logbook(now - DAYS * DAY, now, ["light.bench_1"]),
        "chain": lambda: history.chain(light.context.id),
    }
    found = {}
    for name, question in questions.items():
        await question()
        began = time.perf_counter()
        answer = await question()
        found[f"{name}_ms"] = (time.perf_counter() - began) * 1000
        if isinstance(answer, dict):
            found[f"{name}_rows"] = sum(map(len, answer.values()))
        elif isinstance(answer, list):
            found[f"{name}_rows"] = len(answer)
    return found


async def _purge(house: House, now: float) -> dict[str, float]:
    """Half of it goes; meanwhile the loop is to be free, and what happens is to be written."""
    late: list[float] = []

    async def look() -> None:
        while True:
            began = time.perf_counter()
            await asyncio.sleep(0.001)
            late.append((time.perf_counter() - began - 0.001) * 1000)

    looking = asyncio.ensure_future(look())
    await asyncio.sleep(1)
    idle = sorted(late)
    late.clear()
    began = time.perf_counter()
    await house.hub.services.call("recorder", "purge", {"keep_days": DAYS / 2})
    spent = time.perf_counter() - began
    looking.cancel()
    late.sort()
    return {
        "purge_of_half_s": spent,
        "loop_late_p99_idle_ms": idle[int(len(idle) * 0.99)],
        "loop_late_p99_purging_ms": late[int(len(late) * 0.99)],
        "loop_late_worst_purging_ms": late[-1],
    }


def _rss() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--quick", action="store_true", help="100,000 rows")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    rows = 100_000 if arguments.quick else arguments.rows
    with tempfile.TemporaryDirectory(prefix="nanobot-bench-") as folder:
        result = asyncio.run(measure(Path(folder), rows))
    if arguments.json:
        told = {"bench": "recorder", "python": platform.python_version(), "loadavg": os.getloadavg()[0]}
        print(json.dumps({**told, "result": result}))
        return
    for name, value in result.items():
        print(f"| {name} | {value:,.3g} |" if value < 1000 else f"| {name} | {value:,.0f} |")


if __name__ == "__main__":
    main()
