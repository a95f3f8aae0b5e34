"""What the transcripts take."""

from __future__ import annotations

from typing import Any

import voluptuous as vol

from nanobot.config import validators as cv
from nanobot.config.database_url import database_url
from nanobot.errors import ToolError
from nanobot.storage.naming import parts_of

FOLDER = "sessions"
DATABASE = "transcripts.db"


def _folder(value: Any) -> str:
    text = cv.string(value)
    try:
        parts = parts_of(text)
    except ToolError:
        parts = ()
    if not parts:
        raise vol.Invalid("is no folder within the configuration folder; write it like 'sessions' or 'logs/sessions'")
    return "/".join(parts)


_CHANNELS = vol.All(cv.ensure_list, [cv.string])

CONFIG_SCHEMA = vol.Schema(
    {
        vol.Exclusive("folder", "place", msg="'folder' and 'url' exclude one another; take one"): _folder,
        vol.Exclusive("url", "place", msg="'folder' and 'url' exclude one another; take one"): database_url,
        vol.Optional("include", default=list): _CHANNELS,
        vol.Optional("exclude", default=list): _CHANNELS,
        vol.Optional("keep_days"): vol.All(cv.whole_number, vol.Range(min=1, max=36_500)),
    }
)
