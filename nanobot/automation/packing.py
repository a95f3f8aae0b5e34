"""The variables of a run as JSON, and back: what a run has in its hands when the process ends."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from typing import Any

from nanobot.hub.bus import Event
from nanobot.hub.context import Context
from nanobot.hub.states import State

TYPE = "\u0000type"  # no key that a template could make by accident


def pack(value: Any) -> Any:
    """For JSON. What has no place there becomes text."""
    if value is None or isinstance(value, (str, int, float, bool)):
        return value
    if isinstance(value, Mapping):
        return {str(key): pack(one) for key, one in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [pack(one) for one in value]
    if isinstance(value, timedelta):
        return {TYPE: "timedelta", "value": value.total_seconds()}
    for kind in (datetime, date, time):
        if isinstance(value, kind):
            return {TYPE: kind.__name__, "value": value.isoformat()}
    if isinstance(value, Context):
        return {TYPE: "context", "value": context_packed(value)}
    if isinstance(value, State):
        times = (value.last_changed, value.last_updated)
        return {TYPE: "state", "value": [value.entity_id, value.state, pack(value.attributes), *times],
                "context": context_packed(value.context)}  # fmt: skip
    if isinstance(value, Event):
        return {TYPE: "event", "value": [value.type, pack(value.data), value.origin, value.time],
                "context": context_packed(value.context)}  # fmt: skip
    return str(value)


def unpack(value: Any) -> Any:
    """The reverse of ``pack``."""
    if isinstance(value, list):
        return [unpack(one) for one in value]
    if not isinstance(value, dict):
        return value
    kind = value.get(TYPE)
    if kind is None:
        return {key: unpack(one) for key, one in value.items()}
    given = value["value"]
    match kind:
        case "timedelta":
            return timedelta(seconds=given)
        case "datetime":
            return datetime.fromisoformat(given)
        case "date":
            return date.fromisoformat(given)
        case "time":
            return time.fromisoformat(given)
        case "context":
            return context_unpacked(given)
        case "state":
            entity_id, state, attributes, changed, updated = given
            return State(entity_id, state, unpack(attributes), changed, updated, context_unpacked(value["context"]))
        case "event":
            event_type, data, origin, moment = given
            event = Event(event_type, unpack(data), context_unpacked(value["context"]), origin)
            event.time = moment
            return event
    return given


def context_packed(context: Context) -> list[str | None]:
    """Id, parent, user and actor."""
    return [context.id, context.parent_id, context.user_id, context.actor]


def context_unpacked(given: list[Any]) -> Context:
    """The reverse of ``context_packed``."""
    id_, parent, user, actor = given
    return Context(id=id_, parent_id=parent, user_id=user, actor=actor or "system")
