"""What a machine may lack: a test that needs it says so, and all else is still tested."""

from __future__ import annotations

import ctypes
import functools
import shutil
import subprocess
import sys

import pytest

_LANDLOCK_CREATE_RULESET = 444  # the number of the call, on every architecture
_ASKS_FOR_THE_VERSION = 1


def need(*programs: str) -> None:
    """Programs that a machine without network cannot install."""
    for program in programs:
        if shutil.which(program) is None:
            pytest.xfail(f"{program} is not installed")


def need_bubblewrap() -> None:
    """Bubblewrap, and namespaces for it: containers are often given none."""
    need("bwrap")
    if said := _refusal("bwrap", "--unshare-all", "--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc", "true"):
        pytest.xfail(f"bubblewrap does not work on this machine: {said}")


def need_landlock() -> None:
    """A kernel that has Landlock, and lets it be used."""
    version = -1
    if sys.platform == "linux":
        version = ctypes.CDLL(None).syscall(_LANDLOCK_CREATE_RULESET, None, 0, _ASKS_FOR_THE_VERSION)
    if version < 1:
        pytest.xfail("the kernel has no Landlock, or does not let it be used")


def need_own_limits(limit: str) -> None:
    """A user namespace with its own ``/proc/sys/user``."""
    need("unshare")
    command = ("unshare", "--user", "--map-root-user", "sh", "-c", f"echo 9 > /proc/sys/user/{limit}")
    if said := _refusal(*command):
        pytest.xfail(f"no limits of one's own can be set on this machine: {said}")


@functools.cache
def _refusal(*command: str) -> str:
    """Why a command does not work; empty when it does."""
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
    return (done.stderr.strip() or f"it ends with {done.returncode}") if done.returncode else ""
