"""One script as it stands in the YAML: understood, or with what is wrong with it."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Any

import voluptuous as vol

from nanobot.config import validators as cv
from nanobot.util.text import slugify

from .schema import SCRIPT

RESERVED = ("reload", "toggle", "turn_off", "turn_on")


@dataclass(frozen=True, slots=True)
class Item:
    """``config`` is None when ``error`` is not."""

    key: str
    raw: Any
    config: Mapping[str, Any] | None
    error: str | None = None

    @property
    def name(self) -> str:
        """What people call it."""
        alias = self.raw.get("alias") if isinstance(self.raw, Mapping) else None
        return str(alias) if alias else self.key

    def same_as(self, other: Item) -> bool:
        """Nobody has to notice when this takes the place of the other."""
        return bool(self.raw == other.raw and self.error == other.error)


class Items(cv.Items):
    """All scripts by key. A wrong one stays in it, with its error, so that it can be shown."""

    def __init__(self) -> None:
        super().__init__(SCRIPT)

    def one(self, key: Hashable, item: Any) -> Item:
        if key in RESERVED:
            raise vol.Invalid(f"'{key}' is the name of a service of all scripts; call this one something else")
        return Item(str(key), item, super().one(key, item))

    def stand_in(self, key: Hashable, item: Any, error: str) -> Item | None:
        """What takes the place of an item that ``one`` refuses; None where not even its name can be one."""
        text = str(key)
        usable = isinstance(key, str) and key not in RESERVED and slugify(text) == text
        return Item(text, item, None, error) if usable else None
