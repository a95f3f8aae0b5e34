"""The lines of a file of the memory: how a change is made and taken back, and what of them is told."""

from __future__ import annotations

from collections.abc import Sequence

from .books import FACTS
from .fact import read, shown
from .journal import Edit


def edited(text: str, edit: Edit) -> str:
    gone = {line for line, _ in edit.removed}
    lines = [line for line in text.rstrip("\n").split("\n") if line not in gone] if text.strip() else []
    if not lines and edit.path.endswith(FACTS):
        lines = ["# Memory", ""]
    added = list(edit.added)
    if lines and added and not added[-1]:  # paragraphs
        lines.append("")
    return "\n".join([*lines, *added]).rstrip("\n") + "\n" + ("\n" if added and not added[-1] else "")


def restored(text: str, edit: Edit) -> str:
    lines = text.rstrip("\n").split("\n") if text.strip() else []
    for line in edit.added:
        if line and (at := _place_of(line, lines)) is not None:
            del lines[at : at + (2 if at + 1 < len(lines) and not lines[at + 1] and not edit.added[-1] else 1)]
    for line, before in edit.removed:
        if line in lines:  # a crash came before it was taken out
            continue
        lines.insert(lines.index(before) + 1 if before in lines else len(lines), line)
    return "\n".join(lines) + "\n" if lines else ""


def _place_of(line: str, lines: Sequence[str]) -> int | None:
    """Where a line stands, also when its fact was edited by hand since."""
    if line in lines:
        return lines.index(line)
    fact = read(line)
    if fact is None or not fact.source:
        return None
    return next((at for at, one in enumerate(lines) if (found := read(one)) is not None and found.id == fact.id), None)


def lines_of(text: str, keys: Sequence[str]) -> list[tuple[str, str]]:
    """The lines of facts with these ids, each with the line before it."""
    lines = text.rstrip("\n").split("\n")
    wanted = set(keys)
    return [
        (line, lines[place - 1] if place else "")
        for place, line in enumerate(lines)
        if (fact := read(line)) is not None and fact.id in wanted
    ]


def verified(text: str) -> str:
    """The text of a file without comments, its title, and lines in which words of strangers had a part."""
    lines = []
    for line in text.split("\n"):
        fact = read(line)
        if (fact is None or not fact.unverified) and line.strip() != "# Memory" and "<!-- unverified -->" not in line:
            lines.append(shown(line))
    return "\n".join(lines).strip()


def newest(text: str, room: int) -> str:
    """The end of a text, where the newest stands, and how much is missing."""
    if len(text) <= room:
        return text
    kept = text[-room:]
    kept = kept[kept.find("\n") + 1 :]
    return f"[… {len(text) - len(kept)} characters of older facts left out; find them with recall …]\n{kept}"
