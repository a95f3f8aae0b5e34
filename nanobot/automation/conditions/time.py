"""``condition: time``: the wall clock is within a window, which may span midnight, and the day is one of some."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

import voluptuous as vol

from nanobot.automation.decide import Case
from nanobot.config import validators as cv
from nanobot.config.times import WEEKDAYS
from nanobot.errors import ConditionError
from nanobot.hub.hub import Hub


def _moment(value: Any) -> dt.time | str:
    if isinstance(value, str) and "." in value and not value.strip()[:1].isdigit():
        return str(cv.entity_domain("input_datetime", "sensor", "time")(value))
    moment: dt.time = cv.time(value)
    return moment


SCHEMA = vol.Schema(
    vol.All(
        {
            vol.Optional("after"): _moment,
            vol.Optional("before"): _moment,
            vol.Optional("weekday"): vol.All(cv.ensure_list, [cv.one_of(*WEEKDAYS, fold=True)]),
        },
        cv.has_at_least_one_key("after", "before", "weekday"),
    )
)


def check(config: Mapping[str, Any], case: Case) -> bool:
    """``after`` counts from its moment on, ``before`` up to its own. Raises ``ConditionError``."""
    now = dt.datetime.fromtimestamp(case.hub.clock.time(), case.hub.clock.zone)
    after = _shown(case.hub, config.get("after"), dt.time(0))
    before = _shown(case.hub, config.get("before"), dt.time(23, 59, 59, 999999))
    if after is None or before is None:
        return False
    if "after" in config or "before" in config:
        case.tell(now_time=now.time(), **{key: str(config[key]) for key in ("after", "before") if key in config})
        time = now.time()
        if after < before or "before" not in config:
            if not after <= time or not (time < before or "before" not in config):
                return False
        elif before <= time < after:
            return False
    if "weekday" in config:
        day = WEEKDAYS[now.weekday()]
        case.tell(now_weekday=day, weekday=config["weekday"])
        return day in config["weekday"]
    return True


def _shown(hub: Hub, moment: dt.time | str | None, otherwise: dt.time) -> dt.time | None:
    """None for an entity that shows no time now. Raises ``ConditionError`` for one that is not there."""
    if moment is None:
        return otherwise
    if isinstance(moment, dt.time):
        return moment
    state = hub.states.get(moment)
    if state is None:
        raise ConditionError(f"there is no entity {moment}")
    if state.domain == "input_datetime":
        hand = (state.attributes.get(name, 0) for name in ("hour", "minute", "second"))
        return dt.time(*hand)
    try:
        if state.attributes.get("device_class") == "timestamp":
            return dt.datetime.fromisoformat(state.state).astimezone(hub.clock.zone).time()
        return dt.time.fromisoformat(state.state)
    except ValueError:
        return None
