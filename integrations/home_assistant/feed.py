"""How a server tells how things are: in few words, or, before release 2022.4, in states and events."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from .connection import Connection, Refusal
from .mirror import Mirror

UNKNOWN = "unknown_command"


async def feed(connection: Connection, mirror: Mirror, *, is_whole: bool) -> None:
    """Have ``mirror`` know all states, and hear of each change from then on. ``is_whole``: see ``Mirror.begin``."""
    try:
        await _in_short(connection, mirror, is_whole=is_whole)
    except Refusal as error:
        if error.code != UNKNOWN:
            raise
        await _in_events(connection, mirror, is_whole=is_whole)


async def _in_short(connection: Connection, mirror: Mirror, *, is_whole: bool) -> None:
    begun: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def hear(event: Any) -> None:
        if begun.done():
            await mirror.hear(event)
        elif isinstance(event, dict):
            await mirror.begin(event.get("a") or {}, is_whole=is_whole)
            if not begun.done():
                begun.set_result(None)

    await connection.subscribe("subscribe_entities", hear)
    await begun


async def _in_events(connection: Connection, mirror: Mirror, *, is_whole: bool) -> None:
    early: list[Any] | None = []
    """Changes that are told before all states are known, which may be part of these."""

    async def hear(event: Any) -> None:
        data = event.get("data") if isinstance(event, dict) else None
        if not isinstance(data, dict):
            return
        if early is not None:
            early.append(data)
        else:
            await mirror.hear(_compressed(data))

    await connection.subscribe("subscribe_events", hear, event_type="state_changed")
    states = {state["entity_id"]: state for state in await connection.ask("get_states")}
    await mirror.begin({one: _short(state) for one, state in states.items()}, is_whole=is_whole)
    while early:
        data = early.pop(0)
        known, new = states.get(data.get("entity_id")), data.get("new_state")
        if known is None or new is None or new.get("last_updated", "") >= known.get("last_updated", ""):
            await mirror.hear(_compressed(data))
    early = None


def _short(state: Mapping[str, Any]) -> dict[str, Any]:
    return {"s": state.get("state"), "a": state.get("attributes"), "c": state.get("context")}


def _compressed(data: Mapping[str, Any]) -> dict[str, Any]:
    """The data of a ``state_changed`` in the shape of ``subscribe_entities``."""
    new = data.get("new_state")
    return {"r": [data.get("entity_id")]} if new is None else {"a": {data.get("entity_id"): _short(new)}}
