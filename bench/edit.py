"""From a save to its effect: one changed integration among 50, in a hub of its own process.

    python bench/edit.py [--edits 15] [--integrations 50]      one JSON line

Each integration is a file of the user's. An observer among them notes when its own new value is set up, when the
configuration is applied, and when the problem of a wrong value is shown. Saves are made as editors make them: a new
file, renamed over the old one. All figures are milliseconds after the save, less the settle time.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import tempfile
import time
from pathlib import Path

import process

SETTLE_MS = 400.0  # nanobot.lifecycle.watcher.SETTLE
LIMIT = 10.0  # s

MANIFEST = '{{"domain": "{domain}", "name": "{domain}", "version": "1.0.0"}}'
INTEGRATION = """\
import voluptuous as vol

CONFIG_SCHEMA = vol.Schema({vol.Required("value"): int})


async def setup(hub, entry):
    entry.set_state(f"bench.{entry.domain}", str(entry.config["value"]))
"""
OBSERVER = """\
import os
import time

import voluptuous as vol

CONFIG_SCHEMA = vol.Schema({vol.Required("notes"): str})


async def setup(hub, entry):
    file = os.open(entry.config["notes"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    entry.on_unload(lambda: os.close(file))

    def note(kind, what):
        os.write(file, f"{time.monotonic()} {kind} {what}\\n".encode())

    def changed(event):
        new = event.data["new_state"]
        if new is not None and new.entity_id.startswith("bench."):
            note("effect", new.state)

    entry.listen("state_changed", changed)
    entry.listen("issue_created", lambda event: note("problem", "-"))
    entry.listen("config_applied", lambda event: note("applied", "-"))
    note("ready", "-")
"""


class Bench:
    """A hub with many integrations, of which one is edited."""

    def __init__(self, folder: Path, integrations: int) -> None:
        self.hub: process.Hub | None = None
        self.config = folder / "config"
        self.notes = folder / "notes"
        self.integrations = integrations
        self._seen = 0
        self._write_integration("bench_observer", OBSERVER)
        for number in range(integrations):
            self._write_integration(f"bench_{number}", INTEGRATION)
        self.save("0")

    def _write_integration(self, domain: str, code: str) -> None:
        folder = self.config / "integrations" / domain
        folder.mkdir(parents=True)
        (folder / "manifest.json").write_text(MANIFEST.format(domain=domain))
        (folder / "__init__.py").write_text(code)

    def save(self, value: str) -> float:
        """Write the configuration with another value for the one in the middle. Gives the time of the save."""
        middle = self.integrations // 2
        lines = [
            f"bench_{number}:\n  value: {value if number == middle else number}" for number in range(self.integrations)
        ]
        text = "\n".join([f"bench_observer:\n  notes: {self.notes}", *lines, ""])
        new = self.config / "configuration.yaml.new"
        new.write_text(text)
        new.replace(self.config / "configuration.yaml")
        return time.monotonic()

    def wait(self, kind: str, what: str | None = None) -> float:
        """The time of the next note of this kind."""
        limit = time.monotonic() + LIMIT
        while time.monotonic() < limit:
            lines = self.notes.read_text().splitlines() if self.notes.exists() else []
            for number, line in enumerate(lines[self._seen :], self._seen + 1):
                moment, noted, value = line.split()
                if noted == kind and what in (None, value):
                    self._seen = number
                    return float(moment)
            time.sleep(process.TICK)
        said = self.hub.said() if self.hub else ""
        raise SystemExit(f"no '{kind}' within {LIMIT:g} s after the save; the hub said:\n{said}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--edits", type=int, default=15)
    parser.add_argument("--integrations", type=int, default=50)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="nanobot-bench-") as folder:
        bench = Bench(Path(folder), arguments.integrations)
        with process.running(bench.config) as hub:
            bench.hub = hub
            bench.wait("ready")
            time.sleep(1)  # the watcher begins when the hub has started
            result = measure(bench, arguments.edits)
            result["rss_mib"] = process.memory(hub.pid)["rss_mib"]
    print(
        json.dumps(
            {
                "bench": f"edit:{arguments.integrations}",
                "system": "nanobot",
                "python": platform.python_version(),
                "loadavg": os.getloadavg()[0],
                "result": result,
            }
        )
    )


def measure(bench: Bench, edits: int) -> dict[str, float]:
    """Valid and invalid saves by turns."""
    effects: list[float] = []
    applies: list[float] = []
    problems: list[float] = []
    for number in range(edits):
        value = str(1000 + number)
        saved = bench.save(value)
        effects.append((bench.wait("effect", value) - saved) * 1000 - SETTLE_MS)
        applies.append((bench.wait("applied") - saved) * 1000 - SETTLE_MS)
        saved = bench.save(f"wrong {number}")
        problems.append((bench.wait("problem") - saved) * 1000 - SETTLE_MS)
        bench.wait("applied")
    return {
        "save_to_effect_ms": statistics.median(effects),
        "save_to_effect_worst_ms": max(effects),
        "save_to_applied_ms": statistics.median(applies),
        "save_to_problem_ms": statistics.median(problems),
        "save_to_problem_worst_ms": max(problems),
    }


if __name__ == "__main__":
    main()
