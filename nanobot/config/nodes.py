"""Where each value of a YAML file begins and ends, to the character: what editing somebody's file needs to know."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Literal

from yaml.events import (
    AliasEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    StreamEndEvent,
)

from nanobot.util.yaml import DEEPEST, Builder, Fault, Input, Path, Tag, Unparsable, parse


@dataclass(slots=True)
class Child:
    """One entry of a mapping (``key`` as JSON would have it, with its span) or of a list (``key`` is its place)."""

    key: Any
    start: int
    end: int
    node: Node


@dataclass(slots=True)
class Node:
    """``value`` is what a client is shown: plain JSON, with ``!secret name`` and other tags as such texts.

    ``start`` and ``end`` are places in the text; comments and blank lines behind the last value are outside.
    ``fixed``: there is an anchor, an alias or a merge key at or below it. ``anchor``: it has one itself.
    """

    kind: Literal["scalar", "mapping", "sequence"]
    value: Any
    start: int
    end: int
    column: int
    flow: bool = False
    tag: str | None = None
    anchor: bool = False
    fixed: bool = False
    children: list[Child] = field(default_factory=list)

    def at(self, path: Path) -> Node | None:
        """The node on ``path``, if it stands in this text."""
        node: Node | None = self
        for step in path:
            node = next((child.node for child in node.children if child.key == key_of(step)), None) if node else None
        return node

    def tags(self) -> Iterator[str]:
        """The texts of all tags at and below it."""
        if self.tag is not None and self.kind == "scalar":
            yield str(self.value)
        for child in self.children:
            yield from child.node.tags()


def read(text: str) -> Node | None:
    """All nodes of a text, None when nothing stands in it. Raises ``Unparsable``."""
    parse(text)  # tells what is wrong in the words that people get elsewhere
    return _Reader(text).read()


def key_of(key: Any) -> Any:
    """A key of a mapping as it is in JSON; the place in a list stays a number in paths."""
    if key is None:
        return "null"
    return str(key).lower() if isinstance(key, bool) else key if isinstance(key, (str, int)) else str(key)


def equal(one: Any, other: Any) -> bool:
    """Whether two values mean the same: 1 is 1.0 but not true; the order of keys does not count."""
    if isinstance(one, dict):
        return (
            isinstance(other, dict) and one.keys() == other.keys() and all(equal(one[key], other[key]) for key in one)
        )
    if isinstance(one, list):
        return (
            isinstance(other, list)
            and len(one) == len(other)
            and all(equal(a, b) for a, b in zip(one, other, strict=True))
        )
    return bool(isinstance(one, bool) == isinstance(other, bool) and one == other)


class _Reader:
    def __init__(self, text: str) -> None:
        self._text = text
        self._builder = Builder(text)
        self._get = self._builder.get
        self._anchors: dict[str, Any] = {}

    def read(self) -> Node | None:
        self._get()
        if isinstance(self._get(), StreamEndEvent):
            return None
        return self._node(self._get(), 0)

    def _node(self, event: Any, depth: int) -> Node:
        start, end, column = event.start_mark.index, event.end_mark.index, event.start_mark.column
        if depth > DEEPEST + 1:
            raise Unparsable(Fault("too_deep", {"levels": str(DEEPEST)}, event.start_mark.line + 1))
        anchor = event.anchor
        if event.__class__ is AliasEvent:
            return Node("scalar", self._anchors.get(anchor), start, end, column, fixed=True)
        if isinstance(event, ScalarEvent):
            value = _shown(self._builder.scalar(event))
            tag = event.tag if event.tag and not event.implicit[0] and not event.implicit[1] else None
            node = Node("scalar", value, start, self._end(event), column, tag=tag)
        elif isinstance(event, MappingStartEvent):
            node = self._mapping(event, depth)
        else:
            node = self._sequence(event, depth)
        if anchor is not None:
            self._anchors[anchor] = node.value
            node.anchor = node.fixed = True
        return node

    def _end(self, event: Any) -> int:
        end: int = event.end_mark.index
        if event.style in ("|", ">"):  # it ends before the blank lines that do not belong to it
            header = self._text[event.start_mark.index :].split("\n", 1)[0].split("#")[0]
            whole = self._text[event.start_mark.index : end]
            return end if "+" in header else event.start_mark.index + len(whole.rstrip(" \t\r\n"))
        return end

    def _mapping(self, event: Any, depth: int) -> Node:
        node = Node(
            "mapping", {}, event.start_mark.index, 0, event.start_mark.column, bool(event.flow_style), event.tag
        )
        merged: dict[Any, Any] = {}
        while not isinstance(key_event := self._get(), MappingEndEvent):
            key = self._node(key_event, depth + 1)
            value = self._node(self._get(), depth + 1)
            if key.value == "<<" and key.kind == "scalar":
                node.fixed = node.anchor = True
                for source in value.value if isinstance(value.value, list) else [value.value]:
                    merged = {**source, **merged} if isinstance(source, dict) else merged
                continue
            name = str(key_of(key.value)) if key.kind == "scalar" else repr(key.value)
            node.value[name] = value.value
            node.children.append(Child(name, key.start, key.end, value))
            node.fixed = node.fixed or value.fixed or key.fixed
        if merged:
            node.value = {**merged, **node.value}
        node.end = self._close(node, key_event)
        return node

    def _sequence(self, event: Any, depth: int) -> Node:
        node = Node(
            "sequence", [], event.start_mark.index, 0, event.start_mark.column, bool(event.flow_style), event.tag
        )
        while not isinstance(item := self._get(), SequenceEndEvent):
            child = self._node(item, depth + 1)
            node.value.append(child.value)
            node.children.append(Child(len(node.children), child.start, child.start, child))
            node.fixed = node.fixed or child.fixed
        node.end = self._close(node, item)
        return node

    def _close(self, node: Node, event: Any) -> int:
        at_bracket: int = event.end_mark.index
        return at_bracket if node.flow or not node.children else node.children[-1].node.end


def _shown(value: Any) -> Any:
    match value:
        case Tag():
            return f"{value.name} {value.argument}"
        case Input():
            return f"!input {value.name}"
        case date():
            return value.isoformat()
        case None | bool() | int() | float() | str():
            return value
    return str(value)
