"""How much is logged, of what: levels by integration or logger, lines to leave out; changed while it runs."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import voluptuous as vol

from nanobot.config import validators as cv
from nanobot.contracts.service import ServiceCall
from nanobot.hub.entry import Entry
from nanobot.hub.hub import Hub

from .levels import LEVELS, Levels


def _level(value: Any) -> str:
    return str(cv.one_of(*LEVELS, fold=True)(value))


def _pattern(value: Any) -> re.Pattern[str]:
    text = cv.string(value)
    try:
        return re.compile(text)
    except re.error as error:
        raise vol.Invalid(f"is not a regular expression: {error}") from error


CONFIG_SCHEMA = vol.Schema(
    {
        vol.Optional("default"): _level,
        vol.Optional("logs", default=dict): {cv.string: _level},
        vol.Optional("filters", default=dict): {cv.string: vol.All(cv.ensure_list, [_pattern])},
    }
)


async def setup(hub: Hub, entry: Entry) -> None:
    levels = entry.data = Levels()
    entry.on_unload(levels.restore)
    levels.apply(entry.config)

    def set_level(call: ServiceCall) -> None:
        for name, level in call.data.items():
            levels.set(name, level)

    def set_default_level(call: ServiceCall) -> None:
        levels.set_default(call.data["level"])

    entry.service(
        "set_level",
        set_level,
        vol.Schema({cv.string: _level}),
        description="Set the level of integrations or loggers until the next edit of logger, or restart.",
    )
    entry.service(
        "set_default_level",
        set_default_level,
        vol.Schema({vol.Required("level"): _level}),
        description="Set the level of all that have none of their own.",
        fields={"level": {"required": True, "selector": {"select": {"options": list(LEVELS)}}}},
    )


async def reload(hub: Hub, entry: Entry, config: Mapping[str, Any]) -> bool:
    entry.data.restore()
    entry.data.apply(config)
    return True
