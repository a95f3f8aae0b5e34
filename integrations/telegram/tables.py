"""Tables as text of a fixed width, since Telegram has none."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from markdown_it.token import Token

BETWEEN = " │ "
ACROSS = "─┼─"


@dataclass(slots=True)
class Table:
    """The rows, the head first, and for each column ``left``, ``center`` or ``right``."""

    rows: list[list[str]] = field(default_factory=list)
    sides: list[str] = field(default_factory=list)


def read(tokens: Iterator[Token], plain: Callable[[Sequence[Token]], str]) -> Table:
    """The table whose opening token was the last one taken; takes those up to its end."""
    table = Table()
    for token in tokens:
        match token.type:
            case "table_close":
                break
            case "tr_open":
                table.rows.append([])
            case "th_open":
                table.sides.append(str(token.attrs.get("style", "")).rpartition(":")[2] or "left")
            case "inline":
                table.rows[-1].append(plain(token.children or ()).strip())
    return table


def draw(table: Table, *, aligned: bool) -> str:
    """The table as lines; without blanks that align the columns where ``aligned`` is False."""
    if not aligned:
        return "\n".join("|".join(row) for row in table.rows)
    widths = [max(width(row[column]) for row in table.rows) for column in range(len(table.sides))]
    head, *rows = (_line(row, table.sides, widths) for row in table.rows)
    return "\n".join([head, ACROSS.join("─" * size for size in widths), *rows])


def width(text: str) -> int:
    """How many columns a text takes: wide letters and emoji two, accents none."""
    return sum(_columns(character) for character in text)


def _columns(character: str) -> int:
    if unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def _line(row: Sequence[str], sides: Sequence[str], widths: Sequence[int]) -> str:
    return BETWEEN.join(map(_cell, row, sides, widths)).rstrip()


def _cell(text: str, side: str, size: int) -> str:
    blanks = size - width(text)
    before = {"left": 0, "right": blanks, "center": blanks // 2}[side]
    return " " * before + text + " " * (blanks - before)
