"""One automation as it stands in the YAML: understood, or with what is wrong with it."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import voluptuous as vol

from nanobot.automation import schema
from nanobot.config import validators as cv


@dataclass(frozen=True, slots=True)
class Item:
    """``key`` is what it is known by from edit to edit. ``config`` is None when ``error`` is not."""

    key: str
    raw: Any
    id: str | None
    name: str
    config: Mapping[str, Any] | None
    error: str | None = None

    def same_as(self, other: Item) -> bool:
        """Nobody has to notice when this takes the place of the other."""
        return self.raw == other.raw and self.name == other.name and self.error == other.error


class Items(cv.Items):
    """The list of all automations. A wrong one stays in it, with its error, so that it can be shown."""

    def __init__(self) -> None:
        super().__init__(schema.AUTOMATION, by="index")

    def one(self, key: Hashable, item: Any) -> Item:
        if isinstance(key, tuple) and isinstance(item, Mapping) and item.get("id") is not None:
            raise vol.Invalid(f"the id '{key[0]}' belongs to an automation above; give this one another", ["id"])
        return _item(key, item, config=super().one(key, item))

    def stand_in(self, key: Hashable, item: Any, error: str) -> Item:
        """What takes the place of an item that ``one`` refuses."""
        return _item(key, item, error=error)

    def whole(self, pairs: list[tuple[Hashable, Any]]) -> list[Item]:
        """Those without an alias are called after their place in the list, as in Home Assistant."""
        return [
            item if item.name else replace(item, name=f"automation {place}") for place, (_, item) in enumerate(pairs)
        ]


def _item(key: Hashable, raw: Any, config: Mapping[str, Any] | None = None, error: str | None = None) -> Item:
    given = raw if isinstance(raw, Mapping) else {}
    known_as = f"{key[0]} {key[1]}" if isinstance(key, tuple) else f"#{key}" if isinstance(key, int) else str(key)
    given_id, alias = given.get("id"), given.get("alias")
    return Item(
        key=known_as,
        raw=raw,
        id=str(given_id) if isinstance(given_id, (str, int)) else None,
        name=str(alias) if isinstance(alias, (str, int)) else "",
        config=config,
        error=error,
    )
