"""Cuts long texts into pieces where a reader would."""

from __future__ import annotations

import re
from collections.abc import Iterator

# Where to cut, best first, and how far into the piece the place must lie: a paragraph end after ten words of a page
# is worse than a line end near its foot.
_ENDS = (("\n\n", 0.5), ("\n", 0.4), (". ", 0.5), (" ", 0.0))
_BLANKS = re.compile(r"(?:[^\S\n]*\n)+|[^\S\n]*")
"""Blanks at a cut, but not the indent of the line that follows."""


def split(text: str, limit: int) -> list[str]:
    """Pieces of at most ``limit`` characters, cut at paragraph, line, sentence or word ends where possible.

    Joining the pieces gives the text back, save for the blanks at the cuts. A text of blanks gives no piece.
    """
    if limit < 1:
        raise ValueError("a piece has at least one character")
    if len(text) <= limit:
        return [text] if text.strip() else []
    return list(_pieces(text, limit))


def _pieces(text: str, limit: int) -> Iterator[str]:
    start, end = 0, len(text.rstrip())
    while start < end:
        if end - start <= limit:
            yield text[start:end]
            return
        cut = _cut(text, start, limit)
        if piece := text[start:cut].rstrip():
            yield piece
        blanks = _BLANKS.match(text, cut)
        start = blanks.end() if blanks else cut


def _cut(text: str, start: int, limit: int) -> int:
    for mark, least in _ENDS:
        kept = len(mark.rstrip())  # what the piece keeps of the mark: the full stop, never the blanks
        place = text.rfind(mark, start + 1, start + limit - kept + len(mark))
        if place > start + limit * least:
            return place + kept
    return _whole_character(text, start, start + limit)


def _whole_character(text: str, start: int, cut: int) -> int:
    """A cut that parts no character from what belongs to it (accents, joined emoji), if that is near."""
    for place in range(cut, max(start, cut - 16), -1):
        if not _joins(text[place]) and text[place - 1] != "\u200d":
            return place
    return cut


def _joins(character: str) -> bool:
    code = ord(character)
    return 0x300 <= code <= 0x36F or 0xFE00 <= code <= 0xFE0F or 0x1F3FB <= code <= 0x1F3FF or code in (0x200D, 0x20E3)
