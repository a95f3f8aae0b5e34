"""One in-process benchmark of the hub: one process, one JSON line.

    python bench/core.py NAME [--workloads DIR] [--scale 0.1]

NAME: bus, state, service, template, automation:KIND, automation:KIND:templated, yaml_load:COUNT, yaml_reload:COUNT
KIND: none, events, states; what other automations are loaded beside the measured ones
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import sys
import tempfile
from pathlib import Path
from typing import Any

REPO = Path(__file__).resolve().parents[1]
DEFAULT_WORKLOADS = REPO.parent / "shared" / "bench"


def add_workloads_option(parser: argparse.ArgumentParser) -> None:
    """``--workloads DIR``: the folder of ``workloads.py``, which belongs to no product and is not part of this one."""
    default = Path(os.environ.get("NANOBOT_BENCH_WORKLOADS") or DEFAULT_WORKLOADS)
    parser.add_argument("--workloads", type=Path, default=default, metavar="DIR", help="default: %(default)s")


def check_workloads(folder: Path) -> None:
    """Ends the program with a sentence when the workloads are not there."""
    if not (folder / "workloads.py").is_file():
        raise SystemExit(
            f"there is no workloads.py in {folder}; say where it is with --workloads DIR or $NANOBOT_BENCH_WORKLOADS"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name")
    parser.add_argument("--scale", type=float, default=1)
    add_workloads_option(parser)
    arguments = parser.parse_args()
    check_workloads(arguments.workloads)
    sys.path[:0] = [str(REPO), str(arguments.workloads)]
    kind, _, count = arguments.name.partition(":")
    with tempfile.TemporaryDirectory(prefix="nanobot-bench-") as folder:
        result = _measure(kind, count, Path(folder), arguments.scale)
    print(
        json.dumps(
            {
                "bench": arguments.name,
                "system": "nanobot",
                "python": platform.python_version(),
                "scale": arguments.scale,
                "loadavg": os.getloadavg()[0],
                "max_rss_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
                "result": result,
            }
        )
    )


def _measure(kind: str, count: str, folder: Path, scale: float) -> dict[str, float]:
    import adapter
    import workloads

    async def go(hub: adapter.NanobotAdapter) -> dict[str, float]:
        if kind in ("bus", "state", "service"):
            result: dict[str, float] = await getattr(workloads, f"run_{kind}")(hub, scale)
            return result
        if kind == "template":
            return dict(await workloads.run_template(hub, scale))
        if kind == "automation":
            others, _, how = count.partition(":")
            return dict(await workloads.run_automation(hub, others, scale, templated=how == "templated"))
        if kind == "yaml_reload":
            return dict(await workloads.run_yaml_reload(hub, str(folder), int(count)))
        if kind == "yaml_load":
            load: dict[str, Any] = await workloads.run_yaml_load(hub, str(folder), int(count))
            return load | await hub.reparse(str(folder))
        raise SystemExit(f"there is no benchmark {kind!r} ; see --help")

    return adapter.run(folder, go)


if __name__ == "__main__":
    main()
