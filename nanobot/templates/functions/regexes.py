"""Regular expressions in templates: does it match, where, and what instead."""

from __future__ import annotations

import re
from typing import Any

from nanobot.templates.functions.arguments import Functions, text_of
from nanobot.templates.functions.patterns import Pattern, run
from nanobot.templates.limits import MAX_TEXT, check_items, check_length
from nanobot.util.text import shorten

_LONGEST_REPLACEMENT = 4096  # characters


def regex_match(value: Any, find: str = "", ignorecase: bool = False) -> bool:
    """Whether the text begins with it."""
    found: bool = run(_begins, "regex_match", value, find, ignorecase)
    return found


def regex_search(value: Any, find: str = "", ignorecase: bool = False) -> bool:
    """Whether it is anywhere in the text."""
    found: bool = run(_is_in, "regex_search", value, find, ignorecase)
    return found


def regex_replace(value: Any = "", find: str = "", replace: str = "", ignorecase: bool = False) -> str:
    r"""Each place replaced; ``\1`` in ``replace`` stands for the first group."""
    by = text_of("regex_replace", replace, _LONGEST_REPLACEMENT)
    replaced: str = run(_replaced, "regex_replace", value, find, ignorecase, by)
    return replaced


def regex_findall(value: Any, find: str = "", ignorecase: bool = False) -> list[Any]:
    """All places as texts; the one group instead where there is one, a tuple of them where there are several."""
    found: list[Any] = run(_found, "regex_findall", value, find, ignorecase)
    return found


def regex_findall_index(value: Any, find: str = "", index: int = 0, ignorecase: bool = False) -> Any:
    """Raises IndexError when there are not so many."""
    return regex_findall(value, find, ignorecase)[index]


def _begins(pattern: Pattern, text: str) -> bool:
    return pattern.compiled.match(text) is not None


def _is_in(pattern: Pattern, text: str) -> bool:
    if pattern.is_stepped_in(text):
        return next(pattern.matches(text), None) is not None
    return pattern.compiled.search(text) is not None


def _found(pattern: Pattern, text: str) -> list[Any]:
    groups = pattern.compiled.groups
    found: list[Any] = []
    for match in pattern.matches(text):
        found.append(match.group(groups) or "" if groups <= 1 else match.groups(""))
        check_items(len(found) * max(1, groups))
    return found


def _replaced(pattern: Pattern, text: str, by: str) -> str:
    try:
        if (len(text) + 1) * (len(by) + 1) <= MAX_TEXT and not pattern.shape.looks and not pattern.is_stepped_in(text):
            return pattern.compiled.sub(by, text)
        return _replaced_one_by_one(pattern, text, by)
    except re.error as error:
        raise ValueError(f"{shorten(by)} cannot be put in the place of what was found: {error}") from None


def _replaced_one_by_one(pattern: Pattern, text: str, by: str) -> str:
    pieces: list[str] = []
    end = length = 0
    for match in pattern.matches(text):
        pieces += (text[end : match.start()], match.expand(by) if "\\" in by else by)
        length += len(pieces[-2]) + len(pieces[-1])
        check_length(length)
        end = match.end()
    return "".join(pieces) + text[end:]


GLOBALS: Functions = {}
FILTERS: Functions = {
    "regex_findall": regex_findall,
    "regex_findall_index": regex_findall_index,
    "regex_match": regex_match,
    "regex_replace": regex_replace,
    "regex_search": regex_search,
}
TESTS: Functions = {"match": regex_match, "search": regex_search}
