"""Template: shows a number that stands in a file, and keeps it up to date."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from functools import partial
from typing import Any

import voluptuous as vol

from nanobot.config import validators as cv
from nanobot.contracts.service import Response, ServiceCall
from nanobot.errors import AuthFailed, ConfigError, NotReady
from nanobot.hub.entry import Entry
from nanobot.hub.hub import Hub

from .entity import Number
from .reading import keep_reading, read_number

CONFIG_SCHEMA = vol.Schema(
    {
        vol.Optional("file", default="/proc/loadavg"): cv.string,
        vol.Optional("name"): cv.string,
        vol.Optional("every", default=timedelta(seconds=60)): cv.positive_time_period,
    }
)


async def setup(hub: Hub, entry: Entry) -> None:
    file = entry.config["file"]
    try:
        value = await read_number(file)
    except FileNotFoundError as error:
        raise NotReady(f"{file} is not there") from error
    except PermissionError as error:
        raise AuthFailed(f"{file} may not be read; give nanobot the right to, with: chmod +r {file}") from error
    except ValueError as error:
        raise ConfigError(f"{file} does not begin with a number") from error

    number = entry.data = Number(entry.id, entry.config, value)
    entry.add(number)
    every = entry.config["every"].total_seconds()
    entry.run(partial(keep_reading, entry, number), name="reading", silent_for=3 * every + 10)

    async def read(call: ServiceCall) -> Mapping[str, Any]:
        number.becomes(await read_number(file), call.context)
        return {"value": number.value}

    entry.service("read", read, vol.Schema({}), response=Response.OPTIONAL, description="Read the file now.")


async def reload(hub: Hub, entry: Entry, config: Mapping[str, Any]) -> bool:
    """A new name needs no restart; anything else does."""
    if any(config[key] != entry.config[key] for key in ("file", "every")):
        return False
    entry.data.take(config)
    entry.data.changed()
    return True


def rights(config: Mapping[str, Any]) -> set[str]:
    """What this configuration allows; `nanobot plan` shows what an edit adds."""
    return {f"reads the file {config['file']}"}
