"""States: the tool with which an agent looks at how things are."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import voluptuous as vol

from nanobot.config import validators as cv
from nanobot.hub.entry import Entry
from nanobot.hub.hub import Hub

from .tool import GetState
from .view import View

_GLOB = re.compile(r"[a-z0-9_*?]+(?:\.[a-z0-9_*?]+)?")


def _glob(value: Any) -> str:
    """``light.kitchen``, ``light`` for all of that domain, ``*.kitchen_*``."""
    text = cv.string(value).strip().lower()
    if not _GLOB.fullmatch(text):
        raise vol.Invalid("is no entity; write it like 'light.kitchen', 'light' or '*.kitchen_*'")
    return text if "." in text or text == "*" else f"{text}.*"


_GLOBS = vol.All(cv.ensure_list, [_glob])

CONFIG_SCHEMA = vol.Schema(
    {
        vol.Optional("allow", default=lambda: ["*"]): _GLOBS,
        vol.Optional("deny", default=list): _GLOBS,
        vol.Optional("guests", default=lambda: ["*"]): _GLOBS,
    }
)


async def setup(hub: Hub, entry: Entry) -> None:
    view = entry.data = View(hub, entry.config)
    entry.add(GetState(view))


async def reload(hub: Hub, entry: Entry, config: Mapping[str, Any]) -> bool:
    """What may be seen counts from the next look on."""
    entry.data.config = config
    return True


def rights(config: Mapping[str, Any]) -> set[str]:
    """What this configuration allows; `nanobot plan` shows what an edit adds."""
    seen = {f"agents see the states of {glob}" for glob in config["allow"]}
    return seen | {f"whoever may write to nanobot hears the states of {glob}" for glob in config["guests"]}
