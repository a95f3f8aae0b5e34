"""What a person should know of an import: what was left out, why, and what to do instead."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from nanobot.util.text import one_line
from nanobot.util.translate import translate

LONGEST = 300  # characters of what foreign files put into a sentence


@dataclass(frozen=True, slots=True)
class Note:
    """``key`` names the sentence (``import.notes.<key>`` in the translations), ``told`` fills it."""

    key: str
    told: tuple[tuple[str, str], ...] = ()

    def sentence(self, language: str) -> str:
        """For people; one line."""
        return translate(f"import.notes.{self.key}", language, **dict(self.told))


@dataclass(slots=True)
class Notes:
    """All notes of an import, each once, in order."""

    _notes: dict[Note, None] = field(default_factory=dict)

    def add(self, key: str, **told: object) -> None:
        """What foreign files put into it stays one line of printable characters."""
        self._notes[Note(key, tuple((name, one_line(str(value), LONGEST)) for name, value in told.items()))] = None

    def __iter__(self) -> Iterator[Note]:
        return iter(self._notes)

    def __len__(self) -> int:
        return len(self._notes)
