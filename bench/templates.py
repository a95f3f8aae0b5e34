"""Templates: how long a render takes, what waiting for changes costs, and how long a hostile one may hold the hub.

    python bench/templates.py [--peer-python VENV/bin/python] [--workloads DIR] [--quick] [--json]

Prints a table of processor time, the least of five rounds. With ``--peer-python`` the lines that Home Assistant has in
its own benchmark (``bench_core.py template``) stand beside ours.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import core

sys.path.insert(0, str(core.REPO))

from nanobot.hub.bus import Event
from nanobot.hub.hub import Hub
from nanobot.templates import Template, TemplateError
from nanobot.templates.track import track

ENTITIES = 200
SIMPLE = "{{ states('sensor.bench_0') | float(0) + 1 }}"
LOOP = (
    "{% set ns = namespace(n=0) %}{% for s in states.sensor %}{% if s.state | float > 20 %}"
    "{% set ns.n = ns.n + 1 %}{% endif %}{% endfor %}{{ ns.n }}"
)
CACHED: dict[str, tuple[str, dict[str, Any] | None]] = {
    "simple": (SIMPLE, None),
    "variables": ("{{ (value * 2) ~ ' ' ~ name }}", {"value": 7, "name": "x"}),
    "event_data": ("{{ trigger.event.data.n + 1 }}", {"trigger": {"event": Event("bench", {"n": 1})}}),
    "condition": ("{{ is_state('sensor.bench_0', ['on', 'off']) }}", None),
    "list_result": ("{{ [1, 'a', none, 2.5] }}", None),
    "heavy_200_entities": ("{{ states.sensor | map(attribute='state') | map('float', 0) | sum | round(2) }}", None),
    "select_200_entities": ("{{ states.sensor | selectattr('state', 'gt', '5') | list | count }}", None),
    "loop_200_entities": (LOOP, None),
}
HOSTILE = {
    "loops": "{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}",
    "output": "{% for i in range(100000) %}{{ 'x' * 1000 }}{% endfor %}",
    "macros": "{% macro f(n) %}{% if n %}{{ f(n - 1) }}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(50) }}",
    "lists": "{% set n = namespace(s=[1]) %}{% for i in range(50) %}{% set n.s = [n.s, n.s] %}{% endfor %}{{ n.s }}",
    "regex": "{{ ('a' * 30 ~ '!') | regex_match('(a+)+$') }}",
}
PEER = {
    "simple": "simple_cached_cpu_us",
    "variables": "variables_cached_cpu_us",
    "heavy_200_entities": "heavy_200_entities_cached_cpu_us",
    "new_same_text": "new_same_text_cpu_us",
    "new_unique_text": "new_unique_text_cpu_us",
}
"""Our lines, and what they are called in Home Assistant's benchmark."""


async def measure(folder: Path, scale: float) -> dict[str, float]:
    """Microseconds for each line; milliseconds for hostile templates."""
    hub = Hub(folder)
    for index in range(ENTITIES):
        hub.states.set(f"sensor.bench_{index}", str(index + 0.5), {})
    found: dict[str, float] = {}
    for name, (text, variables) in CACHED.items():
        template = Template(text)
        count = max(10, int((100 if "200" in name else 5_000) * scale))
        found[name] = _least(lambda _, t=template, v=variables: t.render(hub, v), count)  # type: ignore[misc]
    found["new_same_text"] = _least(lambda _: Template(SIMPLE).render(hub), int(2_000 * scale))
    found["new_unique_text"] = _least(
        lambda index: Template(f"{SIMPLE} {{# {index} {time.monotonic_ns()} #}}").render(hub), int(100 * scale)
    )
    set_state = hub.states.set
    found["state_write_untracked"] = _least(lambda index: set_state("sensor.other", str(index)), int(5_000 * scale))
    tracker = track(hub, [(Template(SIMPLE), None)] * 100, lambda updates: None)
    found["state_write_beside_100_tracked"] = _least(
        lambda index: set_state("sensor.other", str(index)), int(5_000 * scale)
    )
    tracker.remove()
    tracker = track(hub, [(Template(SIMPLE), None)], lambda updates: None)
    found["state_write_that_renders"] = _least(
        lambda index: set_state("sensor.bench_0", str(index)), int(2_000 * scale)
    )
    tracker.remove()
    for name, text in HOSTILE.items():
        hostile = Template(text)
        found[f"hostile_{name}_ms"] = _least(lambda _, t=hostile: _refused(hub, t), 1) / 1000  # type: ignore[misc]
    return found


def _refused(hub: Hub, template: Template) -> None:
    try:
        template.render(hub)
    except TemplateError:
        return
    raise SystemExit(f"not refused: {template.text}")


def _least(work: Callable[[int], object], count: int) -> float:
    work(-1)
    best = float("inf")
    for _ in range(5):
        began = time.thread_time()
        for index in range(count):
            work(index)
        best = min(best, (time.thread_time() - began) / count)
    return best * 1e6


def peer(python: str, workloads: Path, scale: float) -> dict[str, float]:
    """The same of Home Assistant."""
    command = [python, str(workloads / "ha" / "bench_core.py"), "template", "--scale", str(scale)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    result: dict[str, float] = json.loads(done.stdout.strip().splitlines()[-1])["result"]
    return {ours: result[theirs] for ours, theirs in PEER.items() if theirs in result}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    core.add_workloads_option(parser)
    parser.add_argument("--peer-python", default=os.environ.get("NANOBOT_BENCH_PEER_PYTHON"), metavar="PYTHON")
    parser.add_argument("--quick", action="store_true", help="a tenth of the work: shows that it runs, not how fast")
    parser.add_argument("--json", action="store_true", help="one line of JSON instead of the table")
    arguments = parser.parse_args()
    logging.getLogger().setLevel(logging.ERROR)
    scale = 0.1 if arguments.quick else 1.0
    with tempfile.TemporaryDirectory(prefix="nanobot-bench-") as folder:
        ours = asyncio.run(measure(Path(folder), scale))
    if arguments.json:
        print(json.dumps({"bench": "templates", "python": platform.python_version(), "result": ours}))
        return
    theirs = peer(arguments.peer_python, arguments.workloads, scale) if arguments.peer_python else {}
    print(f"Python {platform.python_version()}, load {os.getloadavg()[0]:.1f}\n")
    print("| line | nanobot | Home Assistant | better |\n| --- | --- | --- | --- |")
    for name, value in ours.items():
        unit, other = ("ms" if name.endswith("_ms") else "us"), theirs.get(name)
        beside = f"{other:,.1f} us | {other / value:.1f}x" if other else "– | –"
        print(f"| {name} | {value:,.1f} {unit} | {beside} |")


if __name__ == "__main__":
    main()
