"""Identifiers: ULIDs, which sort by the time they were made (github.com/ulid/spec)."""

from __future__ import annotations

import os
import time
from functools import lru_cache

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_PAIRS = [a + b for a in _ALPHABET for b in _ALPHABET]
_LETTERS = "".join(_ALPHABET[byte & 31] for byte in range(256)).encode("ascii")
"""A letter for each byte: 5 of its bits."""
_AT_ONCE = 256  # ids for which the system is asked in one go
_drawn: list[str] = []
"""The last 16 characters of ids to come. Threads take theirs by ``pop``, which is atomic."""
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_drawn.clear)


def ulid() -> str:
    """26 characters of Crockford's base 32: 48 bits of milliseconds, then 80 random bits."""
    try:
        chance = _drawn.pop()
    except IndexError:
        chance = _draw()
    return _time(int(time.time() * 1000)) + chance


def _draw() -> str:
    """The random part of one id; more of them are laid by."""
    many = os.urandom(16 * _AT_ONCE).translate(_LETTERS).decode("ascii")
    parts = [many[at : at + 16] for at in range(0, len(many), 16)]
    mine = parts.pop()
    _drawn.extend(parts)
    return mine


@lru_cache(maxsize=1)
def _time(milliseconds: int) -> str:
    """The first 10 characters; many events share them."""
    return "".join([_PAIRS[milliseconds >> shift & 1023] for shift in (40, 30, 20, 10, 0)])


def short_id() -> str:
    """12 characters, for people to read and type; unique enough within one hub."""
    return ulid()[4:10].lower() + ulid()[-6:].lower()


def ulid_of(seconds: float, digest: bytes) -> str:
    """The ULID of a moment (since the epoch) with the first 80 bits of ``digest``: the same one each time."""
    number = int.from_bytes(digest[:10], "big")
    moment = min(max(0, int(seconds * 1000)), (1 << 48) - 1)
    return _time(moment) + "".join(_PAIRS[number >> shift & 1023] for shift in range(70, -1, -10))
