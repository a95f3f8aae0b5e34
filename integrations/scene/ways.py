"""How things get into a state: the services to call, by domain, as Home Assistant 2025.4 does it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from datetime import date, datetime, time
from typing import Any

from nanobot.hub.states import State

from .item import Wanted

Calls = list[tuple[str, dict[str, Any]]]
"""Services of the thing's own domain with their data, in order; none when it is as wanted."""

Way = Callable[[Wanted, State], Calls]
"""Raises ``ValueError`` for a state that a thing of this kind cannot have."""


def switched(wanted: Wanted, now: State) -> Calls:
    """On or off."""
    if wanted.state not in ("on", "off"):
        raise ValueError
    return [] if now.state == wanted.state else [(f"turn_{wanted.state}", {})]


def by_word(**services: str) -> Way:
    """Each state has a service."""

    def way(wanted: Wanted, now: State) -> Calls:
        service = services.get(wanted.state)
        if service is None:
            raise ValueError
        return [] if now.state == wanted.state else [(service, {})]

    return way


_BRIGHT = ("brightness", "brightness_pct", "effect", "flash", "profile", "white")
_COLOURS = ("hs_color", "color_temp_kelvin", "color_temp", "rgb_color", "rgbw_color", "rgbww_color", "xy_color",
            "color_name")  # fmt: skip
_BY_MODE: Mapping[str, tuple[str, ...]] = {
    "color_temp": ("color_temp_kelvin", "color_temp"),
    **{mode: (f"{mode}_color",) for mode in ("hs", "xy", "rgb", "rgbw", "rgbww")},
}


def light(wanted: Wanted, now: State) -> Calls:
    """On with brightness and one colour, or off."""
    if wanted.state not in ("on", "off"):
        raise ValueError
    given = {name: value for name, value in wanted.attributes.items() if value is not None}
    kept = {name: given[name] for name in (*_BRIGHT, *_COLOURS) if name in given}
    if now.state == wanted.state and all(now.attributes.get(name) == value for name, value in kept.items()):
        return []
    if wanted.state == "off":
        return [("turn_off", {})]
    colours = _BY_MODE.get(str(given.get("color_mode")), _COLOURS)
    colour = next((name for name in colours if name in kept), None)
    data = {name: value for name, value in kept.items() if name in _BRIGHT or name == colour}
    return [("turn_on", data)]


def cover(wanted: Wanted, now: State) -> Calls:
    """Open, closed, or at a position."""
    position = wanted.attributes.get("current_position")
    if position is not None and wanted.state in _COVER_WORDS:
        is_there = now.attributes.get("current_position") == position
        return [] if is_there else [("set_cover_position", {"position": position})]
    return _cover_by_word(wanted, now)


_COVER_WORDS = {"open": "open_cover", "opening": "open_cover", "closed": "close_cover", "closing": "close_cover"}
_cover_by_word = by_word(**_COVER_WORDS)


def number(wanted: Wanted, now: State) -> Calls:
    """A number, compared as one."""
    value = float(wanted.state)
    if not math.isfinite(value):
        raise ValueError
    try:
        is_there = float(now.state) == value
    except ValueError:
        is_there = False
    return [] if is_there else [("set_value", {"value": wanted.state})]


def counter(wanted: Wanted, now: State) -> Calls:
    """A whole number, 0 or more."""
    if not wanted.state.isdecimal():
        raise ValueError
    return [] if now.state == wanted.state else [("set_value", {"value": int(wanted.state)})]


def text(wanted: Wanted, now: State) -> Calls:
    """Any text."""
    return [] if now.state == wanted.state else [("set_value", {"value": wanted.state})]


def select(wanted: Wanted, now: State) -> Calls:
    """An option."""
    return [] if now.state == wanted.state else [("select_option", {"option": wanted.state})]


def input_select(wanted: Wanted, now: State) -> Calls:
    """An option, and what there is to choose from if the scene says so."""
    options = wanted.attributes.get("options")
    before: Calls = []
    if options is not None and list(options) != list(now.attributes.get("options") or ()):
        before = [("set_options", {"options": list(options)})]
    return [*before, ("select_option", {"option": wanted.state})] if before else select(wanted, now)


def input_datetime(wanted: Wanted, now: State) -> Calls:
    """A date, a time, or both: whatever it has of them."""
    has_date, has_time = bool(now.attributes.get("has_date")), bool(now.attributes.get("has_time"))
    field = "datetime" if has_date and has_time else "date" if has_date else "time"
    _MOMENTS[field](wanted.state)
    return [] if now.state == wanted.state else [("set_datetime", {field: wanted.state})]


_MOMENTS: Mapping[str, Callable[[str], object]] = {
    "datetime": datetime.fromisoformat,
    "date": date.fromisoformat,
    "time": time.fromisoformat,
}


def timer(wanted: Wanted, now: State) -> Calls:
    """Running (with its duration), paused or idle."""
    service = {"active": "start", "paused": "pause", "idle": "cancel"}.get(wanted.state)
    if service is None:
        raise ValueError
    duration = wanted.attributes.get("duration")
    if now.state == wanted.state and duration in (None, now.attributes.get("duration")):
        return []
    return [(service, {"duration": duration} if service == "start" and duration is not None else {})]


WAYS: Mapping[str, Way] = {
    **dict.fromkeys(
        ("automation", "fan", "humidifier", "input_boolean", "remote", "script", "siren", "switch"), switched
    ),
    "counter": counter,
    "cover": cover,
    "input_datetime": input_datetime,
    "input_number": number,
    "input_select": input_select,
    "input_text": text,
    "light": light,
    "lock": by_word(locked="lock", locking="lock", unlocked="unlock", unlocking="unlock"),
    "number": number,
    "select": select,
    "text": text,
    "timer": timer,
}
