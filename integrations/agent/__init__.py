"""Agent: a language model that answers, remembers what was said, and acts with the tools of the hub."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import voluptuous as vol

from nanobot.config import validators as cv
from nanobot.hub.entry import Entry
from nanobot.hub.hub import Hub
from nanobot.templates import validators as tv

from .agent import ReactAgent
from .routes import ROUTES
from .tool import offer

TOOLS = vol.Any(
    vol.All([cv.string], lambda globs: {"allow": globs}),
    {
        vol.Optional("allow"): vol.All(cv.ensure_list, [cv.string]),
        vol.Optional("deny"): vol.All(cv.ensure_list, [cv.string]),
    },
)

AGENTS = vol.Any(
    vol.All([cv.string], lambda names: dict.fromkeys(names, "")),
    {cv.string: vol.Any(cv.string, None)},
)

CONFIG_SCHEMA = vol.Schema(
    {
        vol.Optional("model"): cv.string,
        vol.Optional("name", default="nanobot"): cv.string,
        vol.Optional("instructions"): cv.string,
        vol.Optional("prompt"): tv.template,
        vol.Optional("tools", default=dict): TOOLS,
        vol.Optional("rounds", default=20): vol.All(cv.whole_number, vol.Range(min=1, max=200)),
        vol.Optional("time", default=timedelta(minutes=10)): cv.positive_time_period,
        vol.Optional("tokens"): vol.All(cv.whole_number, vol.Range(min=1000)),
        vol.Optional("cost"): cv.positive_float,
        vol.Optional("during_turn", default="wait"): cv.one_of("wait", "steer"),
        vol.Optional("history", default=50): vol.All(cv.whole_number, vol.Range(min=0, max=1000)),
        vol.Optional("routes", default=list): ROUTES,
        vol.Optional("hand_over", default=dict): AGENTS,
        vol.Optional("consult", default=dict): AGENTS,
        vol.Optional("compact", default=True): cv.boolean,
        vol.Optional("context", default=32_000): vol.All(cv.whole_number, vol.Range(min=1000)),
        vol.Optional("fallback", default=True): vol.Any(cv.boolean, cv.string),
    }
)


async def setup(hub: Hub, entry: Entry) -> None:
    agent = entry.data = ReactAgent(hub, entry)
    entry.add(agent)
    offer(entry)


async def reload(hub: Hub, entry: Entry, config: Mapping[str, Any]) -> bool:
    """Turns that run end as they began; the next one is taken with the new configuration."""
    entry.data.configure(config)
    return True


def rights(config: Mapping[str, Any]) -> set[str]:
    """What this configuration allows; `nanobot plan` shows what an edit adds."""
    found = {f"the model may use the tools {glob}" for glob in config["tools"].get("allow", ["*"])}
    found |= {f"conversations may be handed over to {name}" for name in config["hand_over"]}
    return found | {f"the model may consult {name}" for name in config["consult"]}
