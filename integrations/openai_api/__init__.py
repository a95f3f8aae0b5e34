"""OpenAI-compatible API: clients of OpenAI talk to the agents of this hub, each of which is a model."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import voluptuous as vol

from nanobot.config import validators as cv
from nanobot.contracts.audit import Finding
from nanobot.hub.entry import Entry
from nanobot.hub.hub import Hub
from nanobot.util.aio import in_thread

from .channel import SessionChannel

TIMEOUT = timedelta(minutes=10)
CONCURRENT = 8

CONFIG_SCHEMA = vol.Schema(
    {
        vol.Optional("timeout", default=TIMEOUT): vol.All(
            cv.positive_time_period, vol.Range(min=timedelta(seconds=1), max=timedelta(hours=1))
        ),
        vol.Optional("concurrent", default=CONCURRENT): vol.All(cv.whole_number, vol.Range(min=1, max=1000)),
        vol.Optional("progress", default=False): cv.boolean,
        vol.Optional("share_sessions", default=False): cv.boolean,
    }
)


async def setup(hub: Hub, entry: Entry) -> None:
    """Needs no agent: whoever asks is told when there is none."""
    await in_thread(importlib.import_module, f"{__name__}.views")  # aiohttp takes its time
    from .views import Api

    channel = SessionChannel(entry)
    api = Api(entry, channel)
    entry.on_unload(api.close)
    entry.add(channel)
    for view in api.views():
        entry.add(view)


def audit(config: Mapping[str, Any]) -> list[Finding]:
    """What this configuration leaves open."""
    return [Finding("share_sessions", "warning", ("share_sessions",))] if config["share_sessions"] else []


def rights(config: Mapping[str, Any]) -> set[str]:
    """What this configuration allows; `nanobot plan` shows what an edit adds."""
    return {"tokens of one user share their sessions of the OpenAI API"} if config["share_sessions"] else set()
