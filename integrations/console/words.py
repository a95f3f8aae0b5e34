"""The words that a terminal completes: what the hub's things are called."""

from __future__ import annotations

from nanobot.hub.hub import Hub

MOST = 5000


def words(hub: Hub) -> dict[str, str]:
    """Each name, and what it is the name of."""
    found: dict[str, str] = {}
    for state in hub.states:
        found.setdefault(state.name, state.entity_id)
        found.setdefault(state.entity_id, state.name)
        if len(found) >= MOST:
            break
    return found
