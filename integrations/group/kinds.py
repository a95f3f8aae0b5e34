"""Which states count as on, by domain: the table of Home Assistant 2025.4, which is closed to new domains there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import reduce

SILENT = frozenset({"air_quality", "sensor", "weather"})
"""Domains whose members are listed but say nothing about the state of a group."""


@dataclass(frozen=True, slots=True)
class Kind:
    """``on`` and ``off`` are what a group is whose members are all of this kind, which two kinds may have in common.

    Members are on in any of ``states``.
    """

    on: str = "on"
    off: str = "off"
    states: frozenset[str] = field(default=frozenset({"on"}), compare=False)


def _kind(on: str, off: str, states: str) -> Kind:
    return Kind(on, off, frozenset(states.split()))


PLAIN = Kind()
"""Every domain that is not in the table."""

KINDS: Mapping[str, Kind] = {
    "alarm_control_panel": _kind(
        "on", "off", "on armed_away armed_custom_bypass armed_home armed_night armed_vacation triggered"
    ),
    "climate": _kind("on", "off", "on heat cool heat_cool auto fan_only"),
    "cover": _kind("open", "closed", "open"),
    "device_tracker": _kind("home", "not_home", "home"),
    "lock": _kind("unlocked", "locked", "locking open opening unlocked unlocking"),
    "media_player": _kind("on", "off", "on paused playing idle"),
    "person": _kind("home", "not_home", "home"),
    "plant": _kind("problem", "ok", "problem"),
    "vacuum": _kind("on", "off", "on cleaning returning error"),
    "water_heater": _kind("on", "off", "on eco electric performance high_demand heat_pump gas"),
}

ON = reduce(frozenset[str].union, (kind.states for kind in KINDS.values()), PLAIN.states)
"""What counts as on in a domain that is not in the table, such as a group in a group."""

ON_FOR_OFF: Mapping[str, str] = {kind.off: kind.on for kind in (*KINDS.values(), PLAIN)}
"""What counts as off there, and the state that is its opposite."""
