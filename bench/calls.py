"""How many calls and events a second the API bears, when the server is what is busy.

    python bench/calls.py [--peer-python PYTHON] [--rounds 9] [--only TEXT]      prints a table

A call costs ``blackbox_client.py`` more than it costs the servers it asks, so on a small machine it measures itself.
The clients here cost little (`wire.py`): connections that each ask again as soon as they are answered. Both systems run
all the time and are asked by turns, so that a slow minute of the machine hits both. Figures are medians of the rounds.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import api
import core
import process
import wire

MANY = 16  # connections
WINDOW = 100  # events on their way
SUBSCRIBERS = 100
ENTITIES = 100
UNLIMITED = "http:\n  rate_limit:\n    per_second: 1000000\n    burst: 1000000000\n"
"""A token may ask for less in the long run than is asked here."""
STATE = "/api/states/sensor.bench_rest"
TOGGLE = {"domain": "input_boolean", "service": "toggle", "target": {"entity_id": "input_boolean.bench"}}
EVENT = {"event_data": {"n": 1, "text": "hello world"}}

_values = itertools.count()


@dataclass(frozen=True)
class Work:
    """``count`` calls, or events, that are asked of a system in each round."""

    name: str
    count: int
    open: Callable[[api.Running], Callable[[int], None]]
    """Opens connections; what comes of it asks so often."""


@dataclass(frozen=True)
class Found:
    """One round. ``cpu_us``: CPU time of all threads of the server for each."""

    per_s: float
    cpu_us: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    core.add_workloads_option(parser)
    parser.add_argument("--python", default=sys.executable, help="the hub's interpreter")
    parser.add_argument("--peer-python", metavar="PYTHON", help="ask Home Assistant in this environment as well")
    parser.add_argument("--rounds", type=int, default=9, help="how often each is asked")
    parser.add_argument("--quick", action="store_true", help="a tenth of the calls: shows that it runs, not how fast")
    parser.add_argument("--only", default="", metavar="TEXT", help="what has this in its name")
    arguments = parser.parse_args()
    core.check_workloads(arguments.workloads)
    sys.path[:0] = [str(arguments.workloads), str(arguments.workloads / "ha")]
    with contextlib.ExitStack() as stack:
        systems = [stack.enter_context(api.running_nanobot(arguments.python, api.CONFIG + UNLIMITED))]
        if arguments.peer_python:
            systems.append(stack.enter_context(api.running_peer(arguments.peer_python)))
        for system in systems:
            _prepare(system)
        print(f"Python {platform.python_version()}, {arguments.rounds} rounds\n")
        print(_line("", "nanobot /s", "CPU", *(["peer /s", "CPU", "by clock", "by CPU"] if systems[1:] else [])))
        print(_line("---", *["---"] * (6 if systems[1:] else 2)))
        for work in works():
            if arguments.only in work.name:
                print(_row(work, systems, arguments.rounds, 0.1 if arguments.quick else 1), flush=True)
        print(f"\nload {os.getloadavg()[0]:.1f}")


def works() -> Iterator[Work]:
    """All that is asked."""
    for kind, count, request in (
        ("GET /api/", 3000, lambda one: one.get("/api/")),
        ("GET a state", 3000, lambda one: one.get(STATE)),
        (f"GET {ENTITIES} states", 800, lambda one: one.get("/api/states")),
        ("POST a state", 2000, _set_state),
        ("POST a service call", 1000, _toggle),
    ):
        yield Work(kind, count, _calls(wire.Connection, 1, request))
        yield Work(f"{kind}, {MANY} clients", count, _calls(wire.Connection, MANY, request))
    for kind, count, message in (
        ("ping", 5000, {"type": "ping"}),
        ("get_states", 1000, {"type": "get_states"}),
        ("call_service", 2000, {"type": "call_service", **TOGGLE}),
    ):
        send = _command(message)
        yield Work(kind, count, _calls(wire.WebSocket, 1, send))
        yield Work(f"{kind}, {MANY} clients", count, _calls(wire.WebSocket, MANY, send))
    for subscribers, scale in ((1, 1), (SUBSCRIBERS, 0.05)):
        to = f"to {subscribers} client{'s' if subscribers > 1 else ''}"
        yield Work(f"an event {to}", int(1000 * scale), _events(subscribers, window=1))
        yield Work(f"{WINDOW} events at once {to}", int(5000 * scale), _events(subscribers))
        yield Work(f"the same, coalesced, {to}", int(8000 * scale), _events(subscribers, coalesce=True))


def _prepare(running: api.Running) -> None:
    one = wire.Connection(running)
    for number in range(ENTITIES):
        one.ask(one.post(f"/api/states/sensor.many_{number}", {"state": "1", "attributes": {"a": number}}))
    one.ask(_set_state(one))
    one.close()


def _set_state(one: wire.Connection) -> bytes:
    return one.post(STATE, {"state": str(next(_values)), "attributes": {"unit_of_measurement": "W"}})


def _toggle(one: wire.Connection) -> bytes:
    return one.post("/api/services/input_boolean/toggle", {"entity_id": "input_boolean.bench"})


def _command(message: dict[str, Any]) -> Callable[[wire.WebSocket], bytes]:
    return lambda one: one.command(message)


def _calls(
    kind: type[wire.Connection], clients: int, request: Callable[[Any], bytes]
) -> Callable[[api.Running], Callable[[int], None]]:
    def opened(running: api.Running) -> Callable[[int], None]:
        connections = [kind(running) for _ in range(clients)]
        return lambda count: wire.saturate(connections, request, count)

    return opened


def _events(
    subscribers: int, *, window: int = WINDOW, coalesce: bool = False
) -> Callable[[api.Running], Callable[[int], None]]:
    def opened(running: api.Running) -> Callable[[int], None]:
        fires = wire.WebSocket(running)
        listening = [wire.WebSocket(running) for _ in range(subscribers)]
        for one in listening:
            if coalesce:
                one.ask(one.command({"type": "supported_features", "features": {"coalesce_messages": 1}}))
            one.ask(one.command({"type": "subscribe_events", "event_type": "bench_calls"}))
        event = {"type": "fire_event", "event_type": "bench_calls", **EVENT}
        return lambda count: wire.deliver(fires, listening, event, count, window)

    return opened


def _row(work: Work, systems: list[api.Running], rounds: int, scale: float) -> str:
    asking = [work.open(system) for system in systems]
    found: list[list[Found]] = [[] for _ in systems]
    for number in range(-1, rounds):
        for system, ask, of_system in zip(systems, asking, found, strict=True):
            one = _measure(system, ask, max(MANY, int(work.count * scale)))
            if number >= 0:  # the first one warms up
                of_system.append(one)
    rates = [statistics.median(one.per_s for one in of_system) for of_system in found]
    costs = [statistics.median(one.cpu_us for one in of_system) for of_system in found]
    cells = [cell for rate, cost in zip(rates, costs, strict=True) for cell in (f"{rate:,.0f}", f"{cost:.0f} µs")]
    if len(systems) > 1:
        cells += [f"{rates[0] / rates[1]:.2f}x", f"{costs[1] / costs[0]:.2f}x"]
    return _line(work.name, *cells)


def _measure(system: api.Running, ask: Callable[[int], None], count: int) -> Found:
    cpu, began = process.cpu_s(system.pid), time.perf_counter()
    ask(count)
    took = time.perf_counter() - began
    return Found(count / took, (process.cpu_s(system.pid) - cpu) / count * 1e6)


def _line(name: str, *cells: str) -> str:
    return f"| {name:42} | " + " | ".join(f"{cell:>10}" for cell in cells) + " |"


if __name__ == "__main__":
    main()
