"""Changes to YAML that leave the rest of the text, comments and all, as its author wrote it."""

from __future__ import annotations

import json
from typing import Any

import yaml

from nanobot.config.same import same
from nanobot.util.secrets import MASK, SecretText
from nanobot.util.yaml import Input, Tag, parse
from nanobot.util.yaml import Path as Steps


class _Dumper(yaml.SafeDumper):
    """Tags stay tags, texts of several lines are written as such."""

    def ignore_aliases(self, data: Any) -> bool:
        return True

    def choose_scalar_style(self) -> Any:
        tagged = str(getattr(self.event, "tag", None)).startswith("!")
        return "" if tagged else super().choose_scalar_style()

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> Any:
        return super().increase_indent(flow, False)


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.Node:
    lines = text.splitlines()
    block = "\n" in text and not any(line != line.rstrip() for line in lines) and "\t" not in text
    style = "|" if block else "'" if text[:1].isdigit() else None  # a time without quotes may become a number
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


def _mapping(dumper: yaml.SafeDumper, data: dict[Any, Any]) -> yaml.Node:
    return dumper.represent_mapping("tag:yaml.org,2002:map", data.items())


_Dumper.add_representer(str, _text)
_Dumper.add_multi_representer(dict, _mapping)
_Dumper.add_representer(SecretText, lambda dumper, value: dumper.represent_str(MASK))
_Dumper.add_representer(Tag, lambda dumper, tag: dumper.represent_scalar(tag.name, tag.argument or "", style=""))
_Dumper.add_representer(Input, lambda dumper, value: dumper.represent_scalar("!input", value.name, style=""))


def dump(data: Any) -> str:
    """Data as YAML that a person would write."""
    return yaml.dump(data, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=110, default_flow_style=False)


def with_source(text: str, url: str) -> str:
    """A blueprint's text with the address it was taken from, below its domain or in the place of another."""
    head = _at(text, ("blueprint",))
    if not isinstance(head, yaml.MappingNode):
        return text
    values = {key.value: (key, value) for key, value in head.value}
    key, old = values.get("source_url") or values["domain"]
    start, end = old.start_mark.index, old.end_mark.index
    plain = url if not head.flow_style else json.dumps(url)
    if key.value == "source_url":
        return text[:start] + plain + text[end:]
    between = ", " if head.flow_style else "\n" + " " * key.start_mark.column
    line_end = text.find("\n", end) if not head.flow_style else end
    line_end = len(text) if line_end < 0 else line_end
    return f"{text[:line_end]}{between}source_url: {plain}{text[line_end:]}"


def replaced(text: str, path: Steps, data: Any) -> str | None:
    """The text with the mapping at ``path`` written anew, None where that would change anything else."""
    node = _at(text, path)
    if not isinstance(node, yaml.MappingNode):
        return None
    start, end = node.start_mark.index, node.end_mark.index
    kept = _without_trail(text[start:end])
    column = node.start_mark.column
    if node.flow_style:  # what stands in one line begins in the column of its key
        line = text[text.rfind("\n", 0, start) + 1 : start]
        column = len(line) - len(line.lstrip(" -")) if line.strip(" -") == "" else len(line) - len(line.lstrip()) + 2
        before = "" if line.strip(" -") == "" else "\n" + " " * column
    else:
        before = ""
    new = dump(data).rstrip("\n").replace("\n", "\n" + " " * column).replace("\n" + " " * column + "\n", "\n\n")
    changed = text[:start] + before + new + text[start + len(kept) :]
    try:
        expected = _set(parse(text).data, path, data)
        return changed if same(_plain(parse(changed).data), _plain(expected)) else None
    except Exception:  # what cannot be read again is not worth a look at why
        return None


def _without_trail(text: str) -> str:
    """Without the blank lines and comments at the end, which belong to what follows."""
    lines = text.splitlines(keepends=True)
    while lines and (not lines[-1].strip() or lines[-1].lstrip().startswith("#")):
        lines.pop()
    return "".join(lines).rstrip()


def _at(text: str, path: Steps) -> yaml.Node | None:
    node = yaml.compose(text, Loader=yaml.SafeLoader)
    for step in path:
        if isinstance(node, yaml.MappingNode):
            node = next((value for key, value in node.value if key.value == step), None)
        elif isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
            node = node.value[step]
        else:
            return None
    return node


def _set(data: Any, path: Steps, value: Any) -> Any:
    if not path:
        return value
    copy = data.copy()
    copy[path[0]] = _set(data[path[0]], path[1:], value)
    return copy


def _plain(data: Any) -> Any:
    """For comparing: without the lines of tags."""
    match data:
        case dict():
            return {key: _plain(value) for key, value in data.items()}
        case list():
            return [_plain(value) for value in data]
        case Tag():
            return ("tag", data.name, data.argument)
    return data
