"""Which messages an agent answers, where several agents are configured."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

import voluptuous as vol

from nanobot.config import validators as cv

if TYPE_CHECKING:
    from nanobot.contracts.agent import Asked

CJK = "\u2e80"  # the first sign of scripts that put no blanks between words
PLACES = ("channel", "chat", "person")


_GLOBS = vol.All(cv.ensure_list, [vol.All(vol.Any(str, int), str)])
ROUTES = vol.All(
    cv.ensure_list,
    [
        vol.All(
            {
                vol.Optional("channel"): _GLOBS,
                vol.Optional("chat"): _GLOBS,
                vol.Optional("person"): _GLOBS,
                vol.Optional("words"): vol.All(cv.ensure_list, [cv.string]),
            },
            cv.has_at_least_one_key(*PLACES, "words"),
        )
    ],
)


class Routes:
    """A route fits when all that it names does: one of the channels, chats and persons (globs), one of the words."""

    def __init__(self, routes: Sequence[Mapping[str, Any]]) -> None:
        self._routes = [(route, _pattern(route.get("words", ()))) for route in routes]

    def __bool__(self) -> bool:
        return bool(self._routes)

    def fit(self, asked: Asked) -> int:
        """How much the closest route names that fits; 0: none does. What is named more closely counts more."""
        return max((self._fits(route, words, asked) for route, words in self._routes), default=0)

    def _fits(self, route: Mapping[str, Any], words: re.Pattern[str] | None, asked: Asked) -> int:
        named = [name for name in PLACES if name in route]
        for name in named:
            if not any(fnmatchcase(getattr(asked, name), glob) for glob in route[name]):
                return 0
        if words is not None and not words.search(asked.text):
            return 0
        return len(named) + (words is not None)


def _pattern(words: Sequence[str]) -> re.Pattern[str] | None:
    """One of the words, as a word of its own, whatever its case; in scripts without blanks anywhere."""
    if not words:
        return None
    parts = [re.escape(word) if max(word) >= CJK else rf"(?<!\w){re.escape(word)}(?!\w)" for word in words if word]
    return re.compile("|".join(parts), re.IGNORECASE)
