"""Something that runs sequences and can be asked about it: an automation, a script, a schedule."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from nanobot.hub.context import Context


class RunTrace(Protocol):
    """What one run did, or why there was none."""

    run_id: str
    context: Context

    def short(self) -> dict[str, Any]:
        """As ``trace/list`` of Home Assistant's WebSocket API gives it."""

    def full(self) -> dict[str, Any]:
        """As ``trace/get`` gives it."""


class Runnable(ABC):
    """Added with ``entry.add``. ``name`` in the registry is the entity id."""

    domain: str
    item_id: str | None
    """The ``id`` of an automation, the key of a script: what traces are asked for with. None: it has none."""
    entity_id: str

    @property
    @abstractmethod
    def written(self) -> Mapping[str, Any]:
        """The configuration as it stands in the YAML, secrets hidden."""

    @property
    @abstractmethod
    def traces(self) -> Iterable[RunTrace]:
        """The latest, oldest first."""

    @abstractmethod
    async def run(self, variables: Mapping[str, Any], context: Context, *, wait: bool = True) -> Any:
        """Run now, conditions aside; gives the response."""
