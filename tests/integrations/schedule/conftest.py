"""What the schedules of these tests do: they fire the events ``out``, by a wall clock over virtual time."""

from __future__ import annotations

import asyncio
import json
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from nanobot.hub.bus import Event
from nanobot.hub.hub import Hub
from nanobot.hub.states import State
from nanobot.testing.plugin import House

AMSTERDAM = ZoneInfo("Europe/Amsterdam")
PLANNED = "{{ trigger.planned.strftime('%a %H:%M') if trigger.planned else 'asked' }}"
OUT = {"event": "out", "event_data": {"planned": PLANNED, "missed": "{{ trigger.missed }}"}}


class Bench:
    """``await bench.start({"x": {"at": "07:30", "actions": OUT}}, "2026-06-01T07:00")``; Monday, in Amsterdam."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.said: list[str] = []
        """When something ran, what it was planned for, and how many it was for: ``Mon 07:30:00 <Mon 07:30 0``."""
        self._offset = 0.0

    @property
    def hub(self) -> Hub:
        return self.house.hub

    async def start(self, schedules: Any, wall: str = "2026-06-01T07:00", **others: Any) -> None:
        """The clock on the wall shows ``wall`` and goes with the loop."""
        self.shows(wall)
        self._follow()
        await self.house.start(_written(schedules, others))
        assert not self.house.edits.problems, "\n".join(map(str, self.house.edits.problems))

    async def edit(self, schedules: Any, **others: Any) -> Any:
        """Write something else and have it applied."""
        return await self.house.apply(_written(schedules, others))

    async def restart(self, wall: str | None = None, schedules: Any = None, **others: Any) -> None:
        """Stop, and start again when the clock shows ``wall``."""
        await self.house.close()
        if wall is not None:
            self.shows(wall)
        if schedules is not None:
            self.house.write(_written(schedules, others))
        self.house = House(self.house.config_dir)
        await self.house.open()
        self._follow()
        await self.house.start()
        await self.settle()

    def shows(self, wall: str) -> None:
        """Set the wall clock."""
        moment = datetime.fromisoformat(wall)
        moment = moment if moment.tzinfo else moment.replace(tzinfo=AMSTERDAM)
        self._offset = moment.timestamp() - asyncio.get_running_loop().time()

    async def until(self, wall: str) -> None:
        """Wait until the wall clock shows that, and half a second."""
        moment = datetime.fromisoformat(wall)
        moment = moment if moment.tzinfo else moment.replace(tzinfo=AMSTERDAM)
        await asyncio.sleep(moment.timestamp() - self.hub.clock.time() + 0.5)
        await self.settle()

    async def settle(self) -> None:
        """Let everything run that does not wait for time."""
        for _ in range(20):
            await asyncio.sleep(0)

    def state(self, name: str = "x") -> State:
        """Of that schedule."""
        found = self.hub.states.get(f"schedule.{name}")
        assert found is not None
        return found

    def shown(self, attribute: str, name: str = "x") -> str | None:
        """A time among the attributes, as the wall clock shows it."""
        when = self.state(name).attributes[attribute]
        return None if when is None else when.strftime("%a %H:%M:%S")

    async def call(self, service: str, name: str = "x", **data: Any) -> Any:
        """Call a service of schedules."""
        wants = service == "get_schedule"
        return await self.hub.services.call(
            "schedule", service, {"entity_id": f"schedule.{name}", **data}, return_response=wants
        )

    def _follow(self) -> None:
        loop = asyncio.get_running_loop()
        self.hub.clock.time = lambda: self._offset + loop.time()
        self.hub.bus.listen("out", self._heard)

    def _heard(self, event: Event) -> None:
        now = self.hub.clock.now().strftime("%a %H:%M:%S")
        self.said.append(f"{now} <{event.data['planned']} {event.data['missed']}")


def _written(schedules: Any, others: dict[str, Any]) -> str:
    return json.dumps({"nanobot": {"time_zone": "Europe/Amsterdam"}, "schedule": schedules, **others}, indent=1)


@pytest.fixture
async def bench(house: House) -> Any:
    """Closed after the test; then nothing waits any more."""
    bench = Bench(house)
    yield bench
    await bench.house.close()
    assert len(bench.hub.alarms) == 0
