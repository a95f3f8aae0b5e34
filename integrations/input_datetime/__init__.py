"""Dates and times of your own: a day, a time of day, or both, for automations and people to set and to look at."""

from __future__ import annotations

from functools import partial
from typing import Any

import voluptuous as vol

from nanobot.config import validators as cv
from nanobot.hub import collection
from nanobot.hub.collection import Action
from nanobot.hub.entry import Entry
from nanobot.hub.hub import Hub

from .entity import InputDatetime, parse


def _has_something(config: dict[str, Any]) -> dict[str, Any]:
    if not config["has_date"] and not config["has_time"]:
        raise vol.Invalid("needs has_date or has_time, or both", path=["has_date"])
    return config


def _initial(config: dict[str, Any]) -> dict[str, Any]:
    if config.get("initial"):
        try:
            parse(config["initial"], config)
        except ValueError as error:
            raise vol.Invalid(str(error), path=["initial"]) from error
    return config


CONFIG_SCHEMA = vol.Schema(
    cv.Items(
        vol.All(
            {
                vol.Optional("name"): cv.string,
                vol.Optional("has_date", default=False): cv.boolean,
                vol.Optional("has_time", default=False): cv.boolean,
                vol.Optional("initial"): cv.string,
                vol.Optional("icon"): cv.icon,
            },
            _has_something,
            _initial,
        )
    )
)

_WAYS = (("date", "time"), ("datetime",), ("timestamp",))


def _one_way(data: dict[str, Any]) -> dict[str, Any]:
    used = [way for way in _WAYS if any(name in data for name in way)]
    if not used:
        raise vol.Invalid("say what to set, with date, time, datetime or timestamp")
    if len(used) > 1:
        raise vol.Invalid("date and time, datetime, and timestamp cannot be used together")
    return data


ACTIONS = {
    "set_datetime": Action(
        InputDatetime.set_datetime,
        "Set the date, the time, or both.",
        {
            vol.Optional("date"): cv.date,
            vol.Optional("time"): cv.time,
            vol.Optional("datetime"): cv.datetime,
            vol.Optional("timestamp"): cv.number,
        },
        {
            "date": {"example": "2026-04-20", "selector": {"date": {}}},
            "time": {"example": "07:30:00", "selector": {"time": {}}},
            "datetime": {"example": "2026-04-20 07:30:00", "selector": {"text": {}}},
            "timestamp": {"selector": {"number": {"min": 0, "mode": "box"}}},
        },
        _one_way,
    ),
}

reload = collection.reload


async def setup(hub: Hub, entry: Entry) -> None:
    await collection.set_up(hub, entry, partial(InputDatetime, "input_datetime", hub.clock), ACTIONS)
