"""A fact: one line of ``MEMORY.md``, with where it comes from in a comment that Markdown does not show.

    - Anna likes green tea. <!-- id=6f2k9x date=2026-11-21 from=telegram:123 message=01K… confidence=0.8 unverified -->

A line without such a comment was written by hand, and is a fact as well.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from dataclasses import dataclass
from urllib.parse import quote, unquote

LONGEST = 500  # characters of a fact
_ALPHABET = "23456789abcdefghjkmnpqrstvwxyz"
_COMMENT = re.compile(r"\s*<!--((?:(?!-->).)*)-->\s*$")
_BULLET = re.compile(r"\s*[-*+]\s+")
_AWKWARD = re.compile(r"[\s<>%\x00-\x1f]")  # in the name of a sender, which is theirs to choose
_PAIR = re.compile(r"(\w+)=(\S+)")


@dataclass(frozen=True, slots=True)
class Fact:
    """``source`` is ``<channel>:<sender>`` of who said it, "" for what was written by hand; ``message`` the id of the
    message in which. ``date`` is ISO. ``unverified``: words of strangers had a part in it."""

    id: str
    text: str
    date: str = ""
    source: str = ""
    message: str = ""
    confidence: float = 1.0
    unverified: bool = False

    def line(self) -> str:
        """As it stands in the file, without a line end."""
        known = {"id": self.id, "date": self.date, "from": _AWKWARD.sub(_quoted, self.source), "message": self.message}
        words = [f"{key}={value}" for key, value in known.items() if value]
        if self.confidence < 1:
            words.append(f"confidence={self.confidence:g}")
        if self.unverified:
            words.append("unverified")
        return f"- {self.text} <!-- {' '.join(words)} -->"


def read(line: str) -> Fact | None:
    """The fact of a line; None for a heading, a blank line or a comment alone."""
    found = _COMMENT.search(line)
    said = found[1] if found else ""
    text = _BULLET.sub("", line[: found.start()] if found else line, count=1).strip()
    if not text or text.startswith(("#", "<!--", "---")):
        return None
    known = dict(_PAIR.findall(said))
    if "id" not in known:
        return Fact("h" + hashlib.sha256(text.encode()).hexdigest()[:7], text)
    return Fact(
        known["id"],
        text,
        date=known.get("date", ""),
        source=unquote(known.get("from", "")),
        message=known.get("message", ""),
        confidence=_number(known.get("confidence")),
        unverified="unverified" in said.split(),
    )


def shown(line: str) -> str:
    """A line of the file without its comment."""
    return _COMMENT.sub("", line).rstrip()


def one_line(text: str, limit: int = LONGEST) -> str:
    """What somebody wants remembered, fit to be a line of ``limit`` characters: no comment begins or ends in it."""
    plain = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return _BULLET.sub("", plain, count=1).replace("<!--", "<! --").replace("-->", "-- >").lstrip("#").strip()[:limit]


def new_id() -> str:
    """Six letters, for people to read and type."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(6))


def _quoted(found: re.Match[str]) -> str:
    return quote(found[0])


def _number(text: str | None) -> float:
    try:
        return min(1.0, max(0.0, float(text or 1)))
    except ValueError:
        return 1.0
