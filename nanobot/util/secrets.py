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


class Scrubber:
    """Replaces known secret values in text. May be asked from any thread; costs nothing while it knows none."""

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
        return text if pattern is None else pattern.sub(MASK, text)

    def settled(self, text: str) -> int:
        """How many characters of a text that still grows can be scrubbed already: what follows may be the beginning of
        a known value."""
        pattern = self._pattern
        if pattern is None:
            return len(text)
        settled = len(text)
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
