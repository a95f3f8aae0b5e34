"""One YAML file to plain data, fast, with every fault in it and, when asked, the line of every key.

Reads YAML 1.1 as Home Assistant does (``on`` is true, ``0:05`` text, ``10:30`` a number). Built on the events of
libyaml instead of PyYAML's nodes: seven times as fast, because no tree of nodes keeps the garbage collector busy.
Tags such as ``!include`` are not followed here; they stay in the data as ``Tag``, for whoever knows about folders.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import yaml
from yaml.constructor import SafeConstructor
from yaml.events import (
    AliasEvent,
    DocumentEndEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    StreamEndEvent,
)
from yaml.nodes import ScalarNode
from yaml.resolver import Resolver

from nanobot.util.yaml_lines import read as read_lines

try:
    from yaml._yaml import CParser as _Parser
except ImportError:  # PyYAML without libyaml: slower, but it works

    class _Parser(yaml.reader.Reader, yaml.scanner.Scanner, yaml.parser.Parser):  # type: ignore[no-redef]
        def __init__(self, stream: str) -> None:
            yaml.reader.Reader.__init__(self, stream)
            yaml.scanner.Scanner.__init__(self)
            yaml.parser.Parser.__init__(self)


DEEPEST = 100
"""Levels of nesting. Deeper ones would break everything that walks through the data."""
MOST_BY_ALIASES = 1_000_000
"""Nodes that aliases may add to a file. A few hundred bytes of aliases of aliases can stand for billions."""

_STANDARD = "tag:yaml.org,2002:"
_resolver: Any = Resolver()
_constructor = SafeConstructor()

_SCALARS = {
    kind: SafeConstructor.yaml_constructors[_STANDARD + kind]
    for kind in ("null", "bool", "int", "float", "binary", "timestamp")
}

Event = Any
"""PyYAML's; its stubs know neither that every event of a node has an anchor nor that one from a text has a mark."""
_Scalar: Any = ScalarEvent
Path = tuple[Any, ...]
Marks = dict[Any, Any] | list[Any]
"""Mirrors the data: for each key or item its line, or ``(line, marks)`` where the value has items of its own."""


@dataclass(frozen=True, slots=True)
class Tag:
    """A tagged node that the file alone cannot say the value of. ``argument`` is None when it is no scalar."""

    name: str
    argument: str | None
    line: int


@dataclass(frozen=True, slots=True)
class Input:
    """``!input name``: what a blueprint leaves open."""

    name: str


@dataclass(frozen=True, slots=True)
class Unusable:
    """Stands where a value could not be made out; why has been said elsewhere."""

    reason: str

    def __repr__(self) -> str:
        return "(unusable)"


@dataclass(frozen=True, slots=True)
class Fault:
    """Something wrong in a file. ``key`` names the sentence, ``line`` counts from 1, ``path`` is within the file."""

    key: str
    placeholders: Mapping[str, str] = field(default_factory=dict)
    line: int = 1
    path: Path = ()


