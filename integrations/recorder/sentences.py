"""What happened, in words: the sentences of the logbook. Keys are ``component.recorder.logbook.…``."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from nanobot.contracts.entity import UNAVAILABLE, UNKNOWN
from nanobot.util.text import slugify
from nanobot.util.translate import translate

_TEXTS = "component.recorder.logbook."
_OPENING = frozenset({"door", "garage_door", "window", "opening"})
_ALARMING = frozenset(
    {
        "carbon_monoxide",
        "cold",
        "gas",
        "heat",
        "moisture",
        "motion",
        "moving",
        "occupancy",
        "presence",
        "problem",
        "safety",
        "smoke",
        "sound",
        "tamper",
        "vibration",
    }
)
_PRESSED = frozenset({"button", "input_button", "event"})
_PEOPLE = frozenset({"person", "device_tracker"})
_ANYWHERE: Mapping[str, str] = {"on": "turned_on", "off": "turned_off", UNAVAILABLE: "unavailable", UNKNOWN: "unknown"}
_BY_DOMAIN: Mapping[str, Mapping[str, str]] = {
    "cover": {"open": "opened", "closed": "closed", "opening": "opening", "closing": "closing"},
    "valve": {"open": "opened", "closed": "closed", "opening": "opening", "closing": "closing"},
    "lock": {"locked": "locked", "unlocked": "unlocked", "jammed": "jammed"},
    "timer": {"active": "timer_started", "paused": "timer_paused", "idle": "timer_ended"},
    "sun": {"above_horizon": "sun_rose", "below_horizon": "sun_set"},
    "integration": {"loaded": "works_again"},
}


def of_state(entity_id: str, state: str, attributes: Mapping[str, Any], language: str) -> str:
    """What a change of state means."""
    domain = entity_id.partition(".")[0]
    if state in (UNAVAILABLE, UNKNOWN):
        return _say(_ANYWHERE[state], language)
    if domain in _PRESSED:
        return _say("pressed", language)
    if domain == "scene":
        return _say("activated", language)
    if domain in _PEOPLE:
        key = {"home": "came_home", "not_home": "left"}.get(state, "is_at")
        return _say(key, language, place=state)
    words = _ANYWHERE
    if domain == "binary_sensor":
        words = _of_class(attributes.get("device_class"))
    key = _BY_DOMAIN.get(domain, words).get(state) or words.get(state) or "changed"
    unit = attributes.get("unit_of_measurement")
    return _say(key, language, state=f"{state} {unit}" if unit else state)


def _of_class(device_class: object) -> Mapping[str, str]:
    if not isinstance(device_class, str):  # anybody may set any attribute
        return _ANYWHERE
    if device_class in _OPENING:
        return {"on": "opened", "off": "closed"}
    if device_class in _ALARMING:
        return {"on": "triggered_by_itself", "off": "clear"}
    match device_class:
        case "lock":
            return {"on": "unlocked", "off": "locked"}
        case "connectivity":
            return {"on": "connected", "off": "disconnected"}
        case "plug" | "power" | "running":
            return {"on": "running", "off": "stopped_running"}
    return _ANYWHERE


# -- events: name, message and what else is known of it ------------------------------------------

_Data = Mapping[str, Any]
_Row = dict[str, Any]


def of_event(event_type: str, data: _Data, language: str, hub_name: str) -> _Row | None:
    """``name``, ``message``, ``domain`` and, where they apply, ``entity_id``, ``icon`` and ``source``.

    None for an event that the logbook does not tell of.
    """
    told = _EVENTS.get(event_type)
    return None if told is None else told(data, language, hub_name)


def _automation(data: _Data, language: str, _: str) -> _Row:
    source = data.get("source")
    message = _say("triggered_by", language, source=source) if source else _say("triggered", language)
    row = {"name": _text(data, "name"), "message": message, "domain": "automation", "entity_id": _entity(data)}
    return {**row, "source": source} if source else row


def _script(data: _Data, language: str, _: str) -> _Row:
    message = _say("script_started", language)
    return {"name": _text(data, "name"), "message": message, "domain": "script", "entity_id": _entity(data)}


def _entry(data: _Data, language: str, _: str) -> _Row:
    row = {"name": _text(data, "name"), "message": _text(data, "message")}
    row.update({key: data[key] for key in ("domain", "icon") if data.get(key)})
    if entity_id := _entity(data):
        row["entity_id"] = entity_id
    if "domain" not in row and "entity_id" in row:
        row["domain"] = str(row["entity_id"]).partition(".")[0]
    return row


def _started(_: _Data, language: str, hub_name: str) -> _Row:
    return {"name": hub_name, "message": _say("started", language), "domain": "homeassistant"}


def _stopped(_: _Data, language: str, hub_name: str) -> _Row:
    return {"name": hub_name, "message": _say("stopped", language), "domain": "homeassistant"}


def _failing(data: _Data, language: str, _: str) -> _Row | None:
    key = {"retrying": "retrying", "failed": "failed"}.get(str(data.get("state")))
    if key is None:
        return None
    entry = _text(data, "entry")
    message = _say(key, language, error=data.get("error") or "?")
    domain = _text(data, "domain")
    return {"name": entry, "message": message, "domain": domain, "entity_id": f"integration.{slugify(entry)}"}


def _applied(data: _Data, language: str, hub_name: str) -> _Row | None:
    names = [str(name) for key in ("added", "changed", "removed") for name in _list(data, key)]
    if not names:
        return None
    message = _say("config_applied", language, names=", ".join(dict.fromkeys(names)))
    return {"name": hub_name, "message": message, "domain": "homeassistant"}


def _rejected(_: _Data, language: str, hub_name: str) -> _Row:
    return {"name": hub_name, "message": _say("config_rejected", language), "domain": "homeassistant"}


def _received(data: _Data, language: str, _: str) -> _Row:
    channel = _text(data, "channel")
    name = _text(data, "sender") or _text(data, "chat") or channel
    return {"name": name, "message": _say("message_received", language, channel=channel), "domain": "conversation"}


def _sent(data: _Data, language: str, hub_name: str) -> _Row:
    message = _say("message_sent", language, channel=_text(data, "channel"))
    return {"name": hub_name, "message": message, "domain": "conversation"}


def _unsent(data: _Data, language: str, hub_name: str) -> _Row:
    message = _say("message_failed", language, channel=_text(data, "channel"))
    return {"name": hub_name, "message": message, "domain": "conversation"}


_EVENTS: Mapping[str, Callable[[_Data, str, str], _Row | None]] = {
    "automation_triggered": _automation,
    "script_started": _script,
    "logbook_entry": _entry,
    "homeassistant_start": _started,
    "homeassistant_stop": _stopped,
    "entry_changed": _failing,
    "config_applied": _applied,
    "config_rejected": _rejected,
    "message_received": _received,
    "message_sent": _sent,
    "message_failed": _unsent,
}
TOLD = frozenset(_EVENTS)
"""The events that the logbook may tell of."""


# anybody may fire an event of any of these types, with any data


def _entity(data: _Data) -> str | None:
    entity_id = data.get("entity_id")
    return entity_id if isinstance(entity_id, str) else None


def _list(data: _Data, key: str) -> Sequence[Any]:
    found = data.get(key)
    return found if isinstance(found, (list, tuple)) else ()


def _text(data: _Data, key: str) -> str:
    value = data.get(key)
    return "" if value is None else str(value)


def _say(key: str, language: str, **placeholders: object) -> str:
    return translate(_TEXTS + key, language, **placeholders)
