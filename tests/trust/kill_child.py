"""The process that ``test_kill_at_any_point`` kills: `nanobot run` as it is, with a trap in it.

python -m tests.trust.kill_child FOLDER

What takes seconds to import is imported once. Then each line on stdin, "WHEN PLACE TIMES" or "never", is a life: a
fork that runs on FOLDER. Its process id is said on stdout, and when it has ended, how.
"""

from __future__ import annotations

import ctypes
import importlib
import os
import signal
import sys
from pathlib import Path
from typing import Any

from nanobot.cli import run
from nanobot.lifecycle.loader import Loader
from tests.trust.kill_points import Trap, lay

HEAVY = ("aiohttp.web", "telegram.ext", "hassil", "jinja2", "nanobot.app", "nanobot.lifecycle.logs")


def main(folder: str) -> None:
    die_with_parent()
    for module in HEAVY:
        importlib.import_module(module)
    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            die_with_parent()
            *point, times = line.split() if line != "never\n" else ("never", "0")
            lay(Trap(" ".join(point), int(times)))
            os._exit(life(Path(folder)))
        print(pid, flush=True)
        _, status = os.waitpid(pid, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


def life(folder: Path) -> int:
    """All that a process of its own would do, with nothing to read and everything it says on stderr."""
    hurry(folder)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(2, 1)
    return run.run(run.Options(config=folder))


def die_with_parent() -> None:
    """Leave nothing running when the test is gone."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)


def hurry(folder: Path) -> None:
    """Telegram's own pace, of a message a second for each chat, would make this test last for hours."""
    Loader(folder).mount()
    pace: Any = importlib.import_module("integrations.telegram.pace")
    pace.EVERY = pace.ALL_EVERY = 0.0


if __name__ == "__main__":
    main(sys.argv[1])
