"""The variables of a run: what a branch may see, and where an assignment goes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class Scope:
    """A variable is set where it was defined, else for the whole run. An inner scope keeps its own to itself:
    ``repeat`` within its rounds, ``wait`` within its branch of a ``parallel`` (``own``, whether it is set or not)."""

    __slots__ = ("own", "parent", "values")

    def __init__(self, values: dict[str, Any], parent: Scope | None = None, own: str | None = None) -> None:
        self.values = values
        self.parent = parent
        self.own = own

    def flat(self) -> dict[str, Any]:
        """All that can be seen. Not to be changed."""
        if self.parent is None:
            return self.values
        return {**self.parent.flat(), **self.values}

    def get(self, name: str) -> Any:
        """The value of a variable. Raises ``KeyError``."""
        scope: Scope | None = self
        while scope is not None:
            if name in scope.values:
                return scope.values[name]
            scope = scope.parent
        raise KeyError(name)

    def assign(self, name: str, value: Any) -> None:
        """Set a variable."""
        scope = self
        while scope.parent is not None and name not in scope.values and name != scope.own:
            scope = scope.parent
        scope.values[name] = value

    def inner(self, values: Mapping[str, Any], own: str | None = None) -> Scope:
        """A scope within this one, with variables of its own."""
        return Scope(dict(values), self, own)
