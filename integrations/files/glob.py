"""Patterns of paths: ``*.md``, ``notes/*.md``, ``**/*.md``, ``*.{md,txt}``."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from fnmatch import fnmatchcase

EVERY_DEPTH = "**"
MOST = 64  # patterns that one with alternatives stands for

_ALTERNATIVES = re.compile(r"\{([^{}]*,[^{}]*)\}")


def fitting(pattern: str) -> Callable[[str], bool]:
    """Whether a path fits; a pattern without ``/`` is about the last name in it."""
    several = _written_out(pattern)
    if len(several) > 1:
        all_of_them = [fitting(one) for one in several]
        return lambda path: any(fits(path) for fits in all_of_them)
    if "/" not in pattern:
        return lambda path: fnmatchcase(path.rpartition("/")[2], pattern)
    names = [name for name in pattern.split("/") if name not in ("", ".")]
    return lambda path: _fits(path.split("/"), names)


def _written_out(pattern: str) -> list[str]:
    """The patterns that one with ``{one,other}`` stands for; itself where they are too many."""
    found, done = [pattern], []
    while found:
        one = found.pop()
        if (alternatives := _ALTERNATIVES.search(one)) is None:
            done.append(one)
        else:
            before, after = one[: alternatives.start()], one[alternatives.end() :]
            found += [f"{before}{part}{after}" for part in alternatives[1].split(",")]
        if len(found) + len(done) > MOST:
            return [pattern]
    return done


def _fits(path: Sequence[str], pattern: Sequence[str]) -> bool:
    """Name by name; takes time in proportion to both, whatever the pattern."""
    reached = {0}  # how much of the path the pattern so far may have taken
    for name in pattern:
        if name == EVERY_DEPTH:
            reached = set(range(min(reached), len(path) + 1)) if reached else reached
        else:
            reached = {place + 1 for place in reached if place < len(path) and fnmatchcase(path[place], name)}
    return len(path) in reached
