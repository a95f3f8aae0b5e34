"""Transcripts: what is said, as a file or as rows for each session, for people, git, grep and other programs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nanobot.config.database_url import password, place, plain_host
from nanobot.contracts.audit import Finding
from nanobot.errors import ConfigError
from nanobot.hub.entry import Entry
from nanobot.hub.hub import Hub
from nanobot.util.aio import in_thread

from .folder import Folder
from .follower import Follower
from .options import CONFIG_SCHEMA, DATABASE, FOLDER
from .store import Store

__all__ = ["CONFIG_SCHEMA", "audit", "reload", "rights", "setup"]


async def setup(hub: Hub, entry: Entry) -> None:
    """A place that cannot be written to is no reason to fail: there is an issue, and what was said is there later."""
    if secret := password(entry.config.get("url")):
        hub.scrubber.add(secret)
    store = await in_thread(_store, hub.config_dir, entry.config)
    follower = entry.data = Follower(hub, entry, store)
    follower.start()


async def reload(hub: Hub, entry: Entry, config: Mapping[str, Any]) -> bool:
    """Another place needs a restart; everything else is taken as it goes."""
    if any(config.get(name) != entry.config.get(name) for name in ("folder", "url")):
        return False
    follower: Follower = entry.data
    follower.take(config)
    return True


def audit(config: Mapping[str, Any]) -> list[Finding]:
    """What this configuration leaves open."""
    host = plain_host(config.get("url"))
    return [] if host is None else [Finding("plain_database", "error", ("url",), {"host": host})]


def rights(config: Mapping[str, Any]) -> set[str]:
    """What this configuration allows; `nanobot plan` shows what an edit adds."""
    where = "a database" if "url" in config else f"{config.get('folder', FOLDER)}/"
    return {f"writes what is said into {where}"}


def _store(config_dir: Path, config: Mapping[str, Any]) -> Store:
    if "url" not in config:
        return Folder(config_dir / config.get("folder", FOLDER))
    try:
        from .database import Rows  # only where it is asked for: SQLAlchemy takes half a second and 20 MiB
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"transcripts in a database need the library {error.name}; install it with: pip install"
            " 'nanobot-hub[recorder]', or leave 'url' away to write files"
        ) from error
    return Rows(*place(config["url"], config_dir, DATABASE))
