"""`nanobot run` looked at from outside: time to the first answer, memory, threads and CPU when idle.

    python bench/blackbox.py [--config peer|quickstart|minimal] [--quick]      one JSON line

peer: what Home Assistant is measured with (web server, one input, an empty automation list). minimal has no
web server, so its start is the time until it says that it runs.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import sys
import tempfile
from pathlib import Path

import process

READY = "configuration applied"
PEER_CONFIG = """\
nanobot:
  name: Bench
  time_zone: UTC
http:
webchat:
automation: []
input_boolean:
  bench:
    name: Bench
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", choices=["peer", "quickstart", "minimal"], default="peer")
    parser.add_argument("--python", default=sys.executable, help="the hub's interpreter")
    parser.add_argument("--quick", action="store_true", help="look at the idle hub for 3 s only, not for 30 s")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="nanobot-bench-") as folder:
        result = measure(arguments.config, Path(folder) / "config", arguments.python, quick=arguments.quick)
    print(
        json.dumps(
            {
                "bench": f"blackbox:{arguments.config}",
                "system": "nanobot",
                "python": platform.python_version(),
                "loadavg": os.getloadavg()[0],
                "result": result,
            }
        )
    )


def measure(example: str, config: Path, python: str, *, quick: bool = False) -> dict[str, float]:
    """The second start on a folder counts: the first one compiles Python and makes the files of the hub."""
    if example == "peer":
        config.mkdir()
        (config / "configuration.yaml").write_text(PEER_CONFIG, encoding="utf-8")
    else:
        shutil.copytree(process.REPO / "config-examples" / example, config)
    port = None if example == "minimal" else process.free_port()
    result = {"first_start_s": _start(config, port, python)[0]["start_s"]}
    times, hub = _start(config, port, python, stop=False)
    assert hub is not None
    try:
        result |= times | process.idle(hub.pid, *((1, 3) if quick else (10, 30)))
    finally:
        result["stop_s"] = hub.stop()
    return result


def _start(
    config: Path, port: int | None, python: str, *, stop: bool = True
) -> tuple[dict[str, float], process.Hub | None]:
    hub = process.Hub(config, port=port, python=python)
    times: dict[str, float] = {}
    try:
        if port is None:
            times["start_s"] = hub.until(lambda: READY in hub.said())
        else:
            times["start_s"] = hub.until(lambda: hub.answers("/health"))
            times["start_page_s"] = hub.until(lambda: hub.answers("/"))
            times["start_ready_s"] = hub.until(lambda: READY in hub.said())
        times["start_cpu_s"] = process.cpu_s(hub.pid)
    except BaseException:
        hub.stop()
        raise
    if stop:
        hub.stop()
        return times, None
    return times, hub


if __name__ == "__main__":
    main()
