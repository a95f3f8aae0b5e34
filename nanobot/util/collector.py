"""The garbage collector, which stops the loop for tens of ms when it walks through all that a house consists of."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


class _Spared:
    """Whether ``spare`` was called in this process."""

    yet = False


@contextmanager
def no_collecting() -> Iterator[None]:
    """While a lot is made that stays, at most for a second: it would be walked through over and over.

    Garbage that refers to itself stays in memory meanwhile, whichever thread makes it.
    """
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collects:
            if not _Spared.yet:  # into the oldest generation, without a walk through it
                gc.freeze()
                gc.unfreeze()
            gc.enable()


def spare() -> None:
    """Have what there is left alone from now on: called once, when all has come up."""
    gc.collect(1)
    gc.freeze()
    _Spared.yet = True