class Unparsable(Exception):
    """Not YAML. Nothing of the file can be used."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(f"{fault.key} in line {fault.line}")
        self.fault = fault


class Document:
    """What stands in one file. ``data`` is shared by all who read it: do not change it.

    ``data`` is None for an empty file. ``tagged``: there are ``Tag``, ``Input`` or ``Unusable`` nodes in it.
    ``size`` counts nodes, an alias as often as it stands for them. ``anchored``: there are anchors or aliases.
    """

    __slots__ = ("_marks", "anchored", "data", "faults", "size", "tagged", "text")

    def __init__(
        self, text: str, data: Any, faults: tuple[Fault, ...], *, tagged: bool, size: int, anchored: bool = False
    ) -> None:
        self.text = text
        self.data = data
        self.faults = faults
        self.tagged = tagged
        self.size = size
        self.anchored = anchored
        self._marks: tuple[Marks | None] | None = None

    def line(self, path: Path) -> int:
        """The line of the deepest node on ``path`` that is known here."""
        if self._marks is None:  # parsed once more: keeping the lines of all files costs more than their data
            self._marks = (Builder(self.text).build()[1],)
        line, marks = 1, self._marks[0]
        for step in path:
            try:
                found = marks[step]  # type: ignore[index]
            except (LookupError, TypeError):
                break
            line, marks = found if type(found) is tuple else (found, None)
        return line


def parse(content: bytes | str) -> Document:
    """Read the text of one file. Raises ``Unparsable``."""
    text = content if isinstance(content, str) else decode(content)
    found = simple(text)
    if found is not None:
        return Document(text, found[0], (), tagged=False, size=found[1])
    builder: Builder = _WithoutMarks(text)
    try:
        try:
            data, _ = builder.build()
        except _Special:
            builder = Builder(text)
            data, _ = builder.build()
    except yaml.YAMLError as error:
        raise Unparsable(_syntax(error, text)) from error
    return Document(
        text, data, tuple(builder.faults), tagged=builder.tagged, size=builder.size, anchored=builder.anchored
    )


def decode(content: bytes) -> str:
    encoding = "utf-16" if content.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise Unparsable(Fault("not_utf8", {"byte": f"0x{content[error.start]:02x}"}, line)) from error


class Builder:
    """Turns the events of one file into data and marks. Recursive, as deep as the data is."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.faults: list[Fault] = []
        self.tagged = False
        self.size = 0
        self.get: Callable[[], Any] = _Parser(text).get_event
        self._by_aliases = 0
        self._aliased = False
        self._path: list[Any] = []
        self._anchors: dict[str, tuple[Any, Any, int] | None] = {}
        self._plain: dict[str, Any] = {}

    @property
    def anchored(self) -> bool:
        """Whether something in it has an anchor, or an alias stands for it."""
        return bool(self._anchors) or self._aliased

    def build(self) -> tuple[Any, Marks | None]:
        get = self.get
        get()  # start of the stream
        if isinstance(get(), StreamEndEvent):
            return None, None
        data, marks = self.node(get())
        while isinstance(event := get(), DocumentEndEvent):
            pass
        if not isinstance(event, StreamEndEvent):
            raise Unparsable(Fault("second_document", {}, event.start_mark.line + 1))
        return data, marks

    def node(self, event: Event) -> tuple[Any, Any]:
        kind = event.__class__
        if kind is AliasEvent:
            return self.alias(event)
        if event.anchor is not None:
            self._anchors[event.anchor] = None  # an alias inside of itself finds nothing
        before = self.size
        value: Any
        marks: Any = None
        if kind is ScalarEvent:
            value = self.scalar(event)
        else:
            if len(self._path) > DEEPEST:
                raise Unparsable(Fault("too_deep", {"levels": str(DEEPEST)}, event.start_mark.line + 1))
            value, marks = self.mapping(event) if kind is MappingStartEvent else self.sequence()
            if event.tag is not None:
                value, marks = self.tagged_collection(event, value, marks)
        if event.anchor is not None:
            self._anchors[event.anchor] = (value, marks, self.size - before)
        return value, marks

    def scalar(self, event: Event) -> Any:
        self.size += 1
        text: str = event.value
        plain, quoted = event.implicit
        if plain:
            try:
                return self._plain[text]
            except KeyError:
                tag = _resolver.resolve(ScalarNode, text, (True, False))
                value = self._plain[text] = self.construct(tag, text, event)
                if type(value) is Unusable:
                    del self._plain[text]  # each place is to be told
                return value
        if quoted or event.tag is None:
            return text
        if event.tag.startswith(_STANDARD):
            return self.construct(event.tag, text, event)
        self.tagged = True
        argument = text.strip()
        if event.tag == "!input" and argument:
            return Input(argument)
        return Tag(event.tag, argument, event.start_mark.line + 1)

    def construct(self, tag: str, text: str, event: Event) -> Any:
        kind = tag[len(_STANDARD) :]
        if kind in ("str", "value", "merge"):  # a lone "=" or "<<", which PyYAML refuses as a value
            return text
        try:
            return _SCALARS[kind](_constructor, ScalarNode(tag, text))
        except (KeyError, ValueError, yaml.YAMLError):
            return self.unusable(Fault("not_a_value", {"value": text[:60], "kind": kind}, self.line(event)))

    def mapping(self, start: Event) -> tuple[Any, Any]:
        data: dict[Any, Any] = {}
        marks: dict[Any, Any] = {}
        merged: list[tuple[Any, Any]] = []
        path, get, scalar = self._path, self.get, self.scalar
        broken: Any = None
        self.size += 1
        while True:
            event = get()
            if event.__class__ is _Scalar and event.anchor is None:
                key = scalar(event)
            elif event.__class__ is MappingEndEvent:
                break
            else:
                key = self.node(event)[0]
            line: int = event.start_mark.line + 1
            value_event = get()
            if value_event.__class__ is _Scalar and value_event.anchor is None:
                value, inner = scalar(value_event), None
                if value.__class__ is Unusable:
                    self.belongs_to(key)
            else:
                path.append(key)
                value, inner = self.node(value_event)
                path.pop()
            if type(key) is str and key == "<<" and event.__class__ is _Scalar and event.implicit[0]:
                merged += self.sources(value, inner, line)
                continue
            try:
                if key in data:
                    first = marks[key][0] if type(marks[key]) is tuple else marks[key]
                    self.duplicate(key, first, line)
                data[key] = value
                marks[key] = line if inner is None else (line, inner)
            except TypeError:
                broken = self.unhashable(start, line)
            if key.__class__ in (Tag, Input, Unusable):
                broken = self.unhashable(start, line)
        if merged:
            base: dict[Any, Any] = {}
            base_marks: dict[Any, Any] = {}
            for source, source_marks in merged:
                base.update(source)
                base_marks.update(source_marks)
            data, marks = {**base, **data}, {**base_marks, **marks}
        return (data, marks) if broken is None else (broken, None)

    def sequence(self) -> tuple[list[Any], list[Any]]:
        data: list[Any] = []
        marks: list[Any] = []
        path, get, scalar = self._path, self.get, self.scalar
        self.size += 1
        while True:
            event = get()
            if event.__class__ is _Scalar and event.anchor is None:
                value = scalar(event)
                if value.__class__ is Unusable:
                    self.belongs_to(len(data))
                data.append(value)
                marks.append(event.start_mark.line + 1)
            elif event.__class__ is SequenceEndEvent:
                return data, marks
            else:
                path.append(len(data))
                value, inner = self.node(event)
                path.pop()
                line = event.start_mark.line + 1
                data.append(value)
                marks.append(line if inner is None else (line, inner))

    def alias(self, event: Event) -> tuple[Any, Any]:
        self._aliased = True
        found = self._anchors.get(event.anchor)
        if found is None:
            key = "alias_in_itself" if event.anchor in self._anchors else "alias_unknown"
            return self.unusable(Fault(key, {"name": event.anchor}, self.line(event))), None
        value, marks, size = found
        self.size += size
        self._by_aliases += size
        if self._by_aliases > MOST_BY_ALIASES:
            raise Unparsable(Fault("too_many_aliases", {}, self.line(event)))
        return value, marks

    def tagged_collection(self, event: Event, value: Any, marks: Any) -> tuple[Any, Any]:
        kind = event.tag.removeprefix(_STANDARD)
        match kind, value:
            case ("!", _) | ("map", dict()) | ("seq", list()):
                return value, marks
            case "set", dict():
                return set(value), marks
            case (("omap" | "pairs"), list()):
                return [pair for item in value if isinstance(item, dict) for pair in item.items()], marks
        if event.tag.startswith(_STANDARD):
            return self.unusable(Fault("not_a_value", {"value": "…", "kind": kind}, self.line(event))), None
        self.tagged = True
        return Tag(event.tag, None, self.line(event)), None

    def sources(self, value: Any, marks: Any, line: int) -> list[tuple[Any, Any]]:
        """What ``<<`` brings in, the one that counts most last."""
        pairs = [(value, marks)] if isinstance(value, dict) else []
        if isinstance(value, list) and value and all(isinstance(item, dict) for item in value):
            pairs = [(item, mark[1]) for item, mark in zip(value, marks, strict=True)][::-1]
        if not pairs:
            self.faults.append(Fault("merge_invalid", {}, line, tuple(self._path)))
        return pairs

    def duplicate(self, key: Any, first: int, line: int) -> None:
        fault = Fault("duplicate_key", {"name": str(key), "first": str(first)}, line, (*self._path, key))
        self.faults.append(fault)

    def unhashable(self, start: Event, line: int) -> Any:
        # `value: {{ states('x') }}` without quotes is a mapping that has a mapping as its key
        _, text = _cut(self.text, start.start_mark)
        return self.unusable(Fault("template_unquoted" if text.startswith("{{") else "key_unhashable", {}, line))

    def belongs_to(self, step: Any) -> None:
        """The last fault lies one step deeper: it is that of a single value, for which no path is kept."""
        self.faults[-1] = replace(self.faults[-1], path=(*self._path, step))

    def unusable(self, fault: Fault) -> Unusable:
        self.tagged = True
        fault = replace(fault, path=tuple(self._path))
        if fault not in self.faults[-1:]:  # one line may have several keys that cannot be one
            self.faults.append(fault)
        return Unusable(fault.key)

    @staticmethod
    def line(event: Event) -> int:
        return int(event.start_mark.line) + 1


