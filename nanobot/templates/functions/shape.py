"""How long a regular expression may take, read from its parsed form."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from re import _constants as sre  # type: ignore[attr-defined]  # the parsed form is not public, and the same since 3.7
from re import _parser  # type: ignore[attr-defined]
from typing import Any

_REPEATS = {sre.MAX_REPEAT, sre.MIN_REPEAT}
_LOOKS = {sre.ASSERT, sre.ASSERT_NOT}


@dataclass(frozen=True, slots=True)
class Shape:
    choices: int
    """Repetitions of undecided length, and alternatives: each of them multiplies the ways to match."""
    nested: bool
    """Choices inside of a repetition: the time may double with each character."""
    looks: bool
    """It looks ahead or behind: a group in there may catch the rest of the text at each place."""
    only_looks: bool
    """It may match nothing at all, and look through the whole text for that at each place."""
    may_be_stepped: bool
    """Trying it at each place in turn finds what a search finds, and a search may be slow."""
    prefix: str
    """What a match begins with, as far as that is known."""


def shape_of(pattern: re.Pattern[str]) -> Shape:
    """Raises RecursionError for a pattern of too many groups in one another."""
    tree = _parser.parse(pattern.pattern, pattern.flags & re.IGNORECASE)
    seen = _Seen()
    seen.walk(tree, repeated=False)
    least = tree.getwidth()[0]
    anchored = bool(tree) and tree[0][0] is sre.AT and not pattern.flags & re.MULTILINE
    return Shape(
        choices=seen.choices,
        nested=seen.nested,
        looks=seen.looks,
        only_looks=seen.looks and least == 0 and seen.choices > 0,
        may_be_stepped=least > 0 and not anchored and not _is_linear(tree, seen),
        prefix="" if pattern.flags & re.IGNORECASE else "".join(_prefix(tree)),
    )


class _Seen:
    def __init__(self) -> None:
        self.choices = 0
        self.nested = False
        self.looks = False

    def walk(self, tree: Any, *, repeated: bool) -> None:
        for kind, value in tree:
            repeats = kind in _REPEATS or kind is sre.POSSESSIVE_REPEAT
            if kind is sre.BRANCH or (repeats and value[1] > value[0]):
                self.choices += 1
                self.nested |= repeated
            self.looks |= kind in _LOOKS
            for part in _parts(value):
                self.walk(part, repeated=repeated or (repeats and value[1] > 1))


def _parts(value: Any) -> Iterator[Any]:
    """The trees inside of one element, whichever it is."""
    if isinstance(value, _parser.SubPattern):
        yield value
    elif isinstance(value, (tuple, list)):
        for item in value:
            yield from _parts(item)


def _is_linear(tree: Any, seen: _Seen) -> bool:
    """Whether at most its end is undecided, as in ``[0-9]+``: nothing that comes later can take anything back."""
    return seen.choices == 0 or (seen.choices == 1 and not seen.looks and tree[-1][0] in _REPEATS)


def _prefix(tree: Any) -> Iterator[str]:
    for kind, value in tree:
        if kind is not sre.LITERAL:
            return
        yield chr(value)
