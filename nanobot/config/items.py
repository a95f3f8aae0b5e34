"""Configurations that are many of a kind: one bad item is left out and the others live."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any, Literal

import voluptuous as vol

from nanobot.config.quick import quick
from nanobot.config.wrong import Wrong, expected
from nanobot.util.text import shorten, slugify

Pairs = list[tuple[Hashable, Any]]


class Items:
    """``CONFIG_SCHEMA = cv.Items({…})``: a mapping of names to items, or with ``by="index"`` a list of them.

    ``item`` is the schema of one item; an empty one counts as ``{}``. The names must be slugs unless ``any_name``.
    Called as a plain validator it refuses the whole; ``check`` asks it item by item instead.
    """

    def __init__(self, item: Any, *, by: Literal["key", "index"] = "key", any_name: bool = False) -> None:
        self.item = item if isinstance(item, vol.Schema) else vol.Schema(item)
        self._check = quick(self.item)
        self.by = by
        self.any_name = any_name

    def __call__(self, value: Any) -> Any:
        good: Pairs = []
        errors: list[vol.Invalid] = []
        for step, (key, item) in zip(self.steps(value), self.pairs(value), strict=True):
            try:
                good.append((key, self.one(key, item)))
            except vol.Invalid as error:
                error.prepend([step])
                errors += error.errors if isinstance(error, vol.MultipleInvalid) else [error]
        if errors:
            raise vol.MultipleInvalid(errors)
        return self.whole(good)

    def one(self, key: Hashable, item: Any) -> Any:
        """Validate one item."""
        if self.by == "key" and not self.any_name and (not isinstance(key, str) or slugify(key) != key):
            raise Wrong("not_a_slug", value=shorten(key), nearest=slugify(str(key)))
        return self._check({} if item is None else item)

    def stand_in(self, key: Hashable, item: Any, error: str) -> Any:
        """What takes the place of an item that is wrong; None, as here, leaves it out and its last good version in
        use. Who shows wrong items, and keeps the good version itself, gives something else."""
        return None

    def pairs(self, value: Any) -> Pairs:
        """The items, each with what it is known by from edit to edit: its name, or in a list its id or alias."""
        if self.by == "key":
            if value is None:
                return []
            if not isinstance(value, dict):
                raise expected("mapping", value)
            return list(value.items())
        pairs: Pairs = []
        seen: dict[Hashable, int] = {}
        for index, item in enumerate(self._list(value)):
            name = name_of(item)
            key: Hashable = index if name is None else name
            seen[key] = seen.get(key, 0) + 1
            pairs.append((key if seen[key] == 1 else (key, seen[key]), item))
        return pairs

    def steps(self, value: Any) -> list[Any]:
        """The last step of each item's path, in the order of ``pairs``."""
        return list(value or ()) if self.by == "key" else list(range(len(self._list(value))))

    def whole(self, pairs: Pairs) -> Any:
        """Items put together again."""
        return dict(pairs) if self.by == "key" else [item for _, item in pairs]

    def _list(self, value: Any) -> list[Any]:
        if value is None or value == {}:
            return []
        if isinstance(value, dict):
            return [value]
        if not isinstance(value, list):
            raise expected("list", value)
        return value


def name_of(item: Any) -> str | None:
    """What a person calls an item of a list."""
    if isinstance(item, dict):
        for key in ("id", "alias", "name"):
            name = item.get(key)
            if isinstance(name, (str, int)) and not isinstance(name, bool) and str(name):
                return str(name)
    return None


def title_of(item: Any) -> str | None:
    """As ``name_of``, but the words rather than the id."""
    if isinstance(item, dict):
        for key in ("alias", "name", "id"):
            if isinstance(item.get(key), str) and item[key]:
                return str(item[key])
    return None


def items_of(schema: Any) -> Items | None:
    """The ``Items`` that a schema consists of, if it does."""
    while isinstance(schema, vol.Schema):
        schema = schema.schema
    return schema if isinstance(schema, Items) else None
