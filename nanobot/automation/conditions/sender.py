"""``condition: sender``: the message that started the run comes from one of these people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import voluptuous as vol

from nanobot.automation.decide import Case
from nanobot.config import validators as cv

SCHEMA = vol.Schema(
    vol.All(
        {
            vol.Optional("sender"): vol.All(cv.ensure_list, [cv.string]),
            vol.Optional("owner"): cv.boolean,
        },
        cv.has_at_least_one_key("sender", "owner"),
    )
)


def check(config: Mapping[str, Any], case: Case) -> bool:
    """By id; a name can be chosen by anybody. ``owner``: whether it is one of those who run nanobot."""
    message = started_by(case)
    case.tell(sender=message.get("sender"), owner=message.get("owner"))
    if "sender" in config and message.get("sender") not in config["sender"]:
        return False
    return "owner" not in config or bool(message.get("owner")) is config["owner"]


def started_by(case: Case) -> Mapping[str, Any]:
    """The message that started the run; nothing where none did."""
    trigger = case.variables.get("trigger")
    message = trigger.get("message") if isinstance(trigger, Mapping) else None
    return message if isinstance(message, Mapping) else {}
