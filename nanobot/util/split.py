"""Cuts long texts into pieces where a reader would, so that each piece is Markdown of its own."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

# Where to cut, best first, and how far into the piece the place must lie: a paragraph end after ten words of a page
# is worse than a line end near its foot.
_ENDS = (("\n\n", 0.5), ("\n", 0.4), (". ", 0.5), (" ", 0.0))
_CODE_ENDS = (("\n\n", 0.5), ("\n", 0.0), (" ", 0.0))
_LATE = 0.5  # a code block that begins after this part of a piece is not begun there
_BLANKS = re.compile(r"(?:[^\S\n]*\n)+|[^\S\n]*")
"""Blanks at a cut, but not the indent of the line that follows."""

_FENCE = re.compile(
    r"^(?P<before>(?:[ \t>]|[-*+][ \t]|\d{1,9}[.)][ \t])*)(?P<fence>`{3,}|~{3,})(?P<info>[^\n]*)", re.MULTILINE
)
_MARKER = re.compile(r"[^ \t>]")
_INFO_LIMIT = 40  # characters of what follows an opening fence that are said again

_JOINER = "\u200d"
_LOOK_BACK = 32  # characters in which the beginning of a joined one is looked for


@dataclass(frozen=True, slots=True)
class _Code:
    """A fenced code block: from ``start`` to ``inside`` the line that opens it, from ``close`` to ``end`` its last one.

    ``opening`` and ``closing`` are what a piece begins and ends with when the block is parted.
    """

    start: int
    inside: int
    close: int
    end: int
    opening: str
    closing: str


def split(text: str, limit: int, *, utf16: bool = False) -> list[str]:
    """Pieces of at most ``limit`` characters, cut at paragraph, line, sentence or word ends where possible.

    ``utf16``: the limit counts UTF-16 code units. Joining the pieces gives the text back, save for the blanks at the
    cuts and for the fences of a code block that is parted: it is closed in one piece and opened again in the next.
    Takes time in proportion to the text. A text of blanks gives no piece.
    """
    if limit < 1:
        raise ValueError("a piece has at least one character")
    wide = utf16 and not text.isascii() and max(text) > "\uffff"
    if (utf16_units(text) if wide else len(text)) <= limit:
        return [text] if text.strip() else []
    return list(_pieces(text, limit, wide))


def utf16_units(text: str) -> int:
    """The length of a text in UTF-16 code units."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2


def _pieces(text: str, limit: int, wide: bool) -> Iterator[str]:
    codes = _codes(text, limit)
    code = next(codes, None)
    start, end, opening = 0, len(text.rstrip()), ""
    while start < end:
        room = limit - utf16_units(opening)
        reach = _reach(text, start, room, wide)
        if reach >= end:
            yield opening + text[start:end]
            return
        cut = _cut(text, start, start, reach, _ENDS)
        while code is not None and code.end <= cut:
            code = next(codes, None)
        parted = None
        if code is not None and code.start < cut:
            late = start < code.start and (cut < code.inside or code.start - start > (reach - start) * _LATE)
            if not late:
                reach = _reach(text, start, room - len(code.closing) - 1, wide)
                late = start < code.start and reach <= code.inside
            if late:
                cut = code.start
            else:
                parted = code
                cut = min(_cut(text, max(start, code.inside), start, reach, _CODE_ENDS), code.close)
        if piece := text[start:cut].rstrip():
            yield f"{opening}{piece}\n{parted.closing}" if parted else opening + piece
        start, opening = _after_blanks(text, cut), ""
        if parted and start >= parted.close:
            start = _after_blanks(text, parted.end)  # nothing of it is left
        elif parted:
            opening = parted.opening


def _after_blanks(text: str, place: int) -> int:
    blanks = _BLANKS.match(text, place)
    return blanks.end() if blanks else place


def _reach(text: str, start: int, room: int, wide: bool) -> int:
    """How far a piece of ``room`` characters or units can go."""
    if not wide:
        return start + max(1, room)
    size = room
    while (excess := utf16_units(text[start : start + size]) - room) > 0:
        size -= (excess + 1) // 2
    return start + max(1, size)


def _cut(text: str, least: int, start: int, reach: int, ends: tuple[tuple[str, float], ...]) -> int:
    """Where to end a piece that goes from ``start`` to ``reach`` at most; after ``least`` in any case."""
    for mark, part in ends:
        kept = len(mark.rstrip())  # what the piece keeps of the mark: the full stop, never the blanks
        place = text.rfind(mark, least + 1, reach - kept + len(mark))
        if place > start + (reach - start) * part:
            return place + kept
    return _whole_character(text, least, reach)


def _whole_character(text: str, start: int, cut: int) -> int:
    """A cut that parts no character from what belongs to it (accents, joined emoji), if that is near."""
    for place in range(cut, max(start, cut - _LOOK_BACK), -1):
        if not _joins(text, start, place):
            return place
    return cut


def _joins(text: str, start: int, place: int) -> bool:
    """Whether the character at ``place`` belongs to the one before it, in a piece that begins at ``start``."""
    before, after = text[place - 1], text[place]
    if after < "\u0300":
        return before == _JOINER
    code = ord(after)
    if 0x1F1E6 <= code <= 0x1F1FF:  # two of these letters make a flag
        count = 0
        while count < place - start and "\U0001f1e6" <= text[place - 1 - count] <= "\U0001f1ff":
            count += 1
        return count % 2 == 1
    return (
        before == _JOINER
        or after == _JOINER
        or unicodedata.category(after).startswith("M")
        or 0x1F3FB <= code <= 0x1F3FF  # colours of skin
        or 0xE0020 <= code <= 0xE007F  # the letters of a flag that is not a country's
        or 0x1160 <= code <= 0x11FF  # vowels and finals of a Korean syllable
    )


def _codes(text: str, limit: int) -> Iterator[_Code]:
    """The fenced code blocks, also those in lists and quotes, whose fences leave room for code."""
    if "```" not in text and "~~~" not in text:
        return
    opened: re.Match[str] | None = None
    for line in _FENCE.finditer(text):
        if opened is None:
            if line["fence"][0] == "~" or "`" not in line["info"]:
                opened = line
        elif _closes(opened, line):
            yield from _code(text, opened, line.start(), line.end(), limit)
            opened = None
    if opened is not None:
        yield from _code(text, opened, len(text), len(text), limit)


def _closes(opened: re.Match[str], line: re.Match[str]) -> bool:
    return line["fence"].startswith(opened["fence"]) and not line["info"].strip() and not _MARKER.search(line["before"])


def _code(text: str, opened: re.Match[str], close: int, end: int, limit: int) -> Iterator[_Code]:
    before = _MARKER.sub(" ", opened["before"])
    info = opened["info"].strip()
    if len(info) > _INFO_LIMIT:
        info = info.split()[0][:_INFO_LIMIT]
    opening, closing = f"{before}{opened['fence']}{info}\n", before + opened["fence"]
    first = utf16_units(opened[0]) + 1
    if (max(first, utf16_units(opening)) + len(closing) + 1) * 2 <= limit:
        yield _Code(opened.start(), min(opened.end() + 1, len(text)), close, end, opening, closing)
