"""Files as text: what they are encoded in, their lines, and the place in them that an edit means."""

from __future__ import annotations

import codecs
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import islice

from nanobot.errors import ToolError

SEARCH_LIMIT = 0.5  # s for the search of a place that resembles what was not found
LINE_COMPARED = 200  # characters of a line that are compared
ALIKE = 0.6  # of 1.0: what resembles less is not worth showing
SHOWN = 600  # characters of the place that is shown
LINES_NAMED = 8  # places of a text that occurs too often

_ODD = re.compile(r"[\x00-\x08\x0e-\x1a\x1c-\x1f]")
"""Control characters that no text has; tabs, line ends, form feeds and escapes may be there."""
_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


@dataclass(frozen=True, slots=True)
class FileText:
    """``text`` has ``\\n`` at the ends of its lines if all of the file's are alike; ``newline`` is what they are."""

    text: str
    encoding: str
    newline: str

    @classmethod
    def of(cls, data: bytes) -> FileText | None:
        """None for what is no text. UTF-8, UTF-16 with its mark, else what Windows wrote before (1252)."""
        encoding = next((name for mark, name in _MARKS if data.startswith(mark)), "utf-8")
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            if encoding != "utf-8":
                return None
            encoding = "cp1252"
            text = data.decode(encoding, errors="replace")
        if _ODD.search(text):
            return None
        ends = text.count("\r\n")
        windows = ends > 0 and ends == text.count("\n") == text.count("\r")
        return cls(text.replace("\r\n", "\n") if windows else text, encoding, "\r\n" if windows else "\n")

    def as_here(self, text: str) -> str:
        """A text with the line ends that ``text`` has."""
        return text if self.newline == "\n" else text.replace("\r\n", "\n")

    def encode(self, text: str) -> bytes:
        """Another text, in the form of this one. Raises ``ToolError`` for letters that the encoding lacks."""
        return encode(text if self.newline == "\n" else text.replace("\n", self.newline), self.encoding)

    def lines(self) -> list[str]:
        """Without their ends. A line end at the very end begins no line."""
        lines = self.text.split("\n")
        if lines[-1] == "":
            lines.pop()
        return lines


def encode(text: str, encoding: str = "utf-8") -> bytes:
    """Raises ``ToolError``."""
    try:
        return text.encode(encoding)
    except UnicodeEncodeError as error:
        letter = ascii(error.object[error.start])
        raise ToolError(
            f"The text has the character {letter}, which the file's encoding ({encoding}) lacks."
        ) from error


def edited(text: str, old: str, new: str, *, every: bool) -> tuple[str, int, int]:
    """The text with ``new`` in place of ``old``, in how many places that was, and the line of the first (from 1).

    Raises ``ToolError`` where it is not clear which place is meant.
    """
    if not old:
        raise ToolError("'old' is empty. Give the text to replace, or write the file anew with write_file.")
    if old == new:
        raise ToolError("'old' and 'new' are the same.")
    count = text.count(old)
    if not count:
        raise ToolError("'old' is not in the file." + _hint(text, old))
    if count > 1 and not every:
        lines = ", ".join(map(str, islice(_lines_of(text, old), LINES_NAMED))) + (", …" if count > LINES_NAMED else "")
        raise ToolError(f"'old' is there {count} times (lines {lines}). Give more of the text around it, or set all.")
    return text.replace(old, new), count, next(_lines_of(text, old))


def _lines_of(text: str, part: str) -> Iterator[int]:
    line, seen, place = 1, 0, text.find(part)
    while place >= 0:
        line += text.count("\n", seen, place)
        yield line
        seen, place = place, text.find(part, place + len(part))


def closest(text: str, wanted: str) -> tuple[int, str] | None:
    """The place that most resembles what was wanted: its line, from 1, and its text. None when nothing does."""
    lines, target = text.split("\n"), wanted.strip("\n").split("\n")
    bare, bare_target = [_bare(line) for line in lines], [_bare(line) for line in target]
    size = len(target)
    for start in range(len(lines) - size + 1):
        if bare[start : start + size] == bare_target:
            return start + 1, "\n".join(lines[start : start + size])
    anchor = max(range(size), key=lambda index: len(bare_target[index]))  # the line that says most
    best, at, deadline = ALIKE, None, time.monotonic() + SEARCH_LIMIT
    matcher = SequenceMatcher(None, b=target[anchor].strip()[:LINE_COMPARED], autojunk=False)
    for index, line in enumerate(lines):
        matcher.set_seq1(line.strip()[:LINE_COMPARED])
        if matcher.real_quick_ratio() > best and matcher.quick_ratio() > best and (ratio := matcher.ratio()) > best:
            best, at = ratio, index
        if time.monotonic() > deadline:
            break
    if at is None:
        return None
    start = max(0, at - anchor)
    return start + 1, "\n".join(lines[start : start + size])


def _hint(text: str, wanted: str) -> str:
    found = closest(text, wanted)
    if found is None:
        return " Nothing in it resembles that; read it again."
    line, place = found
    shown = place if len(place) <= SHOWN else place[:SHOWN] + " …"
    return f" Most like it is line {line}:\n{shown}"


def _bare(line: str) -> str:
    return "".join(line.split())
