"""Items of the configuration by id: automations, scripts, scenes, helpers, read from and written into somebody's YAML.

``hub.config_items`` offers it to integrations. An item of a list is known by its ``id``, one of a mapping by its key.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nanobot.errors import NanobotError


class ItemMissing(NanobotError):
    """There is no such item, or no domain that has items."""


class ItemInvalid(NanobotError):
    """What was sent is wrong. ``problems`` are sentences."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = tuple(problems)


class ItemConflict(NanobotError):
    """It is not what it was when it was read, or stands where it cannot be edited. Nothing was written."""


class ItemChanged(ItemConflict):
    """The version that the caller knows is not the one on disk."""


@dataclass(frozen=True, slots=True)
class ConfigItem:
    """``value`` is the item as written: in plain JSON, with ``!secret name`` where a secret stands.

    ``version`` changes with each change of its text. ``file`` is relative to the configuration folder, ``line`` from 1.
    """

    value: Any
    version: str
    file: str
    line: int


class ConfigItems(ABC):
    """Each of these reads the disk. ``version``: only if that is the version on disk; "" stands for: there is none."""

    @abstractmethod
    async def get(self, domain: str, item_id: str) -> ConfigItem:
        """One item. Raises ``ItemMissing``, ``ItemConflict``."""

    @abstractmethod
    async def put(self, domain: str, item_id: str, value: Any, *, version: str | None = None) -> ConfigItem:
        """Write an item, a new one behind the others, and return when it is applied.

        Raises ``ItemInvalid``, ``ItemConflict``, and ``ItemMissing`` for a domain without items.
        """

    @abstractmethod
    async def delete(self, domain: str, item_id: str, *, version: str | None = None) -> None:
        """Take an item out of its file and return when that is applied. Raises ``ItemMissing``, ``ItemConflict``."""

    @abstractmethod
    async def made(self, domain: str) -> Mapping[str, Any]:
        """The items of a domain that were made with ``put_made``, by key."""

    @abstractmethod
    async def put_made(self, domain: str, value: Mapping[str, Any], *, key: str | None = None) -> str:
        """Change the made item ``key``, or without one make an item, named after the ``name`` in ``value``.

        Gives back its key. They have a file of their own. Raises ``ItemInvalid``, ``ItemConflict``, ``ItemMissing``.
        """

    @abstractmethod
    async def delete_made(self, domain: str, key: str) -> None:
        """Take out an item that was made. Raises ``ItemMissing``, ``ItemConflict``."""
