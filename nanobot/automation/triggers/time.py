"""``trigger: time``: the wall clock shows a time of day, or what an entity says."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from datetime import date, datetime, time, timedelta
from functools import partial
from typing import Any

import voluptuous as vol

from nanobot.automation.wall_clock import at_time, next_moment
from nanobot.config import validators as cv
from nanobot.config.times import WEEKDAYS
from nanobot.contracts.trigger import Detach, Watch
from nanobot.errors import ConfigError
from nanobot.hub.bus import Event
from nanobot.hub.hub import Hub
from nanobot.hub.states import State
from nanobot.templates import Template, has_template
from nanobot.templates import validators as tv
from nanobot.util.text import shorten


def _entity(value: Any) -> str:
    entity_id = str(cv.entity_id(value))
    if entity_id.partition(".")[0] not in ("input_datetime", "sensor"):
        raise vol.Invalid(f"{entity_id} holds no time; take an input_datetime or a sensor with a timestamp")
    return entity_id


_WITH_OFFSET = vol.Schema({vol.Required("entity_id"): _entity, vol.Optional("offset"): cv.time_period})


def _at(value: Any) -> time | dict[str, Any] | Template:
    if isinstance(value, Mapping):
        return {"offset": timedelta(), **_WITH_OFFSET(dict(value))}
    if isinstance(value, str) and has_template(value):
        template: Template = tv.limited_template(value)
        return template
    if isinstance(value, str) and "." in value and not value[0].isdigit():
        return {"entity_id": _entity(value), "offset": timedelta()}
    at: time = cv.time(value)
    return at


SCHEMA = vol.Schema(
    {
        vol.Required("at"): vol.All(cv.ensure_list, vol.Length(min=1, msg="names no time"), [_at]),
        vol.Optional("weekday", default=lambda: [*WEEKDAYS]): cv.weekdays,
    }
)


async def attach(hub: Hub, config: Mapping[str, Any], watch: Watch) -> Detach:
    """Fires with ``now`` and ``entity_id`` (None for a time of day).

    A time of day that the clocks skip in spring is skipped; one that they show twice in autumn fires twice, as in
    Home Assistant 2025.4.
    """
    days = frozenset(map(WEEKDAYS.index, config["weekday"]))
    ends: list[Detach] = []
    for written in config["at"]:
        at = _rendered(hub, written, watch) if isinstance(written, Template) else written
        if isinstance(at, time):
            ends.append(_daily(hub, at, days, partial(_tell, watch, None)))
        else:
            ends.append(_follow(hub, at["entity_id"], at["offset"], days, watch))

    def detach() -> None:
        for end in ends:
            end()

    return detach


def _rendered(hub: Hub, template: Template, watch: Watch) -> time | dict[str, Any]:
    result = template.render(hub, watch.variables, limited=True)
    try:
        at = _at(result)
        if not isinstance(at, Template):
            return at
    except vol.Invalid:
        pass
    raise ConfigError(
        f"the template of 'at' gave {shorten(result)}, not a time like '07:30' or an input_datetime or sensor"
    )


def _tell(watch: Watch, entity_id: str | None, now: datetime) -> None:
    description = f"time set in {entity_id}" if entity_id else "time"
    watch.fire({"platform": "time", "now": now, "entity_id": entity_id, "description": description})


def _daily(hub: Hub, at: time, days: Collection[int], ring: Callable[[datetime], None]) -> Detach:
    next_shown = at_time(at, days)
    return hub.alarms.set(lambda after: next_moment(after, hub.clock.zone, next_shown), ring)


def _follow(hub: Hub, entity_id: str, offset: timedelta, days: Collection[int], watch: Watch) -> Detach:
    """The time that an entity says, and each other one that it says later."""
    present: list[Detach] = []
    told = partial(_tell, watch, entity_id)

    def on_the_day(when: datetime) -> None:
        if when.weekday() in days:
            told(when)

    def stop() -> None:
        while present:
            present.pop()()

    def said(state: State | None) -> None:
        stop()
        when = None if state is None else _said_by(state, hub)
        if isinstance(when, time):
            moved = (datetime.combine(datetime(2000, 1, 2), when) + offset).time()  # noqa: DTZ001 - a time of day
            present.append(_daily(hub, moved, days, told))
        elif when is not None and (moment := _moment(when, offset)) is not None:
            present.append(hub.alarms.set(lambda after: moment if moment >= after else None, on_the_day))

    def changed(event: Event) -> None:
        said(event.data["new_state"])

    remove = hub.states.track(entity_id, changed)
    said(hub.states.get(entity_id))

    def end() -> None:
        remove()
        stop()

    return end


def _moment(when: datetime, offset: timedelta) -> float | None:
    try:
        return (when + offset).timestamp()
    except (OverflowError, ValueError):  # beyond the calendar
        return None


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
    try:
        clock = (given.get("hour", 0), given.get("minute", 0), given.get("second", 0))
        if given.get("has_date"):
            at = time(*clock) if given.get("has_time") else time()
            return datetime.combine(date(given["year"], given["month"], given["day"]), at, hub.clock.zone)
        return time(*clock) if given.get("has_time") else None
    except (KeyError, TypeError, ValueError):  # somebody wrote the state of an input_datetime by hand
        return None
