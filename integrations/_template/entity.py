"""The number as an entity."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nanobot.contracts.entity import Entity
from nanobot.hub.context import Context
from nanobot.util.text import slugify


class Number(Entity):
    """``sensor.<entry id>``: the last number that was read."""

    def __init__(self, entry_id: str, config: Mapping[str, Any], value: float) -> None:
        self.entity_id = f"sensor.{slugify(entry_id)}"
        self.value = value
        self.take(config)

    def take(self, config: Mapping[str, Any]) -> None:
        """Take over a configuration."""
        self.name = config.get("name") or config["file"]

    def becomes(self, value: float, context: Context | None = None) -> None:
        """Show another value; the same one again is no change."""
        self.value = value
        self.changed(context)

    @property
    def state(self) -> str:
        return str(self.value)
