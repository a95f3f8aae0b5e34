"""Values that must not be seen: types that do not print them, and a scrubber for text that holds them all the same."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterable
from typing import Any, NoReturn
from urllib.parse import quote, quote_plus

MASK = "••••"
SHORTEST = 4
"""A shorter value would take ordinary words out of the log, and is no secret anyway."""


class SecretText(str):
    """What ``!secret`` gives: an ordinary string in use, but not in a ``repr``, and so not inside a printed mapping."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"'{MASK}'"


class Secret:
    """A value that has to be asked for: ``secret.reveal()``. Prints as dots and refuses to become JSON or a pickle."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = str(value)

    def reveal(self) -> str:
        """The value itself; for the one call that needs it."""
        return self._value

    def __bool__(self) -> bool:
        return bool(self._value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash((Secret, self._value))

    def __repr__(self) -> str:
        return f"'{MASK}'"

    def __str__(self) -> str:
        return MASK

    def __copy__(self) -> Secret:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Secret:
        return self

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret is not written anywhere")


def masked(value: Any) -> Any:
    """Every text inside ``value`` as ``SecretText``; mappings and lists are copied."""
    if isinstance(value, str):
        return SecretText(value)
    if isinstance(value, dict):
        return {key: masked(item) for key, item in value.items()}
    if isinstance(value, list):
        return [masked(item) for item in value]
    return value


def texts(value: Any) -> Iterable[str]:
    """Each scalar inside a secret value as the text in which it could appear somewhere."""
    if isinstance(value, dict):
        for item in value.values():
            yield from texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from texts(item)
    elif value is not None and not isinstance(value, bool):
        yield str(value)


def _forms(value: str) -> Iterable[str]:
    """A value as it may stand in a text: as it is, in an address, in JSON, in a ``repr``."""
    return value, quote(value), quote(value, safe=""), quote_plus(value), json.dumps(value)[1:-1], repr(value)[1:-1]


_TOKENS = re.compile(
    r"(?<![A-Za-z0-9_-])(?:sk-[A-Za-z0-9_-]{20,}|gh[pousr]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{40,}"
    r"|glpat-[A-Za-z0-9_-]{20,}|xox[abeprs]-[A-Za-z0-9-]{20,}|AKIA[0-9A-Z]{16}(?![0-9A-Za-z])|AIza[A-Za-z0-9_-]{35}"
    r"|[0-9]{8,10}:AA[A-Za-z0-9_-]{33}|nbs?r?_[A-Za-z0-9_-]{40,})"
)
_IN_TOKENS = ("sk-", "gh", "glpat-", "xox", "AKIA", "AIza", ":AA", "nb")
"""Of each kind of token a part that is found quickly."""
_BEGINNINGS = (
    *("sk-", "ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_", "glpat-", "AKIA", "AIza", "nb_", "nbs_", "nbr_"),
    *(f"xox{kind}-" for kind in "abeprs"),
)
_AT_END = re.compile(r"(?<![A-Za-z0-9_-])[A-Za-z0-9_:-]{1,300}\Z")
_OF_A_BOT = re.compile(r"[0-9]{1,10}(?::.*)?")


def has_token(text: str) -> bool:
    """Whether a text holds what looks like a well-known kind of token."""
    return any(part in text for part in _IN_TOKENS) and _TOKENS.search(text) is not None


def _unsettled(text: str) -> int:
    """Where at the end of a text a token may begin that is not complete; its length when none does."""
    found = _AT_END.search(text, max(0, len(text) - 301))
    if found is None:
        return len(text)
    word = found[0]
    begins = any(one.startswith(word) or word.startswith(one) for one in _BEGINNINGS) or _OF_A_BOT.fullmatch(word)
    return found.start() if begins else len(text)


def _without_tokens(text: str) -> str:
    for part in _IN_TOKENS:
        if part in text:
            return _TOKENS.sub(MASK, text)
    return text


class Scrubber:
    """Replaces known secret values in text, and what looks like a well-known kind of token. May be asked from any
    thread."""

    def __init__(self, values: Iterable[str] = ()) -> None:
        self._lock = threading.Lock()
        self._values: frozenset[str] = frozenset()
        self._pattern: re.Pattern[str] | None = None
        self.add(*values)

    def add(self, *values: str) -> None:
        """Remember values. A value of several lines is hidden line by line as well."""
        parts = {part for value in values for part in (value, *value.splitlines())}
        long = [part for part in map(str.strip, parts) if len(part) >= SHORTEST]
        new = frozenset(form for part in long for form in _forms(part))
        if new <= self._values:
            return
        with self._lock:
            self._values |= new
            longest_first = sorted(self._values, key=len, reverse=True)
            self._pattern = re.compile("|".join(map(re.escape, longest_first)))

    def scrub(self, text: str) -> str:
        """``text`` with dots in place of each known value."""
        pattern = self._pattern
        return _without_tokens(text if pattern is None else pattern.sub(MASK, text))

    def settled(self, text: str) -> int:
        """How many characters of a text that still grows can be scrubbed already: what follows may be the beginning of
        a known value."""
        pattern = self._pattern
        settled = _unsettled(text)
        if pattern is None:
            return settled
        for value in self._values:
            at = text.find(value[0], max(0, len(text) - len(value) + 1))
            while 0 <= at < settled and not value.startswith(text[at:]):
                at = text.find(value[0], at + 1)
            if 0 <= at < settled:
                settled = at
        for found in pattern.finditer(text):
            if found.start() < settled < found.end():
                return found.start()
        return settled


class ScrubbedStream:
    """A text that comes in pieces, without the secrets in it, also those that stand in several pieces: what may be the
    beginning of one is held back until more has come."""

    __slots__ = ("_held", "_scrubber")

    def __init__(self, scrubber: Scrubber) -> None:
        self._scrubber = scrubber
        self._held = ""

    def say(self, text: str) -> str:
        """Take a piece; gives what can be shown now, "" for nothing."""
        text = self._held + text
        settled = self._scrubber.settled(text)
        self._held = text[settled:]
        return self._scrubber.scrub(text[:settled])

    def rest(self) -> str:
        """Nothing more comes; gives what was held back."""
        rest, self._held = self._held, ""
        return self._scrubber.scrub(rest)

    def drop(self) -> None:
        """What was said is void."""
        self._held = ""
