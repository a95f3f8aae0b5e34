"""The health of a model as an entity: ``sensor.model_<name>``."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

from nanobot.contracts.entity import Entity
from nanobot.contracts.model import Model
from nanobot.hub.entry import Entry
from nanobot.util.text import slugify

from .health import Condition, Health

REST = 10.0  # s between two writes of numbers; another condition is written at once


class ModelSensor(Entity):
    """Its state is a ``Condition``. Added to the part of the entry that brings the model."""

    icon = "mdi:brain"

    def __init__(self, part: Entry, model: Model, health: Health) -> None:
        self.entity_id = _free_id(part, f"sensor.model_{slugify(model.name)}")
        self.name = model.name
        self._part = part
        self._model = model
        self._health = health
        self._written: tuple[str, float] = ("", 0.0)
        self._later: Callable[[], None] | None = None
        health.changed = self._note

    @property
    def state(self) -> str:
        return self._health.condition.value

    @property
    def attributes(self) -> Mapping[str, Any]:
        health, model = self._health, self._model
        return {
            "device_class": "enum",
            "options": [condition.value for condition in Condition],
            "requests": health.requests,
            "latency": _rounded(health.latency),
            "first_piece": _rounded(health.first_piece),
            "last_error": health.last_error or None,
            "retry_at": health.retry_time(),
            "context_window": model.context_window,
            "vision": model.sees,
        }

    def _note(self) -> None:
        """A request has ended: at most one state in some seconds, lest busy models fill the history."""
        now = asyncio.get_running_loop().time()
        state, at = self._written
        if state != self.state or now >= at + REST:
            self._written = (self.state, now)
            self.changed()
        elif self._later is None:
            self._later = self._part.call_later(at + REST - now, self._catch_up)

    def _catch_up(self) -> None:
        self._later = None
        self._written = (self.state, asyncio.get_running_loop().time())
        self.changed()


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 3)


def _free_id(part: Entry, wanted: str) -> str:
    """Names of models may differ in what an entity id cannot show."""
    found, number = wanted, 1
    while not part.hub.entities.is_free(found):
        number += 1
        found = f"{wanted}_{number}"
    return found
