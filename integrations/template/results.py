"""What the result of a template means for an entity, as in Home Assistant 2025.4."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping
from typing import Any

import orjson

from nanobot.contracts.controls import number_text
from nanobot.hub.shapes import to_json
from nanobot.hub.states import MAX_STATE_LENGTH

from .classes import NOT_NUMERIC

_TRUE = frozenset({"1", "true", "yes", "on", "enable"})


class Unfit(Exception):
    """A result that is not what is needed; the text says why."""


def as_boolean(value: Any) -> bool:
    """True, a number other than 0, and the texts true, yes, on, enable and 1."""
    if isinstance(value, str):
        return value.strip().lower() in _TRUE
    return isinstance(value, (bool, int, float)) and bool(value)


def as_text(value: Any) -> str:
    """Text, also of numbers. Raises ``Unfit`` for lists, mappings and nothing."""
    if value is None or isinstance(value, (list, tuple, dict, set)):
        raise Unfit(f"{value!r} is no text")
    return str(value)


def as_number(value: Any) -> float:
    """A finite number. Raises ``Unfit``."""
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        raise Unfit(f"{value!r} is no number") from None
    if not math.isfinite(number):
        raise Unfit(f"{value!r} is no finite number")
    return number


def as_options(value: Any) -> list[str]:
    """A list of texts. Raises ``Unfit``."""
    if value is None:
        return []
    return [as_text(one) for one in (value if isinstance(value, (list, tuple, set)) else [value])]


def as_state(value: Any) -> str:
    """Any value as a state. Raises ``Unfit`` for one that is too long."""
    text = number_text(value) if isinstance(value, float) else str(value)
    if len(text) > MAX_STATE_LENGTH:
        raise Unfit(f"the state has {len(text)} characters, and {MAX_STATE_LENGTH} at most can be shown")
    return text


def sensor_state(value: Any, config: Mapping[str, Any]) -> str | None:
    """The state of a sensor; None for unknown. Raises ``Unfit`` for a value that its unit or class does not allow."""
    device_class = config.get("device_class")
    if value is None:
        return None
    if device_class == "timestamp":
        return _timestamp(value)
    if device_class == "date":
        return _date(value)
    numeric = device_class not in NOT_NUMERIC and any(
        config.get(key) is not None for key in ("device_class", "state_class", "unit_of_measurement")
    )
    if numeric:
        try:
            as_number(value)
        except Unfit as error:
            why = "; with a unit, a device_class or a state_class a sensor shows numbers only"
            raise Unfit(f"{error}{why}") from None
    return as_state(value)


def _timestamp(value: Any) -> str:
    try:
        found = value if isinstance(value, dt.datetime) else dt.datetime.fromisoformat(str(value).strip())
    except ValueError:
        raise Unfit(f"{value!r} is no timestamp; write it like '2026-12-31T07:30:00+00:00'") from None
    if found.tzinfo is None:
        raise Unfit(f"the timestamp {value!r} has no time zone")
    return found.astimezone(dt.UTC).isoformat(timespec="seconds")


def _date(value: Any) -> str:
    try:
        found = value if isinstance(value, dt.date) else dt.date.fromisoformat(str(value).strip())
    except ValueError:
        raise Unfit(f"{value!r} is no date; write it like '2026-12-31'") from None
    return (found.date() if isinstance(found, dt.datetime) else found).isoformat()


def plain(values: Mapping[str, Any]) -> dict[str, Any]:
    """The same of what JSON knows."""
    made: dict[str, Any] = orjson.loads(to_json(values))
    return made
