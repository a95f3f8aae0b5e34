"""Identifiers: ULIDs, which sort by the time they were made (github.com/ulid/spec)."""

from __future__ import annotations

import os
import time

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_PAIRS = [a + b for a in _ALPHABET for b in _ALPHABET]


def ulid() -> str:
    """26 characters of Crockford's base 32: 48 bits of milliseconds, then 80 random bits."""
    number = (int(time.time() * 1000) << 80) | int.from_bytes(os.urandom(10), "big")
    return "".join([_PAIRS[(number >> shift) & 1023] for shift in range(120, -1, -10)])


def short_id() -> str:
    """12 characters, for people to read and type; unique enough within one hub."""
    return ulid()[4:10].lower() + ulid()[-6:].lower()
