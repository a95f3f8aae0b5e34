"""A mirrored entity: a thing that lives in another system and is only shown here.

What lives here comes first: another entity may take its id at any time. Services of its domain that are nanobot's own
pass a call on to it instead of acting themselves.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING

from nanobot.contracts.entity import Entity

if TYPE_CHECKING:
    from nanobot.contracts.service import ServiceCall


class Mirrored(Entity):
    """Added with ``entry.add``, like any entity."""

    untrusted = True

    @abstractmethod
    async def serve(self, call: ServiceCall) -> None:
        """Have ``call`` done to it where it lives. Raises ``ServiceError``."""

    @abstractmethod
    def ousted(self) -> None:
        """Another entity took its id; it is in the hub no more."""