class _Special(Exception):
    """Something that needs marks, paths or anchors."""


def simple(text: str) -> tuple[Any, int] | None:
    """The data of a file that consists of plain lines, and how many nodes it has; None for any other."""
    known: dict[str, Any] = {}

    def plain(written: str) -> Any:
        try:
            return known[written]
        except KeyError:
            tag = _resolver.resolve(ScalarNode, written, (True, False))
            kind = tag[len(_STANDARD) :]
            if kind not in ("str", "value", "merge"):
                value = known[written] = _SCALARS[kind](_constructor, ScalarNode(tag, written))
            else:
                value = known[written] = written
            return value

    try:
        return read_lines(text, plain)
    except (KeyError, ValueError, yaml.YAMLError):
        return None


class _WithoutMarks(Builder):
    """What most files need: their data alone, in less time. Raises ``_Special`` for a fault, an anchor, a merge key."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._depth = 0

    def node(self, event: Event) -> tuple[Any, Any]:
        return (self.scalar(event) if event.__class__ is _Scalar else self._collection(event)), None

    def scalar(self, event: Event) -> Any:
        if event.anchor is not None:
            raise _Special
        value = super().scalar(event)
        if value.__class__ is Unusable:
            raise _Special
        return value

    def _collection(self, event: Event) -> Any:
        kind = event.__class__
        if kind is AliasEvent or event.anchor is not None or event.tag is not None or self._depth > DEEPEST:
            raise _Special
        self._depth += 1
        self.size += 1
        value = self._of_mapping() if kind is MappingStartEvent else self._of_sequence()
        self._depth -= 1
        return value

    def _of_mapping(self) -> dict[Any, Any]:
        data: dict[Any, Any] = {}
        get, plain, scalar = self.get, self._plain, self.scalar
        values = 0
        while True:
            event = get()
            if event.__class__ is not _Scalar:
                if event.__class__ is MappingEndEvent:
                    self.size += len(data) + values
                    return data
                raise _Special
            key = plain.get(event.value) if event.implicit[0] and event.anchor is None else None
            if key is None:
                key = scalar(event)
                self.size -= 1
            if key in data or key == "<<" or key.__class__ in _NO_KEYS:
                raise _Special
            event = get()
            if event.__class__ is not _Scalar:
                data[key] = self._collection(event)
                continue
            values += 1
            plainly, quoted = event.implicit
            if quoted and not plainly and event.anchor is None:
                data[key] = event.value
            else:
                data[key] = scalar(event)
                self.size -= 1

    def _of_sequence(self) -> list[Any]:
        data: list[Any] = []
        get, scalar = self.get, self.scalar
        while True:
            event = get()
            kind = event.__class__
            if kind is _Scalar:
                data.append(scalar(event))
            elif kind is SequenceEndEvent:
                return data
            else:
                data.append(self._collection(event))


_NO_KEYS = (Tag, Input)

_SYNTAX: tuple[tuple[str, str], ...] = (
    ("mapping values are not allowed", "yaml_colon"),
    ("found character '\\t'", "yaml_tab"),
    ("tab character", "yaml_tab"),
    ("did not find expected key", "yaml_indentation"),
    ("block mapping|expected <block end>", "yaml_indentation"),
    ("did not find expected '-' indicator", "yaml_dash"),
    ("block sequence entries are not allowed", "yaml_dash"),
    ("unexpected end of stream", "yaml_quote"),
    ("unexpected document indicator", "yaml_quote"),
    ("expected ',' or '[\\]}]'", "yaml_bracket"),
    ("did not find expected node content|expected the node content", "yaml_flow"),
    ("could not find expected ':'", "yaml_key"),
    ("alphabetic or numeric character", "yaml_star"),
    ("unknown escape character", "yaml_escape"),
    ("control characters|special characters", "yaml_control"),
)
"""What libyaml says and PyYAML's own parser, and the sentence that tells a person what to do about it."""

