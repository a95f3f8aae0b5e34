"""What the recorder takes: the keys of Home Assistant's, and ours."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import voluptuous as vol

from nanobot.config import validators as cv
from nanobot.config.choice import options
from nanobot.config.database_url import database_url, place
from nanobot.util.secrets import Secret

FILE = "history.db"
_EVENT_TYPES: dict[vol.Marker, Any] = {vol.Optional("event_types", default=list): vol.All(cv.ensure_list, [cv.string])}

CONFIG_SCHEMA = vol.Schema(
    {
        vol.Optional("db_url"): database_url,
        vol.Optional("commit_interval", default=5): vol.All(cv.number, vol.Range(min=0, max=3600)),
        vol.Optional("purge_keep_days", default=10): vol.All(cv.whole_number, vol.Range(min=1)),
        vol.Optional("auto_purge", default=True): cv.boolean,
        vol.Optional("auto_repack", default=True): cv.boolean,
        vol.Optional("messages", default=True): cv.boolean,
        # of Home Assistant: it is tried for ever here, so there is nothing to choose
        vol.Optional("db_max_retries"): cv.positive_int,
        vol.Optional("db_retry_wait"): cv.positive_float,
        **options(_EVENT_TYPES),
    }
)


def database(url: Secret | None, config_dir: Path) -> tuple[str, Path | None]:
    """What SQLAlchemy takes, and the file of SQLite, None for a server."""
    return place(url, config_dir, f".storage/{FILE}")
