"""Patterns of paths: ``*.md``, ``notes/*.md``, ``**/*.md``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fnmatch import fnmatchcase

EVERY_DEPTH = "**"


def fitting(pattern: str) -> Callable[[str], bool]:
    """Whether a path fits; a pattern without ``/`` is about the last name in it."""
    if "/" not in pattern:
        return lambda path: fnmatchcase(path.rpartition("/")[2], pattern)
    names = [name for name in pattern.split("/") if name not in ("", ".")]
    return lambda path: _fits(path.split("/"), names)


def _fits(path: Sequence[str], pattern: Sequence[str]) -> bool:
    """Name by name; takes time in proportion to both, whatever the pattern."""
    reached = {0}  # how much of the path the pattern so far may have taken
    for name in pattern:
        if name == EVERY_DEPTH:
            reached = set(range(min(reached), len(path) + 1)) if reached else reached
        else:
            reached = {place + 1 for place in reached if place < len(path) and fnmatchcase(path[place], name)}
    return len(path) in reached