_FROM_THE_START = {"yaml_quote", "yaml_bracket"}
"""Where the line to look at is the one in which it began, not the one in which the parser gave up."""


def _cut(text: str, mark: Any) -> tuple[str, str]:
    """The line of a mark, what stands before it and what from it on."""
    lines = text.splitlines()
    line = lines[mark.line] if mark.line < len(lines) else ""
    return line[: mark.column], line[mark.column :]


def _syntax(error: yaml.YAMLError, text: str) -> Fault:
    if isinstance(error, yaml.reader.ReaderError):
        position = error.position if isinstance(error.position, int) else 0
        return Fault("yaml_control", {}, text.encode()[:position].count(b"\n") + 1)
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    began = getattr(error, "context_mark", None) or mark
    problem = str(getattr(error, "problem", None) or error)
    end = max(1, len(text.splitlines()))  # what is missing at the end is missing in the last line
    line = 1 if mark is None else min(mark.line + 1, end)
    before, rest = ("", "") if mark is None else _cut(text, mark)
    if "cannot start any token" in problem:
        return Fault("yaml_tab" if rest[:1] == "\t" else "yaml_character", {"character": rest[:1]}, line)
    if "did not find expected key" in problem and before.strip():
        return Fault("yaml_after_quote", {}, line)  # not the indentation: something stands before it on this line
    for pattern, key in _SYNTAX:
        if re.search(pattern, problem):
            start = line if began is None else min(began.line + 1, end)
            return Fault(key, {"line": str(line)}, start if key in _FROM_THE_START else line)
    return Fault("yaml_syntax", {"reason": problem}, line)
