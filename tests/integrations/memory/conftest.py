"""A memory, and people who tell it things."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from nanobot.hub.hub import Hub
from nanobot.testing.plugin import SetUp
from nanobot.testing.tools import Hands


@pytest.fixture
async def memory(set_up: SetUp) -> Any:
    """The entry."""
    return await set_up("memory")


@pytest.fixture
def folder(config_dir: Path) -> Path:
    """Where the files are."""
    return config_dir / "memory"


@pytest.fixture
def anna(hub: Hub, memory: Any) -> Hands:
    """An owner."""
    return Hands(hub).of(id="anna1", sender="anna", person="chat:anna", sender_name="Anna")


@pytest.fixture
def ben(hub: Hub, memory: Any) -> Hands:
    """Another owner."""
    return Hands(hub).of(id="ben1", sender="ben", person="chat:ben", sender_name="Ben")


@pytest.fixture
def guest(hub: Hub, memory: Any) -> Hands:
    """Somebody who is let in."""
    return Hands(hub).of(id="guest1", sender="guest", person="chat:guest", owner=False)


async def told(hands: Hands, part: str = "memory") -> str:
    """What the prompt says in a turn."""
    found = hands.hub.prompt_parts.get(part)
    assert found is not None
    return await found.text(hands.turn, "agent")


async def ask(hub: Hub, command: str, **data: Any) -> Any:
    """What a client is told."""
    found = hub.commands.get(f"memory/{command}")
    assert found is not None
    return await found.handler(None, data)  # type: ignore[arg-type]
