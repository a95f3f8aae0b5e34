"""Runs what is written in YAML as the script ``s`` of a real hub, and tells what it did."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest
import yaml

from nanobot.hub.bus import Event
from nanobot.hub.entry import Entry
from nanobot.hub.hub import Hub
from nanobot.testing.plugin import SetUp

WRONG = """
- action: input_select.select_option
  target: {entity_id: input_select.mood}
  data: {option: sideways}
"""


class Play:
    """``say: x`` in the YAML of these tests is an event ``out`` with ``k: x``; ``fails`` is a call that fails."""

    def __init__(self, hub: Hub, set_up: SetUp) -> None:
        self.hub = hub
        self._set_up = set_up
        self.out: list[Any] = []
        self.response: Mapping[str, Any] | None = None
        hub.bus.listen("out", self._happened)

    def _happened(self, event: Event) -> None:
        data = event.data
        self.out.append(data["k"] if set(data) == {"k"} else dict(data))

    async def set_up(self, sequence: str | list[Any] | None = None, **scripts: Any) -> Entry:
        """Set up ``script.s`` with the sequence, and others by name: a sequence, or all options."""
        await self._set_up("input_select", {"mood": {"options": ["low", "high"]}})
        await self._set_up("input_text", {"note": None})
        if sequence is not None:
            scripts["s"] = sequence
        return await self._set_up("script", {name: _whole(one) for name, one in scripts.items()})

    async def call(self, name: str = "s", **data: Any) -> list[Any]:
        """Call a script and wait for its end; gives what has been said since the last call."""
        try:
            self.response = await self.hub.services.call("script", name, data, return_response=True)
        finally:
            await settle()
        return self.heard()

    async def __call__(self, sequence: str, /, **data: Any) -> list[Any]:
        """Run a sequence that is given these variables."""
        await self.set_up(sequence)
        return await self.call(**data)

    def heard(self) -> list[Any]:
        """What was said since the last time."""
        heard, self.out = self.out, []
        return heard

    def put(self, entity_id: str, state: str, **attributes: Any) -> None:
        """Set a state."""
        self.hub.states.set(entity_id, state, attributes)


def _whole(one: Any) -> Any:
    given = yaml.safe_load(one) if isinstance(one, str) else one
    if isinstance(given, list):
        given = {"sequence": given}
    return _written(given)


def _written(value: Any) -> Any:
    """With the short forms of these tests written out."""
    if isinstance(value, list):
        return [_written(item) for item in value]
    if isinstance(value, dict):
        if "say" in value and set(value) <= {"say", "alias", "enabled", "continue_on_error"}:
            more = {key: item for key, item in value.items() if key != "say"}
            return {"event": "out", "event_data": {"k": value["say"]}, **more}
        return {key: _written(item) for key, item in value.items()}
    if value == "fails":
        return yaml.safe_load(WRONG)[0]
    return value


async def settle() -> None:
    """Let everything run that does not wait for time or for anybody."""
    for _ in range(30):
        await asyncio.sleep(0)


@pytest.fixture
def play(hub: Hub, set_up: SetUp) -> Play:
    return Play(hub, set_up)
