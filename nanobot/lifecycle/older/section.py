"""A mapping of the older configuration, whose keys are written ``likeThis`` or ``like_this``."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from .note import Notes

_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def snake(name: str) -> str:
    """``allowFrom`` is ``allow_from``."""
    return _HUMP.sub("_", name).replace("-", "_").lower()


class Section:
    """Remembers what was asked for, so that what nobody understood can be told. Keys are asked for in ``snake_case``.

    What has another type than it should is told, and counts as not there.
    """

    def __init__(self, data: Any, where: str, notes: Notes) -> None:
        self.where = where
        self._notes = notes
        self._names: dict[str, str] = {}
        self._data: dict[str, Any] = {}
        if data is not None and not isinstance(data, dict):
            notes.add("wrong_type", where=where)
            data = None
        for name, value in (data or {}).items():
            self._names.setdefault(snake(name), name)
            self._data.setdefault(snake(name), value)
        self._left = set(self._data)

    def __bool__(self) -> bool:
        return bool(self._data)

    def __contains__(self, name: str) -> bool:
        return self._data.get(name) not in (None, "")

    def take(self, name: str) -> Any:
        """Whatever stands there."""
        self._left.discard(name)
        return self._data.get(name)

    def text(self, name: str) -> str | None:
        """A text or a number; None for an empty one."""
        value = self.take(name)
        if isinstance(value, str | int | float) and not isinstance(value, bool):
            return str(value).strip() or None
        self._wrong(name, value)
        return None

    def number(self, name: str, least: float, most: float) -> int | float | None:
        """A number within a range; whole ones stay whole."""
        value = self.take(name)
        if isinstance(value, int | float) and not isinstance(value, bool) and least <= value <= most:
            return int(value) if value == int(value) else value
        self._wrong(name, value)
        return None

    def whole(self, name: str, least: int, most: int) -> int | None:
        """A whole number within a range."""
        value = self.number(name, least, most)
        return None if value is None else int(value)

    def flag(self, name: str, default: bool) -> bool:
        """True or false."""
        value = self.take(name)
        return value if isinstance(value, bool) else default

    def texts(self, name: str) -> list[str]:
        """A list of texts and numbers."""
        value = self.take(name)
        if isinstance(value, list):
            return [str(one) for one in value if isinstance(one, str | int) and not isinstance(one, bool)]
        self._wrong(name, value)
        return []

    def section(self, name: str) -> Section:
        """A mapping in it; an empty one where there is none."""
        return Section(self.take(name), f"{self.where}.{self._names.get(name, name)}".lstrip("."), self._notes)

    def sections(self, names: Iterable[str] = ()) -> dict[str, Section]:
        """All mappings in it, by the names that they have there; ``names``: only these."""
        found = {}
        for name, value in self._data.items():
            if isinstance(value, dict) and (not names or name in names):
                found[self._names[name]] = self.section(name)
        return found

    def ignore(self, *names: str) -> None:
        """What means nothing here, and nobody misses."""
        self._left.difference_update(names)

    def tell_rest(self) -> None:
        """Tell what is set, and was not asked for."""
        rest = [self._names[name] for name in self._data if name in self._left and self._data[name]]
        if rest:
            self._notes.add("no_counterpart", where=self.where, names=", ".join(rest))

    def _wrong(self, name: str, value: Any) -> None:
        if value is not None and value != "":
            self._notes.add("wrong_type", where=f"{self.where}.{self._names.get(name, name)}".lstrip("."))
