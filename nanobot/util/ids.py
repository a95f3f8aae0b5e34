"""Identifiers: ULIDs, which sort by the time they were made (github.com/ulid/spec)."""

from __future__ import annotations

import os
import time
from functools import lru_cache

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_PAIRS = [a + b for a in _ALPHABET for b in _ALPHABET]


def ulid() -> str:
    """26 characters of Crockford's base 32: 48 bits of milliseconds, then 80 random bits."""
    number = int.from_bytes(os.urandom(10), "big")
    high, low = number >> 40, number & 0xFFFFFFFFFF
    pairs = _PAIRS
    return (
        _time(int(time.time() * 1000))
        + pairs[high >> 30]
        + pairs[high >> 20 & 1023]
        + pairs[high >> 10 & 1023]
        + pairs[high & 1023]
        + pairs[low >> 30]
        + pairs[low >> 20 & 1023]
        + pairs[low >> 10 & 1023]
        + pairs[low & 1023]
    )


@lru_cache(maxsize=1)
def _time(milliseconds: int) -> str:
    """The first 10 characters; many events share them."""
    return "".join([_PAIRS[milliseconds >> shift & 1023] for shift in (40, 30, 20, 10, 0)])


def short_id() -> str:
    """12 characters, for people to read and type; unique enough within one hub."""
    return ulid()[4:10].lower() + ulid()[-6:].lower()
