"""A word of the automation language that decides: ``condition.py`` of an integration or of the core."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

import voluptuous as vol

if TYPE_CHECKING:
    from nanobot.hub.hub import Hub


class Case(Protocol):
    """What a condition is asked about."""

    hub: Hub
    variables: Mapping[str, Any]

    def tell(self, **found: Any) -> None:
        """Leave in the trace what the condition saw: ``tell(state="on", wanted="off")``. Free where nobody traces."""


class Condition(Protocol):
    """The shape of a ``condition.py``."""

    SCHEMA: vol.Schema

    def check(self, config: Mapping[str, Any], case: Case) -> bool:
        """Raises ``ConditionError`` when it cannot be decided (an entity that does not exist)."""
