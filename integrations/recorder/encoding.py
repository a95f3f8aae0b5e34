"""Data of the hub as JSON text, fit to be kept: no secrets, no more than a row can take."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

import orjson

from nanobot.hub.context import Context
from nanobot.hub.states import State
from nanobot.util.secrets import MASK

MAX_ATTRIBUTES = 16_384  # bytes, as in Home Assistant; what is larger is for the moment, not for the record
MAX_EVENT = 32_768
DEEPEST = 20
OPTIONS = orjson.OPT_NON_STR_KEYS | orjson.OPT_SORT_KEYS

_SECRET = re.compile(
    r"(?:^|_)(?:password|passwd|passphrase|token|secret|api_?key|authorization|pin|otp)$", re.IGNORECASE
)


def as_json(value: Any, most: int, scrub: Callable[[str], str]) -> str | None:
    """``value`` as JSON without known secrets; None when it is longer than ``most`` bytes or cannot be written."""
    try:
        data = orjson.dumps(value, default=_plain, option=OPTIONS)
    except (TypeError, ValueError, RuntimeError):  # RuntimeError: it was changed by its owner meanwhile
        try:
            data = orjson.dumps(_cleaned(value), option=OPTIONS)
        except (TypeError, ValueError, RuntimeError):
            return None
    if len(data) > most:
        return None
    return scrub(data.decode())


def without_secrets(value: Any, depth: int = 0) -> Any:
    """The value with dots for everything under a key like ``password``. Copies only what it has to."""
    if isinstance(value, Mapping):
        if depth > DEEPEST:
            return "…"
        return {
            key: MASK if isinstance(key, str) and _SECRET.search(key) else without_secrets(one, depth + 1)
            for key, one in value.items()
        }
    if isinstance(value, (list, tuple)):
        return value if depth > DEEPEST else [without_secrets(one, depth + 1) for one in value]
    return value


def fitting(text: str | None, most: int = 255) -> str | None:
    """A text as a column takes it."""
    if text is None:
        return None
    if text.isascii():
        if len(text) <= most and "\0" not in text:
            return text
    else:
        text = text.encode("utf-8", "replace").decode()
    return text[:most].replace("\0", "")


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, (State, Context)):
        return value.as_dict()
    if isinstance(value, (set, frozenset)):
        return sorted(value, key=str)
    if isinstance(value, timedelta):
        return value.total_seconds()
    return str(value)


def _cleaned(value: Any, depth: int = 0) -> Any:
    """For what JSON has no way to write: half characters, numbers without end, nests without bottom."""
    if depth > DEEPEST:
        return "…"
    if value is None or isinstance(value, (bool, float)):
        return value
    if isinstance(value, int):
        return value if -(2**63) <= value < 2**64 else str(value)
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, (State, Context)):
        value = value.as_dict()
    if isinstance(value, Mapping):
        return {_cleaned(str(key)): _cleaned(one, depth + 1) for key, one in list(value.items())}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_cleaned(one, depth + 1) for one in value]
    return _cleaned(str(value))
