"""The processes below a process. Linux: they are read from /proc."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")
PAGE = os.sysconf("SC_PAGE_SIZE")
KILLED_WITHIN = 5.0  # s


@dataclass(frozen=True, slots=True)
class Size:
    """``memory`` in bytes."""

    processes: int
    memory: int


def below(top: int) -> list[int]:
    """The ids of all processes that came from ``top``, without itself and without those that have ended."""
    children: dict[int, list[int]] = {}
    for place in PROC.iterdir():
        if place.name.isdigit():
            with contextlib.suppress(OSError, ValueError, IndexError):
                # the second field is a name in brackets and may hold anything
                state, parent = (place / "stat").read_bytes().rpartition(b")")[2].split()[:2]
                if state != b"Z":
                    children.setdefault(int(parent), []).append(int(place.name))
    found: list[int] = []
    ahead = [top]
    while ahead:
        kids = children.get(ahead.pop(), [])
        found += kids
        ahead += kids
    return found


def size(top: int) -> Size:
    """How many there are, and what they have in memory."""
    pids = below(top)
    memory = 0
    for pid in pids:
        with contextlib.suppress(OSError, ValueError, IndexError):
            resident, shared = (PROC / str(pid) / "statm").read_bytes().split()[1:3]
            memory += (int(resident) - int(shared)) * PAGE
    return Size(len(pids), memory)


def end(top: int, *, gently: float = 0.0) -> None:
    """End all of them, and then ``top``. Blocks: for a thread. ``gently``: seconds to clean up after SIGTERM."""
    if gently:
        _signal(below(top), signal.SIGTERM)
        until = time.monotonic() + gently
        while below(top) and time.monotonic() < until:
            time.sleep(0.02)
    until = time.monotonic() + KILLED_WITHIN
    while (pids := below(top)) and time.monotonic() < until:
        _signal(pids, signal.SIGSTOP)  # none of them starts another one meanwhile
        _signal(pids, signal.SIGKILL)
        time.sleep(0.005)
    _signal([top], signal.SIGKILL)


def _signal(pids: list[int], number: signal.Signals) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)
