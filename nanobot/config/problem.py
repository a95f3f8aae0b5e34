"""What is wrong with the configuration, where, and in words."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from nanobot.paths import bundled
from nanobot.util import translate

translate.mount([(None, bundled("translations"))])  # a problem can say itself wherever it turns up

_KINDS = re.compile(r"@[a-z_]+(,[a-z_]+)*")

Path = tuple[str | int, ...]
Severity = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class Problem:
    """``key`` names the sentence (``problem.<key>`` in the translations), ``placeholders`` fill it.

    A placeholder that begins with ``@`` stands for words of its own: ``@int,text`` is "a whole number or text".
    ``file`` is relative to the configuration folder, ``line`` counts from 1. ``names`` gives, by position in
    ``path``, what a person calls that item of a list.
    """

    key: str
    placeholders: Mapping[str, str] = field(default_factory=dict)
    file: str | None = None
    line: int | None = None
    path: Path = ()
    severity: Severity = "error"
    names: Mapping[int, str] = field(default_factory=dict)

    def __hash__(self) -> int:
        return hash((self.key, self.file, self.line, self.path))

    @property
    def nearest(self) -> str | None:
        """The valid spelling that was probably meant."""
        return self.placeholders.get("nearest")

    def sentence(self, language: str = "en") -> str:
        """What is wrong and what to do, without the place."""
        filled = {name: _words(value, language) for name, value in self.placeholders.items()}
        text = translate.translate(f"problem.{self.key}", language, **filled)
        for suffix in ("nearest", "labels", "kept", "of_blueprint", "for_blueprint"):
            if suffix in self.placeholders:
                text += translate.translate(f"problem.{suffix}", language, **filled)
        return text

    def where(self) -> str:
        """The path for a person: ``automation > "Morning" > triggers > 0 > at``."""
        return " > ".join(
            f'"{self.names[position]}"' if position in self.names else str(step)
            for position, step in enumerate(self.path)
        )

    def told(self, language: str = "en") -> str:
        """Place, path and sentence in one line."""
        place = self.file or ""
        if place and self.line is not None:
            place += f":{self.line}"
        return ": ".join(part for part in (place, self.where(), self.sentence(language)) if part)

    def __str__(self) -> str:
        return self.told()

    def as_dict(self, language: str = "en") -> dict[str, Any]:
        """JSON-able."""
        return {
            "file": self.file,
            "line": self.line,
            "path": [step if isinstance(step, int) else str(step) for step in self.path],
            "where": self.where(),
            "key": self.key,
            "severity": self.severity,
            "message": self.sentence(language),
            "nearest": self.nearest,
            "text": self.told(language),
        }


def _words(value: str, language: str) -> str:
    if not _KINDS.fullmatch(value):
        return value
    kinds = [translate.translate(f"problem.kinds.{kind}", language) for kind in value[1:].split(",")]
    if len(kinds) == 1:
        return kinds[0]
    either = translate.translate("problem.or", language)
    return f"{', '.join(kinds[:-1])}{either}{kinds[-1]}"
