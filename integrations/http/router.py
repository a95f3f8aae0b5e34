"""Finds the view for a path. Follows the hub's registry live: views come and go while the server runs."""

from __future__ import annotations

import re
from collections.abc import Iterable

from nanobot.contracts.view import View

_PART = re.compile(r"\{(\w+)(?::([^{}]+))?\}")

MOST_KEPT = 512
LONGEST_KEPT = 128
"""Characters of a path whose view is remembered."""


class Router:
    """Exact paths by dictionary, patterns by a list in which the more particular come first."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, str], tuple[View, dict[str, str]]] = {}
        self._exact: dict[str, dict[str, View]] = {}
        self._patterns: list[tuple[str, re.Pattern[str], dict[str, View]]] = []

    def fill(self, views: Iterable[View]) -> None:
        """Take these views instead of those before."""
        exact: dict[str, dict[str, View]] = {}
        patterns: dict[str, dict[str, View]] = {}
        for view in views:
            (patterns if "{" in view.path else exact).setdefault(view.path, {})[view.method.upper()] = view
        self._found.clear()
        self._exact = exact
        self._patterns = [
            (path[: path.index("{")], _compiled(path), patterns[path]) for path in sorted(patterns, key=_particular)
        ]

    def find(self, method: str, path: str) -> tuple[View | None, dict[str, str]]:
        """The view, and what its pattern matched, which nobody may change."""
        key = method, path
        known = self._found.get(key)
        if known is not None:
            return known
        methods, values = self._at(path)
        if methods is None:
            return None, {}
        view = methods.get(method) or (methods.get("GET") if method == "HEAD" else None) or methods.get("*")
        if view is not None and len(path) <= LONGEST_KEPT:
            if len(self._found) >= MOST_KEPT:
                self._found.clear()
            self._found[key] = view, values
        return view, values

    def methods(self, path: str) -> list[str]:
        """The methods that the path knows."""
        return sorted(self._at(path)[0] or ())

    def _at(self, path: str) -> tuple[dict[str, View] | None, dict[str, str]]:
        found = self._exact.get(path)
        if found is not None:
            return found, {}
        for start, pattern, methods in self._patterns:
            if path.startswith(start) and (match := pattern.fullmatch(path)):
                return methods, match.groupdict()
        return None, {}


def _compiled(path: str) -> re.Pattern[str]:
    regex, end = "", 0
    for part in _PART.finditer(path):
        regex += re.escape(path[end : part.start()]) + f"(?P<{part[1]}>{part[2] or '[^/]+'})"
        end = part.end()
    return re.compile(regex + re.escape(path[end:]), re.DOTALL)


def _particular(path: str) -> tuple[bool, int, str]:
    """Sorts: without a rest (``.*``) first, then by the length of what stands before the first ``{``."""
    return ".*}" in path, -path.index("{"), path
