"""The heaps of the C library. glibc makes one for each thread: a hub has a dozen, most of them nearly empty."""

from __future__ import annotations

import ctypes
import sys

MOST = 2  # the loop has the first one for itself
_ARENA_MAX = -8  # M_ARENA_MAX of malloc.h


def share() -> None:
    """Have threads share heaps, which takes 2 MiB less after the start and more of it later on. To be called before
    there are threads. Other C libraries than glibc have one heap anyway, and nothing happens."""
    if sys.platform != "linux":
        return
    try:
        ctypes.CDLL(None).mallopt(_ARENA_MAX, MOST)
    except (OSError, AttributeError):
        return
