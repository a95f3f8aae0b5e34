"""A word of the automation language that starts something: ``trigger.py`` of an integration or of the core."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Protocol

import voluptuous as vol

if TYPE_CHECKING:
    from nanobot.hub.context import Context
    from nanobot.hub.hub import Hub

Detach = Callable[[], None]


class Fire(Protocol):
    """Called by a trigger when it has something: the ``trigger`` variables and the context that caused it."""

    def __call__(self, variables: Mapping[str, Any], context: Context | None = None) -> None: ...


class Trigger(Protocol):
    """The shape of a ``trigger.py``. Stateless: only the bus, the states and the clock."""

    SCHEMA: vol.Schema

    async def attach(self, hub: Hub, config: Mapping[str, Any], fire: Fire) -> Detach:
        """Start watching; the function returned ends it."""
