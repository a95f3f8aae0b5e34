"""Changes one value in the text of a YAML file and leaves everything else as its writer wrote it, byte for byte.

What is the same before and after keeps its text, so within the changed value too comments, quotes and order stay where
nothing changed around them. Each result is read again and compared: an edit that would do anything else is refused.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Any

from nanobot.config.nodes import Child, Node, equal, key_of, read
from nanobot.config.written import flow, write
from nanobot.errors import ConfigError
from nanobot.util.yaml import Path, Unparsable

_TO_COLON = re.compile(r"[ \t]*:")
_TO_DASH = re.compile(r"(?:[ \t]*(?:#[^\n]*)?\r?\n)*[ \t]*-")
_BLANK_LINE = re.compile(r"\n[ \t]*\r?\n")


class CannotEdit(ConfigError):
    """The text is written in a way that this edit would break."""


class _Whole(Exception):
    """The value cannot be changed piece by piece: it has to be written anew."""


def change(text: str, path: Path, value: Any, *, among_others: bool = False, tags: Collection[str] = ()) -> str:
    """``text`` with ``value``, which is plain JSON, in the place of ``path``. Raises ``CannotEdit``, ``Unparsable``.

    ``among_others``: it is a list or mapping of which only some entries change; the others are never written anew.
    Texts that are in ``tags``, such as ``!secret door``, are written as these tags; those that stand in the old value
    always are.
    """
    root = read(text)
    if root is None:
        if path:
            raise CannotEdit("nothing stands in the file")
        return _checked(_added(text, write(value)), value)
    node: Node | None = root
    above: list[Node] = []
    for step in path:
        assert node is not None
        above.append(node)
        if node.anchor or (node := node.at((step,))) is None:
            raise CannotEdit(ANCHORED if above[-1].anchor else "it is not where it was")
    assert node is not None
    expected = _with(root.value, path, value)
    known = set(tags) if among_others else {*tags, *node.tags()}
    for whole in (False, True):
        if whole and among_others and node.value:
            break
        surgeon = _Surgeon(text, known)
        try:
            if whole:
                raise _Whole
            surgeon.patch(node, value, loose=True)
        except _Whole:
            if among_others and node.value and value:
                continue
            surgeon.edits.clear()
            surgeon.anew(above[-1] if above else None, node, value)
        try:
            return _checked(surgeon.result(), expected)
        except (CannotEdit, Unparsable):
            continue
    raise CannotEdit("it is written in a way that cannot be kept")


ANCHORED = "it is shared through an anchor (&), an alias (*) or a merge (<<) of YAML"


def _checked(text: str, expected: Any) -> str:
    found = read(text)
    if not equal(None if found is None else found.value, expected):
        raise CannotEdit("it is written in a way that cannot be kept")
    return text


def _with(data: Any, path: Path, value: Any) -> Any:
    if not path:
        return value
    step = key_of(path[0])
    copy = dict(data) if isinstance(data, dict) else list(data)
    copy[step] = _with(data[step], path[1:], value)
    return copy


def _added(text: str, more: str) -> str:
    newline = "\r\n" if "\r\n" in text else "\n"
    return text + (newline if text and not text.endswith("\n") else "") + more.replace("\n", newline)


class _Surgeon:
    """Gathers the edits of one change: spans of the text and what takes their place."""

    def __init__(self, text: str, tags: Collection[str]) -> None:
        self.text = text
        self.tags = tags
        self.edits: list[tuple[int, int, str]] = []

    def result(self) -> str:
        newline = "\r\n" if "\r\n" in self.text else "\n"
        parts, position = [], 0
        for start, end, new in sorted(self.edits, key=lambda edit: edit[:2]):
            if start < position:
                raise CannotEdit("it is written in a way that cannot be kept")
            parts += [self.text[position:start], new.replace("\n", newline)]
            position = end
        return "".join((*parts, self.text[position:]))

    # -- piece by piece -------------------------------------------------------------------------

    def patch(self, node: Node, new: Any, *, loose: bool = False) -> None:
        """Turn a node into ``new``. ``loose``: the order of the keys that are there already does not count."""
        if equal(node.value, new) and (loose or _same_order(node.value, new)):
            return
        if node.anchor:
            raise CannotEdit(ANCHORED)
        before = len(self.edits)
        try:
            if node.flow and isinstance(new, dict if node.kind == "mapping" else list) and node.children:
                self._flow(node, new)
            elif node.kind == "mapping" and isinstance(new, dict) and new and not node.flow:
                self._mapping(node, new, loose=loose)
            elif node.kind == "sequence" and isinstance(new, list) and new and not node.flow:
                self._sequence(node, new)
            else:
                raise _Whole
        except _Whole:
            del self.edits[before:]
            raise

    def anew(self, parent: Node | None, node: Node, new: Any) -> None:
        """Write a node anew where it stands."""
        if node.fixed:
            raise CannotEdit(ANCHORED)
        if parent is None:
            end = self._line_end(node.end)
            self.edits.append((node.start, end, write(new, self.tags)))
        elif parent.flow:
            self.edits.append((node.start, node.end, flow(new, self.tags)))
        else:
            child = next(child for child in parent.children if child.node is node)
            self._set(parent, child, new)

    def _flow(self, node: Node, new: Any) -> None:
        pairs: Any = new.items() if isinstance(new, dict) else enumerate(new)
        known = {child.key: child.node for child in node.children}
        if list(known) == [key for key, _ in pairs]:
            for key, value in pairs:
                try:
                    self.patch(known[key], value)
                except _Whole:
                    self.anew(node, known[key], value)
            return
        if node.fixed:
            raise CannotEdit(ANCHORED)
        if "#" in self.text[node.start : node.end]:
            raise _Whole
        tags = {*self.tags, *node.tags()}
        self.edits.append((node.start, node.end, flow(new, tags)))

    def _mapping(self, node: Node, new: dict[str, Any], *, loose: bool) -> None:
        children = {child.key: child for child in node.children}
        kept = [child.key for child in node.children if child.key in new]
        if len(children) < len(node.children) or not kept:
            raise _Whole
        if not loose and kept != [key for key in new if key in children]:
            raise _Whole
        for index, child in enumerate(node.children):
            if child.key in new:
                try:
                    self.patch(child.node, new[child.key])
                except _Whole:
                    self._set(node, child, new[child.key])
            else:
                self._cut_entry(node, index, new)
        after: str | None = kept[-1] if loose else None
        waiting: dict[str, Any] = {}
        for key, value in new.items():
            if key not in children:
                waiting[key] = value
            elif not loose:
                self._insert_entries(node, after, waiting)
                after, waiting = key, {}
        self._insert_entries(node, after, waiting)

    def _insert_entries(self, node: Node, after: str | None, new: dict[str, Any]) -> None:
        if not new:
            return
        if after is None:
            raise _Whole
        index = next(i for i, child in enumerate(node.children) if child.key == after)
        self._insert(node, index, write(new, self.tags))

    def _sequence(self, node: Node, new: list[Any]) -> None:
        old = node.value
        first = 0
        while first < min(len(old), len(new)) and equal(old[first], new[first]):
            first += 1
        last = 0
        while last < min(len(old), len(new)) - first and equal(old[-1 - last], new[-1 - last]):
            last += 1
        gone, come = node.children[first : len(old) - last], new[first : len(new) - last]
        for child, value in zip(gone, come, strict=False):
            try:
                self.patch(child.node, value)
            except _Whole:
                self._set(node, child, value)
        for child in gone[len(come) :]:
            self._cut_item(node, child)
        if more := come[len(gone) :]:
            self._insert(node, first + len(gone) - 1, write(more, self.tags))

    # -- lines ----------------------------------------------------------------------------------

    def _set(self, parent: Node, child: Child, new: Any) -> None:
        """Give an entry of a mapping or list in block style another value, written anew."""
        node = child.node
        if node.fixed:
            raise CannotEdit(ANCHORED)
        start = self._dash(parent, child) + 1 if parent.kind == "sequence" else self._colon(child)
        fresh = write([new] if parent.kind == "sequence" else {"k": new}, self.tags).removesuffix("\n")
        first, _, rest = fresh[1 if parent.kind == "sequence" else 2 :].partition("\n")
        line_end = self._text_end(node.end)
        behind = self.text[node.end : line_end]
        is_one_line = "\n" not in self.text[start : node.end]
        block = f"\n{_indented(rest, parent.column)}" if rest else ""
        if not first and rest and not is_one_line and node.kind != "scalar" and not node.flow:
            begin = self._line_start(node.start)  # a comment behind the key stays
            self.edits.append((begin, line_end, block[1:]))
        elif rest and is_one_line and parent.kind == "mapping":
            self.edits.append((start, line_end, first + behind.rstrip() + block))
        elif rest:
            self.edits.append((start, line_end, first + block))
        elif is_one_line and node.end > node.start:
            self.edits.append((node.start, node.end, first.lstrip()))
        else:
            self.edits.append((start, min(node.end, line_end), first))

    def _insert(self, node: Node, after: int, block: str) -> None:
        """Add lines behind an entry, with a blank line where the entries have them."""
        if after < 0:
            raise _Whole
        child = node.children[after]
        place = self._line_end(child.node.end)
        lead = "" if self.text[:place].endswith("\n") or not place else "\n"
        if after > 0:
            between = self.text[node.children[after - 1].node.end : self._head(node, child)]
            lead += "\n" if _BLANK_LINE.search(between) else ""
        self.edits.append((place, place, lead + _indented(block, node.column)))

    def _cut_entry(self, node: Node, index: int, new: dict[str, Any]) -> None:
        child = node.children[index]
        if child.node.fixed:
            raise CannotEdit(ANCHORED)
        start = self._line_start(child.start)
        if self.text[start : child.start].strip():  # it stands behind the dash of a list
            following = node.children[index + 1] if index + 1 < len(node.children) else None
            if following is None or following.key not in new:
                raise _Whole
            self.edits.append((child.start, following.start, ""))
        else:
            self._cut_lines(start, self._line_end(child.node.end), node.children[:index])

    def _cut_item(self, node: Node, child: Child) -> None:
        if child.node.fixed:
            raise CannotEdit(ANCHORED)
        dash = self._dash(node, child)
        start = self._line_start(dash)
        if self.text[start:dash].strip():
            raise _Whole
        self._cut_lines(start, self._line_end(child.node.end), node.children[: child.key])

    def _cut_lines(self, start: int, end: int, before: list[Child]) -> None:
        """Take lines out, and of the blank lines around them one that set them apart."""
        above = self._line_start(start - 1) if start else 0
        is_apart = not self.text[above:start].strip() and not self.text[end : self._text_end(end)].strip()
        if before and is_apart and above >= before[-1].node.end:
            start = above
        self.edits.append((start, end, ""))

    def _head(self, node: Node, child: Child) -> int:
        return self._dash(node, child) if node.kind == "sequence" else child.start

    def _colon(self, child: Child) -> int:
        if (found := _TO_COLON.match(self.text, child.end)) is None:
            raise _Whole
        return found.end()

    def _dash(self, node: Node, child: Child) -> int:
        after = node.start if child.key == 0 else self._text_end(node.children[child.key - 1].node.end)
        if (found := _TO_DASH.match(self.text, after)) is None:
            raise _Whole
        return found.end() - 1

    def _line_start(self, place: int) -> int:
        return self.text.rfind("\n", 0, place) + 1

    def _line_end(self, place: int) -> int:
        """Behind the line end of the line that ``place`` is in."""
        if place and self.text[place - 1] == "\n":  # a text that keeps its line ends
            return place
        end = self.text.find("\n", place)
        return len(self.text) if end < 0 else end + 1

    def _text_end(self, place: int) -> int:
        """Before the line end of the line that ``place`` is in."""
        place -= 1 if place and self.text[place - 1] == "\n" else 0
        end = self.text.find("\n", place)
        end = len(self.text) if end < 0 else end
        return end - 1 if self.text[place:end].endswith("\r") else end


def _indented(block: str, columns: int) -> str:
    pad = " " * columns
    return "".join(pad + line if line.strip() else line for line in block.splitlines(keepends=True))


def _same_order(one: Any, other: Any) -> bool:
    if isinstance(one, dict):
        return list(one) == list(other) and all(_same_order(one[key], other[key]) for key in one)
    if isinstance(one, list):
        return all(_same_order(a, b) for a, b in zip(one, other, strict=True))
    return True
