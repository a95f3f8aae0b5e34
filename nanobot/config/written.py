"""Values as YAML, the way a person would write them."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Any

import yaml

from nanobot.util.yaml import Tag

_TIME = re.compile(r"\d+(:\d+)+")


class _Writer(yaml.SafeDumper):
    """Lists are indented below their key, long lines stay one, and texts of several lines are written as such."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)

    def ignore_aliases(self, data: Any) -> bool:
        return True

    def choose_scalar_style(self) -> Any:
        event: Any = self.event
        if event.tag and event.tag.startswith("!"):
            self.analysis = self.analyze_scalar(event.value)
            if self.analysis.allow_flow_plain:
                return ""
        return super().choose_scalar_style()


def _text(writer: _Writer, text: str) -> yaml.ScalarNode:
    lines = text.split("\n")
    plain = len(lines) > 1 and text.strip() and not text.endswith("\n\n") and not text[0].isspace()
    if _TIME.fullmatch(text):  # many readers of YAML 1.1 make a number of some of them
        return writer.represent_scalar("tag:yaml.org,2002:str", text, style="'")
    style = "|" if plain and all(line == line.rstrip() and line.isprintable() for line in lines) else None
    return writer.represent_scalar(
        "tag:yaml.org,2002:str", text, style='"' if style is None and "\n" in text else style
    )


def _tag(writer: _Writer, tag: Tag) -> yaml.ScalarNode:
    return writer.represent_scalar(tag.name, str(tag.argument))


_Writer.add_representer(str, _text)
_Writer.add_representer(Tag, _tag)


def write(value: Any, tags: Collection[str] = ()) -> str:
    """A value as lines of YAML. Texts that are in ``tags``, such as ``!secret door``, are written as these tags."""
    return _dumped(value, tags, flow_style=False)


def flow(value: Any, tags: Collection[str] = ()) -> str:
    """A value in one line, as it stands within brackets."""
    line = _dumped([value], tags, flow_style=True).strip()
    return line[1:-1]


def _dumped(value: Any, tags: Collection[str], *, flow_style: bool) -> str:
    return str(
        yaml.dump(
            _tagged(value, tags), Dumper=_Writer, default_flow_style=flow_style, allow_unicode=True, sort_keys=False,
            width=10**9,
        )
    )  # fmt: skip


def _tagged(value: Any, tags: Collection[str]) -> Any:
    if isinstance(value, str) and value in tags:
        name, _, argument = value.partition(" ")
        return Tag(name, argument, 0)
    if isinstance(value, dict):
        return {key: _tagged(item, tags) for key, item in value.items()}
    if isinstance(value, list):
        return [_tagged(item, tags) for item in value]
    return value
