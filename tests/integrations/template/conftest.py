"""A small house of template entities."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

import pytest

from nanobot.hub.bus import Event
from nanobot.hub.hub import Hub


async def settle() -> None:
    """Let everything run that does not wait for time or for anybody."""
    for _ in range(20):
        await asyncio.sleep(0)


@pytest.fixture
def state(hub: Hub) -> Callable[[str], str | None]:
    """The state of an entity, None where there is none."""

    def state(entity_id: str) -> str | None:
        found = hub.states.get(entity_id)
        return None if found is None else found.state

    return state


@pytest.fixture
def attribute(hub: Hub) -> Callable[[str, str], Any]:
    """An attribute of an entity."""

    def attribute(entity_id: str, name: str) -> Any:
        found = hub.states.get(entity_id)
        assert found is not None, f"there is no {entity_id}"
        return found.attributes.get(name)

    return attribute


@pytest.fixture
def history(hub: Hub) -> Callable[[str], list[str | None]]:
    """From now on, the states that an entity has one after the other."""

    def history(entity_id: str) -> list[str | None]:
        seen: list[str | None] = []

        def changed(event: Event) -> None:
            new = event.data["new_state"]
            seen.append(None if new is None else new.state)

        hub.states.track(entity_id, changed)
        return seen

    return history


@pytest.fixture
def errors(caplog: pytest.LogCaptureFixture) -> Callable[[], list[str]]:
    """What was logged as an error."""
    return lambda: [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR]
