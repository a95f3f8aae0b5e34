"""What is written for a target: a chat on a channel, or the names of other targets."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import voluptuous as vol

from nanobot.config import validators as cv

NOTIFY = "notify"
NOTICES = "persistent_notification"
RESERVED = frozenset({NOTIFY, NOTICES, "send_message"})
"""Services that are there anyway."""


def _names(value: Any) -> list[str]:
    return [cv.slug(name) for name in cv.ensure_list_csv(value)]


def _leads_somewhere(config: dict[str, Any]) -> dict[str, Any]:
    own = [key for key in ("channel", "chat", "thread") if key in config]
    if "targets" in config:
        if own:
            raise vol.Invalid("a target that stands for others has no chat of its own", [own[0]])
        return config
    if not own:
        raise cv.Wrong("needs_one_of", options="'channel', 'targets'")
    for key in ("channel", "chat"):
        if key not in own:
            raise cv.Wrong("required", name=key)
    return config


TARGET = vol.All(
    {
        vol.Optional("name"): cv.string,
        vol.Optional("icon"): cv.icon,
        vol.Optional("channel"): cv.string,
        vol.Optional("chat"): cv.chat_id,
        vol.Optional("thread"): cv.chat_id,
        vol.Optional("targets"): vol.All(_names, vol.Length(min=1, msg="names no target")),
    },
    _leads_somewhere,
)


class Items(cv.Items):
    """All targets by name."""

    def __init__(self) -> None:
        super().__init__(TARGET)

    def one(self, key: Hashable, item: Any) -> Any:
        if key in RESERVED:
            raise vol.Invalid(f"notify.{key} is always there; call this target something else")
        return super().one(key, item)
