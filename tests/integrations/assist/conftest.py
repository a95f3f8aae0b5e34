"""A small home in each language, and the table walk that all languages share."""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

import pytest

from nanobot.contracts.service import Service, ServiceCall
from nanobot.hub.entry import Entry
from nanobot.testing.chat import Chat
from nanobot.testing.plugin import House

NOW = "2026-06-01T10:00:00+02:00"  # a Monday

NAMES: dict[str, list[str]] = {
    "en": ["Coffee machine", "Temperature target", "House mode", "Note", "Cups", "Tea", "Good night", "Outside"],
    "de": ["Kaffeemaschine", "Zieltemperatur", "Hausmodus", "Notiz", "Tassen", "Tee", "Gute Nacht", "Draußen"],
    "fr": ["Machine à café", "Température cible", "Mode maison", "Note", "Tasses", "Thé", "Bonne nuit", "Dehors"],
    "es": ["Cafetera", "Temperatura objetivo", "Modo casa", "Nota", "Tazas", "Té", "Buenas noches", "Fuera"],
    "zh": ["咖啡机", "目标温度", "房屋模式", "便签", "杯数", "茶", "晚安", "室外"],
}

Says = Callable[[str], Awaitable[str | None]]


class Home:
    """The house of these tests, its chat, and what its script was called with."""

    def __init__(self, house: House, chat: Chat) -> None:
        self.house = house
        self.hub = house.hub
        self.chat = chat
        self.calls: list[tuple[str, dict[str, Any]]] = []

    async def begin(self, language: str = "en", assist: Any = None, **more: Any) -> None:
        coffee, target, mode, note, cups, tea, night, outside = NAMES.get(language, NAMES["en"])
        config = {
            "nanobot": {"language": language, "time_zone": "Europe/Berlin"},
            "input_boolean": {"coffee": {"name": coffee}},
            "input_number": {"target": {"name": target, "min": 5, "max": 30, "step": 0.5, "initial": 20,
                                        "unit_of_measurement": "°C"}},
            "input_select": {"mode": {"name": mode, "options": ["Home", "Away", "Eco"]}},
            "input_text": {"note": {"name": note, "initial": "hi"}},
            "counter": {"cups": {"name": cups, "initial": 3}},
            "timer": {"tea": {"name": tea, "duration": "00:04:00"}},
            "assist": assist,
            **more,
        }  # fmt: skip
        await self.house.start(json.dumps(config))
        helpers = Entry(self.hub, "helpers", "script", {})
        helpers.set_state("script.good_night", "off", {"friendly_name": night})
        helpers.set_state("sensor.outside", "11.5", {"friendly_name": outside, "unit_of_measurement": "°C"})
        helpers.add(Service("script", "turn_on", self._called))
        self.helpers = helpers

    def _called(self, call: ServiceCall) -> None:
        self.calls.append((f"{call.domain}.{call.service}", dict(call.data)))

    async def says(self, text: str, **more: Any) -> str:
        """Type a message and give back the answer."""
        return await self.chat.types(text, **more) or ""

    def state(self, entity_id: str) -> str | None:
        """A state, None for none."""
        found = self.hub.states.get(entity_id)
        return found.state if found else None

    async def walk(self, table: list[tuple[Any, ...]]) -> None:
        """Each row: what is said, the answer (a pattern), and perhaps states that must be so afterwards."""
        for said, answer, *states in table:
            heard = await self.says(said)
            assert re.fullmatch(answer, heard, re.DOTALL), f"{said!r} was answered {heard!r}, not {answer!r}"
            for wanted in states:
                for entity_id, state in wanted.items():
                    assert self.state(entity_id) == state, f"after {said!r}: {entity_id} is {self.state(entity_id)}"


@pytest.fixture
async def home(house: House, chat: Chat) -> Any:
    """At ten o'clock on a Monday in June, in Berlin. The clock stands still: a busy machine changes no answer."""
    now = datetime.fromisoformat(NOW).timestamp()
    house.hub.clock.time = lambda: now
    home = Home(house, chat)
    yield home
    if hasattr(home, "helpers"):
        await home.helpers.release()
