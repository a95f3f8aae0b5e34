"""One YAML file in pieces: the items of its outermost list or mapping, so that an edit of one costs only that one.

A file is cut where a line begins with ``- `` or a key. That is only a guess at where an item begins, so a new piece is
parsed as a file of its own, and whatever would make a difference (a quote or a bracket that is still open, an anchor,
a fault, a key that is there twice, a second document) has the file parsed as a whole instead.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml

from nanobot.util.yaml import Builder, Document, Marks, Path, Unparsable, simple

WORTH_IT = 16_384  # characters; a smaller file is parsed as quickly as it is cut

_ITEM = re.compile(r"\n(?=-(?: |\n|$))")
_KEY = re.compile(r"\n(?=[A-Za-z_\"'])")
_OUTSIDE = re.compile(r"\n(?![ #\n]|$)")
"""A line of a piece, after its first, that belongs to no item: the end of a document, an item without its dash."""


@dataclass(slots=True)
class Piece:
    """One item, within the list or mapping around it: what was made of it, and in which line it stood (from 0)."""

    data: Any
    tagged: bool
    line: int

    @property
    def size(self) -> int:
        """Nodes, without the list or mapping around it. There are no aliases in it."""
        return _nodes(self.data) - 1


@dataclass(slots=True)
class Pieces:
    """A file in pieces, by their digests. ``starts``: where in the text each one begins; ``steps``: how it is reached
    from the top; ``times``: how often it is there."""

    made: dict[bytes, Piece] = field(default_factory=dict)
    times: Counter[bytes] = field(default_factory=Counter)
    starts: list[int] = field(default_factory=list)
    steps: dict[Any, int] = field(default_factory=dict)


class InPieces(Document):
    """A document that knows its pieces."""

    __slots__ = ("pieces",)

    def __init__(self, text: str, data: Any, pieces: Pieces, *, tagged: bool, size: int) -> None:
        super().__init__(text, data, (), tagged=tagged, size=size)
        self.pieces = pieces

    def line(self, path: Path) -> int:
        """As ``Document.line``; only the piece it is in is looked at."""
        number = self.pieces.steps.get(path[0]) if path else None
        if number is None:
            return 1
        starts = self.pieces.starts
        end = starts[number + 1] if number + 1 < len(starts) else len(self.text)
        before = self.text.count("\n", 0, starts[number])
        marks: Marks | None = Builder(self.text[starts[number] : end]).build()[1]
        inner = (0, *path[1:]) if isinstance(self.data, list) else path
        line = 1
        for step in inner:
            try:
                found = marks[step]  # type: ignore[index]
            except (LookupError, TypeError):
                break
            line, marks = found if type(found) is tuple else (found, None)
        return before + line


def parse_in_pieces(text: str, before: Document | None) -> InPieces | None:
    """The file, with the pieces of ``before`` used again; None when it has to be parsed as a whole, as at first."""
    if before is None or len(text) < WORTH_IT:
        return None
    cut = _cut(text)
    known = _known(before)
    if cut is None or known is None:
        return None
    is_list, starts = cut
    if isinstance(before.data, list) is not is_list:
        return None
    pieces = Pieces(starts=starts)
    items: list[Any] = []
    mapping: dict[Any, Any] = {}
    tagged = False
    for number, (line, piece_text) in enumerate(_texts(text, starts)):
        digest = _digest(piece_text)
        piece = known.made.get(digest) or pieces.made.get(digest)
        if piece is None or (piece.tagged and piece.line != line):
            piece = _parsed(piece_text, line)
            if piece is None:
                return None
        pieces.made[digest] = piece
        pieces.times[digest] += 1
        tagged = tagged or piece.tagged
        data = piece.data
        if is_list and isinstance(data, list) and len(data) == 1:
            pieces.steps[number] = number
            items.append(data[0])
        elif not is_list and isinstance(data, dict) and len(data) == 1 and not (mapping.keys() & data.keys()):
            (key,) = data
            if key == "<<":
                return None
            pieces.steps[key] = number
            mapping[key] = data[key]
        else:
            return None
    gone, new = known.times - pieces.times, pieces.times - known.times
    size = before.size - sum(known.made[one].size * times for one, times in gone.items())
    size += sum(pieces.made[one].size * times for one, times in new.items())
    return InPieces(text, items if is_list else mapping, pieces, tagged=tagged, size=size)


def _cut(text: str) -> tuple[bool, list[int]] | None:
    """Whether it is a list, and where its pieces begin; None for a file that cannot be cut.

    In steps that are short: a thread that searches a megabyte at once lets nobody else run.
    """
    if "\t" in text or "\r" in text:
        return None
    is_list = _first(text) == "-"
    begins = _ITEM if is_list else _KEY
    starts = [0] if begins.match("\n" + text[:2]) else []
    starts += [found.end() for found in begins.finditer(text)]
    if len(starts) < 2 or _OUTSIDE.search("\n" + text[: starts[0]]):
        return None
    return is_list, starts


def _texts(text: str, starts: list[int]) -> Iterator[tuple[int, str]]:
    """Each piece, with the line in which it begins (from 0)."""
    line = at = 0
    for number, start in enumerate(starts):
        line += text.count("\n", at, start)
        at = start
        yield line, text[start : starts[number + 1] if number + 1 < len(starts) else len(text)]


def _known(document: Document) -> Pieces | None:
    """The pieces of a document; of one that was parsed as a whole, as many as it has items."""
    if isinstance(document, InPieces):
        return document.pieces
    cut = None if document.faults or document.anchored else _cut(document.text)
    data = document.data
    items: list[Any]
    if cut is not None and cut[0] and isinstance(data, list):
        items = [[item] for item in data]
    elif cut is not None and not cut[0] and isinstance(data, dict):
        items = [{key: value} for key, value in data.items()]
    else:
        return None
    if len(cut[1]) != len(items):
        return None  # with more, some do not begin an item but go on with a text
    pieces = Pieces(starts=cut[1])
    for item, (line, text) in zip(items, _texts(document.text, cut[1]), strict=True):
        digest = _digest(text)
        pieces.made[digest] = Piece(item, document.tagged and "!" in text, line)
        pieces.times[digest] += 1
    return pieces


def _nodes(value: Any) -> int:
    """As ``Document.size`` counts them."""
    if isinstance(value, dict):
        return 1 + len(value) + sum(map(_nodes, value.values()))
    if isinstance(value, list):
        return 1 + sum(map(_nodes, value))
    return 1


def _digest(text: str) -> bytes:
    return hashlib.blake2b(text.encode(), digest_size=16).digest()


def _first(text: str) -> str:
    found = re.search(r"^(?!#|\s*$).", text, re.MULTILINE)
    return found[0] if found else ""


def _parsed(text: str, line: int) -> Piece | None:
    """A piece; tags in it know their lines. None for one that is not complete in itself, or has faults."""
    if _OUTSIDE.search(text):
        return None
    found = simple(text)
    if found is not None:
        return Piece(found[0], False, line)
    builder = Builder(text)
    try:
        data, _ = builder.build()
        if builder.tagged:
            builder = Builder("\n" * line + text)
            data, _ = builder.build()
    except (yaml.YAMLError, Unparsable):
        return None
    if builder.faults or builder.anchored:
        return None
    return Piece(data, builder.tagged, line)
