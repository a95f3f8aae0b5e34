"""The garbage collector, held still while a lot is made that stays: it would look at all of it over and over."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def no_collecting() -> Iterator[None]:
    """For a second at most: garbage that refers to itself stays in memory meanwhile, whichever thread makes it."""
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collects:
            gc.enable()
