"""A word of the automation language that decides: ``condition.py`` of an integration or of the core."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

import voluptuous as vol

if TYPE_CHECKING:
    from nanobot.hub.hub import Hub


class Condition(Protocol):
    """The shape of a ``condition.py``."""

    SCHEMA: vol.Schema

    def check(self, hub: Hub, config: Mapping[str, Any], variables: Mapping[str, Any]) -> bool:
        """Raises ``ConfigError`` when it cannot be decided (an entity that does not exist)."""
