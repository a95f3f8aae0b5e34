"""States as they are kept on disk for a trigger that waits over a restart."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any

import orjson

from nanobot.hub.context import Context
from nanobot.hub.shapes import state_json
from nanobot.hub.states import State


def plain(state: State | None) -> dict[str, Any] | None:
    """A state as JSON-able values."""
    found: dict[str, Any] | None = None if state is None else orjson.loads(state_json(state))
    return found


def state_of(kept: Mapping[str, Any] | None) -> State | None:
    """The reverse. Raises ``KeyError``, ``TypeError`` or ``ValueError`` for what ``plain`` has not made."""
    if kept is None:
        return None
    changed, updated = (datetime.fromisoformat(kept[name]).timestamp() for name in ("last_changed", "last_updated"))
    attributes = MappingProxyType(dict(kept["attributes"]))
    return State(kept["entity_id"], kept["state"], attributes, changed, updated, Context(**kept["context"]))
