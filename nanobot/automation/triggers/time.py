"""``trigger: time``: the wall clock shows a time of day, or what an entity says."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, time, timedelta
from functools import partial
from typing import Any

import voluptuous as vol

from nanobot.automation.alarm import Alarm, next_time
from nanobot.config import validators as cv
from nanobot.contracts.trigger import Detach, Watch
from nanobot.hub.bus import Event
from nanobot.hub.hub import Hub
from nanobot.hub.states import State


def _entity(value: Any) -> str:
    entity_id = str(cv.entity_id(value))
    if entity_id.partition(".")[0] not in ("input_datetime", "sensor"):
        raise vol.Invalid(f"{entity_id} holds no time; take an input_datetime or a sensor with a timestamp")
    return entity_id


_WITH_OFFSET = vol.Schema({vol.Required("entity_id"): _entity, vol.Optional("offset"): cv.time_period})


def _at(value: Any) -> time | dict[str, Any]:
    if isinstance(value, Mapping):
        return {"offset": timedelta(), **_WITH_OFFSET(dict(value))}
    if isinstance(value, str) and "." in value and not value[0].isdigit():
        return {"entity_id": _entity(value), "offset": timedelta()}
    at: time = cv.time(value)
    return at


SCHEMA = vol.Schema({vol.Required("at"): vol.All(cv.ensure_list, [_at])})


async def attach(hub: Hub, config: Mapping[str, Any], watch: Watch) -> Detach:
    """Fires with ``now`` and ``entity_id`` (None for a time of day).

    A time of day that the clocks skip in spring is skipped; one that they show twice in autumn fires twice, as in
    Home Assistant 2025.4.
    """
    ends: list[Detach] = []
    for at in config["at"]:
        if isinstance(at, time):
            ends.append(_daily(hub, at, partial(_tell, watch, None)))
        else:
            ends.append(_follow(hub, at["entity_id"], at["offset"], watch))

    def detach() -> None:
        for end in ends:
            end()

    return detach


def _tell(watch: Watch, entity_id: str | None, now: datetime) -> None:
    description = f"time set in {entity_id}" if entity_id else "time"
    watch.fire({"platform": "time", "now": now, "entity_id": entity_id, "description": description})


def _daily(hub: Hub, at: time, ring: Callable[[datetime], None]) -> Detach:
    alarm = Alarm(hub.clock, lambda after: next_time(after, at, hub.clock.zone), ring)
    alarm.set()
    remove = hub.bus.listen("core_config_updated", lambda event: alarm.set())

    def end() -> None:
        remove()
        alarm.cancel()

    return end


def _follow(hub: Hub, entity_id: str, offset: timedelta, watch: Watch) -> Detach:
    """The time that an entity says, and each other one that it says later."""
    present: list[Detach] = []

    def stop() -> None:
        while present:
            present.pop()()

    def said(state: State | None) -> None:
        stop()
        when = None if state is None else _said_by(state, hub)
        if isinstance(when, time):
            moved = (datetime.combine(datetime(2000, 1, 2), when) + offset).time()  # noqa: DTZ001 - a time of day
            present.append(_daily(hub, moved, partial(_tell, watch, entity_id)))
        elif when is not None:
            moment = (when + offset).timestamp()
            alarm = Alarm(
                hub.clock, lambda after: moment if moment >= after else None, partial(_tell, watch, entity_id)
            )
            alarm.set()
            present.append(alarm.cancel)

    def changed(event: Event) -> None:
        said(event.data["new_state"])

    remove = hub.states.track(entity_id, changed)
    said(hub.states.get(entity_id))

    def end() -> None:
        remove()
        stop()

    return end


def _said_by(state: State, hub: Hub) -> time | datetime | None:
    """A time of day, a moment, or None when the entity says neither."""
    given = state.attributes
    if state.domain == "sensor":
        if given.get("device_class") != "timestamp":
            return None
        try:
            when = datetime.fromisoformat(state.state)
        except ValueError:
            return None
        return when if when.tzinfo else when.replace(tzinfo=hub.clock.zone)
    hour = (given.get("hour", 0), given.get("minute", 0), given.get("second", 0))
    if given.get("has_date"):
        return datetime(given["year"], given["month"], given["day"], *hour, tzinfo=hub.clock.zone)
    return time(*hour) if given.get("has_time") else None
