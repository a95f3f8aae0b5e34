"""Bytes and bits in templates: base64, hashes, packed numbers and masks."""

from __future__ import annotations

import base64
import hashlib
import logging
import struct
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from nanobot.templates.functions.arguments import Functions, limited

_LOGGER = logging.getLogger(__name__)
_LONGEST_FORMAT = 64  # characters
_MOST_PACKED = 4096  # bytes


def _bytes(name: str, value: Any) -> bytes:
    limited(name, value)
    return value.encode() if isinstance(value, str) else bytes(memoryview(value))


def base64_encode(value: str | bytes) -> str:
    return base64.b64encode(_bytes("base64_encode", value)).decode("ascii")


def base64_decode(value: str | bytes, encoding: str | None = "utf-8") -> str | bytes:
    """Bytes when ``encoding`` is empty."""
    decoded = base64.b64decode(_bytes("base64_decode", value))
    return decoded.decode(encoding) if encoding else decoded


def _hashed(name: str, value: str | bytes) -> str:
    return hashlib.new(name, _bytes(name, value), usedforsecurity=False).hexdigest()


def _check_format(name: str, format_string: str) -> None:
    """Raises struct.error for what is no format; ValueError for one that makes or reads too much."""
    if len(format_string) > _LONGEST_FORMAT or struct.calcsize(format_string) > _MOST_PACKED:
        raise ValueError(f"{name} takes a format of at most {_MOST_PACKED} bytes")


def pack(value: Any, format_string: str) -> bytes | None:
    """Bytes in a format of Python's ``struct``; None, and a warning, when the value does not fit it."""
    try:
        _check_format("pack", format_string)
        return struct.pack(format_string, value)
    except struct.error as error:
        _LOGGER.warning("pack cannot turn %.100r into '%s': %s", value, format_string, error)
        return None


def unpack(value: bytes, format_string: str, offset: int = 0) -> Any:
    """The first value at ``offset``; None, and a warning, when the bytes do not hold it."""
    try:
        _check_format("unpack", format_string)
        found = struct.unpack_from(format_string, value, offset)
    except struct.error as error:
        _LOGGER.warning("unpack cannot read '%s' at %s of %.100r: %s", format_string, offset, value, error)
        return None
    return found[0] if found else None


def bitwise_and(value: int, other: int) -> int:
    return value & other


def bitwise_or(value: int, other: int) -> int:
    return value | other


def bitwise_xor(value: int, other: int) -> int:
    return value ^ other


_HASHES: Mapping[str, Callable[..., Any]] = {
    name: partial(_hashed, name) for name in ("md5", "sha1", "sha256", "sha512")
}

GLOBALS: Functions = {**_HASHES, "pack": pack, "unpack": unpack}
FILTERS: Functions = {
    **GLOBALS,
    "base64_decode": base64_decode,
    "base64_encode": base64_encode,
    "bitwise_and": bitwise_and,
    "bitwise_or": bitwise_or,
    "bitwise_xor": bitwise_xor,
}
TESTS: Functions = {}
