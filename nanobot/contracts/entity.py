"""An entity: a thing with a state that an integration keeps up to date.

Small helpers may call ``entry.set_state`` directly; an ``Entity`` is for things that
have services acting on them, keep their value over a restart, or live in numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nanobot.hub.context import Context

UNKNOWN = "unknown"
UNAVAILABLE = "unavailable"


class Entity:
    """A thing with a state. Subclasses set the attributes and call ``changed()`` when something has.

    Added with ``entry.add(entity)``: the hub then writes its state, and removes it when the entry (or part)
    that added it is unloaded.
    """

    entity_id: str
    name: str | None = None
    icon: str | None = None
    available: bool = True
    untrusted: bool = False
    """Whether its state holds words of strangers."""

    _write: Callable[[Entity, Context | None], None] | None = None

    @property
    def state(self) -> str:
        """At most 255 characters."""
        raise NotImplementedError

    @property
    def attributes(self) -> Mapping[str, Any]:
        """Besides friendly_name and icon, which come from ``name`` and ``icon``."""
        return {}

    def changed(self, context: Context | None = None) -> None:
        """Write state and attributes to the hub. Does nothing before the entity is added or after it is gone."""
        if self._write is not None:
            self._write(self, context)

    async def added(self) -> None:
        """Called once after the entity was added: the place to restore what a restart must not lose."""
