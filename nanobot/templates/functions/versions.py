"""Versions in templates, compared by what they mean: 2025.10 is newer than 2025.9, and 1.0b2 older than 1.0."""

from __future__ import annotations

import re
from functools import cached_property, lru_cache, partial
from typing import Any, Final

from nanobot.templates.functions.arguments import Functions, text_of
from nanobot.templates.sandbox import READERS
from nanobot.util.text import shorten

_LONGEST: Final = 200  # characters
_FORM = re.compile(
    r"[vV]?(?P<numbers>\d+(?:\.\d+)*)"
    r"(?:[-_.]?(?P<word>[a-zA-Z]+)[-_.]?(?P<count>\d*)(?P<rest>(?:\.[0-9A-Za-z]+)*))?(?:\+[0-9A-Za-z.-]+)?"
)
_WORDS = {"dev": 0, "d": 0, "a": 1, "alpha": 1, "b": 2, "beta": 2, "c": 3, "rc": 3, "pre": 3, "preview": 3}
_RELEASED = 4
_CHANNELS = {"stable": 0, "latest": 0, "beta": 1, "dev": 2}
"""Tags of container images stand for something newer than any number."""

_Key = tuple[tuple[int, ...], tuple[int, int]]


class Version(str):
    """A text that is compared as a version, with other versions and with texts."""

    @cached_property
    def _found(self) -> re.Match[str] | None:
        return _FORM.fullmatch(self)

    @cached_property
    def key(self) -> _Key | None:
        if str(self) in _CHANNELS:
            return (1, _CHANNELS[str(self)]), (0, 0)
        if self._found is None or (word := (self._found["word"] or "").lower()) not in {"", *_WORDS}:
            return None
        numbers = [int(number) for number in self._found["numbers"].split(".")]
        while numbers and not numbers[-1]:
            numbers.pop()
        return (0, *numbers), (_WORDS.get(word, _RELEASED), int(self._found["count"] or 0))

    @property
    def valid(self) -> bool:
        """Whether it can be compared."""
        return self.key is not None

    @property
    def string(self) -> str:
        """Without the v in front."""
        return self[1:] if self[:1] in "vV" and self._found else str(self)

    @property
    def simple(self) -> bool:
        """Numbers and points alone."""
        return self._found is not None and not self.modifier

    @property
    def sections(self) -> int:
        """How many numbers it has."""
        return len(self._numbers)

    def section(self, index: int) -> int:
        """One of its numbers, 0 where it has none."""
        return self._numbers[index] if 0 <= index < len(self._numbers) else 0

    @property
    def _numbers(self) -> list[int]:
        return [int(number) for number in self._found["numbers"].split(".")] if self._found else []

    def _part(self, index: int) -> Version | None:
        return Version(self._numbers[index]) if index < len(self._numbers) else None

    @property
    def major(self) -> Version | None:
        return self._part(0)

    @property
    def minor(self) -> Version | None:
        return self._part(1)

    @property
    def patch(self) -> Version | None:
        return self._part(2)

    @property
    def modifier(self) -> str | None:
        """What says that it is not yet released: ``b2``."""
        if self._found is None or not self._found["word"]:
            return None
        return self._found["word"] + self._found["count"]

    @property
    def modifier_type(self) -> str | None:
        return self._found["word"] if self._found else None

    def _is_pre(self, rank: int) -> bool:
        return self.key is not None and self.key[0][0] == 0 and self.key[1][0] == rank

    @property
    def dev(self) -> bool:
        return self == "dev" or self._is_pre(0)

    @property
    def alpha(self) -> bool:
        return self._is_pre(1)

    @property
    def beta(self) -> bool:
        return self == "beta" or self._is_pre(2)

    @property
    def release_candidate(self) -> bool:
        return self._is_pre(3)

    @property
    def stable(self) -> bool:
        return not (self.dev or self.alpha or self.beta or self.release_candidate)

    def _keys(self, other: object) -> tuple[_Key, _Key]:
        """Raises ValueError for what is no version."""
        one, two = self, version(other)
        for each in (one, two):
            if each.key is None:
                raise ValueError(f"{shorten(str(each))} is not a version that can be compared")
        assert one.key is not None
        assert two.key is not None
        return one.key, two.key

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, (str, int, float)):
            return False
        key = version(other).key
        return str.__eq__(self, str(other)) if key is None else key == self.key

    def __hash__(self) -> int:
        return str.__hash__(self) if self.key is None else hash(self.key)

    def __lt__(self, other: object) -> bool:
        one, two = self._keys(other)
        return one < two

    def __le__(self, other: object) -> bool:
        one, two = self._keys(other)
        return one <= two

    def __gt__(self, other: object) -> bool:
        return not self <= other

    def __ge__(self, other: object) -> bool:
        return not self < other


@lru_cache(maxsize=256)
def _version(text: str) -> Version:
    return Version(text)


_WHAT_IT_IS = ("alpha", "beta", "dev", "release_candidate", "simple", "stable", "valid")
_PARTS = frozenset({"major", "minor", "modifier", "modifier_type", "patch", "sections", "string", *_WHAT_IT_IS})


def _read(obj: Version, name: str) -> Any:
    """What a template may read of a version, beside what it may of any text."""
    if name == "section":
        return partial(Version.section, obj)
    return getattr(obj, name) if name in _PARTS else READERS[str](obj, name)


READERS[Version] = _read


def version(value: Any) -> Version:
    """The value as a version."""
    return value if isinstance(value, Version) else _version(text_of("version", value, _LONGEST))


GLOBALS: Functions = {"version": version}
FILTERS: Functions = {"version": version}
TESTS: Functions = {}
