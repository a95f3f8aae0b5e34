"""The recorder: what happens is written down for some days, and can be asked about."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from nanobot.config.database_url import password, plain_host
from nanobot.contracts.audit import Finding
from nanobot.hub.entry import Entry
from nanobot.hub.hub import Hub
from nanobot.util.aio import in_thread

from .options import CONFIG_SCHEMA
from .services import offer

if TYPE_CHECKING:
    from nanobot.contracts.history import History

    from .recording import Recorder

__all__ = ["CONFIG_SCHEMA", "audit", "reload", "rights", "setup"]


async def setup(hub: Hub, entry: Entry) -> None:
    """A database that cannot be used is no reason to fail: it is tried again, and there is an issue meanwhile."""
    secret = password(entry.config.get("db_url"))
    if secret:
        hub.scrubber.add(secret)
    make = await in_thread(_load)
    recorder, history = make(hub, entry)
    entry.data = recorder
    recorder.start()
    entry.add(history)
    offer(recorder)


async def reload(hub: Hub, entry: Entry, config: Mapping[str, Any]) -> bool:
    """Another database needs a restart; everything else is taken as it goes."""
    if config.get("db_url") != entry.config.get("db_url"):
        return False
    recorder: Recorder = entry.data
    recorder.take(config)
    recorder.note_present()
    return True


def audit(config: Mapping[str, Any]) -> list[Finding]:
    """What this configuration leaves open."""
    host = plain_host(config.get("db_url"))
    return [] if host is None else [Finding("plain_database", "error", ("db_url",), {"host": host})]


def rights(config: Mapping[str, Any]) -> set[str]:
    """What this configuration allows; `nanobot plan` shows what an edit adds."""
    return {"records states and events" + (" and messages" if config["messages"] else "")}


def _load() -> Any:
    """SQLAlchemy takes half a second and 20 MiB: it is imported here, in a thread, and by nothing else."""
    from .history import Recorded
    from .recording import Recorder

    def make(hub: Hub, entry: Entry) -> tuple[Recorder, History]:
        recorder = Recorder(hub, entry)
        return recorder, Recorded(recorder)

    return make
