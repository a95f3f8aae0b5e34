"""``condition: channel``: the message that started the run came over one of these channels, or from such a chat."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import voluptuous as vol

from nanobot.automation.conditions.sender import started_by
from nanobot.automation.decide import Case
from nanobot.config import validators as cv

SCHEMA = vol.Schema(
    vol.All(
        {
            vol.Optional("channel"): vol.All(cv.ensure_list, [cv.string]),
            vol.Optional("chat"): vol.All(cv.ensure_list, [cv.string]),
            vol.Optional("group"): cv.boolean,
        },
        cv.has_at_least_one_key("channel", "chat", "group"),
    )
)


def check(config: Mapping[str, Any], case: Case) -> bool:
    """All that is asked for has to be so."""
    message = started_by(case)
    case.tell(channel=message.get("channel"), chat=message.get("chat"))
    for name in ("channel", "chat"):
        if name in config and message.get(name) not in config[name]:
            return False
    return "group" not in config or bool(message.get("group")) is config["group"]
