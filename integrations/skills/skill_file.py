"""A ``SKILL.md``: what its head says, in our words and in those of AgentSkills, OpenClaw and the older nanobot."""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import yaml

LONGEST_HEAD = 16_000  # characters
LONGEST_DESCRIPTION = 1024  # characters, as AgentSkills has it

_HEAD = re.compile(r"\A\ufeff?---[ \t]*\n(.*?)^---[ \t]*(?:\n|\Z)", re.DOTALL | re.MULTILINE)
_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?")
_OWN = ("nanobot", "openclaw", "clawdbot", "moltbot")
"""Under which names ``metadata`` may hold what programs add to the format."""
_SYSTEMS = {"linux": "linux", "darwin": "darwin", "macos": "darwin", "win32": "win32", "windows": "win32"}
_TOOLS = {
    "bash": "shell",
    "exec": "shell",
    "read": "read_file",
    "write": "write_file",
    "edit": "edit_file",
    "multiedit": "edit_file",
    "ls": "list_dir",
    "webfetch": "web_fetch",
    "websearch": "web_search",
}
"""What other programs call the tools that ours are called otherwise."""


@dataclass(frozen=True, slots=True)
class SkillFile:
    """``wrong`` is a sentence about the file itself. ``any_bins``: one of them is enough."""

    name: str
    description: str = ""
    body: str = ""
    always: bool = False
    bins: tuple[str, ...] = ()
    any_bins: tuple[str, ...] = ()
    env: tuple[str, ...] = ()
    systems: tuple[str, ...] = ()
    allowed_tools: tuple[str, ...] | None = None
    wrong: str | None = None

    def missing(self) -> tuple[str, str] | None:
        """What it needs and is not there: the key of a text, and the names in it. Looks at the disk."""
        if self.systems and _SYSTEMS.get(sys.platform, sys.platform) not in self.systems:
            return "other_system", ", ".join(self.systems)
        bins = [name for name in self.bins if shutil.which(name) is None]
        if bins:
            return "needs_bins", ", ".join(bins)
        if self.any_bins and not any(map(shutil.which, self.any_bins)):
            return "needs_any_bin", ", ".join(self.any_bins)
        env = [name for name in self.env if not os.environ.get(name)]
        return ("needs_env", ", ".join(env)) if env else None


def parse(folder: str, text: str) -> SkillFile:
    """Of the text of ``<folder>/SKILL.md``. Never raises: what is wrong stands in ``wrong``."""
    found = _HEAD.match(text)
    if found is None:
        return SkillFile(folder, wrong="SKILL.md does not begin with a head between two lines of ---")
    if len(found[1]) > LONGEST_HEAD:
        return SkillFile(folder, wrong=f"the head of SKILL.md has more than {LONGEST_HEAD} characters")
    try:
        head = yaml.safe_load(found[1])
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"SKILL.md:{mark.line + 2}: " if mark is not None else ""
        what = getattr(error, "problem", None) or "it cannot be read"
        return SkillFile(folder, wrong=f"{where}the head is no valid YAML: {what}")
    except (ValueError, RecursionError) as error:
        return SkillFile(folder, wrong=f"the head of SKILL.md cannot be read: {type(error).__name__}")
    if not isinstance(head, dict):
        return SkillFile(folder, wrong="the head of SKILL.md has no keys")
    return _of(folder, {str(key).replace("_", "-").lower(): value for key, value in head.items()}, text[found.end() :])


def _of(folder: str, head: Mapping[str, Any], body: str) -> SkillFile:
    name = _text(head.get("name")).strip() or folder
    description = " ".join(_text(head.get("description")).split())
    own = _own(head.get("metadata"))
    requires = [part for part in (head.get("requires"), own.get("requires")) if isinstance(part, dict)]
    return SkillFile(
        name=folder,
        description=description[:LONGEST_DESCRIPTION],
        body=body.strip(),
        always=_true(head.get("always")) or _true(own.get("always")),
        bins=_names(*(part.get("bins") for part in requires)),
        any_bins=_names(*(part.get("anyBins", part.get("any_bins")) for part in requires)),
        env=_names(*(part.get("env") for part in requires)),
        systems=tuple(_SYSTEMS.get(one.lower(), one) for one in _names(own.get("os"), head.get("os"))),
        allowed_tools=_tools(head.get("allowed-tools", own.get("allowed-tools", own.get("allowedTools")))),
        wrong=_fault(folder, name, description),
    )


def _fault(folder: str, name: str, description: str) -> str | None:
    if not _NAME.fullmatch(folder):
        return "its folder must be named with small letters, digits and hyphens, 64 at most"
    if name != folder:
        return f"its name is '{name[:80]}', but its folder is called '{folder}'"
    if not description:
        return "SKILL.md lacks a description"
    return None


def _own(metadata: Any) -> Mapping[str, Any]:
    """What a program of our kind has added: a mapping, or JSON in a text."""
    if isinstance(metadata, str):
        try:
            metadata = json.loads(metadata)
        except (ValueError, RecursionError):
            return {}
    if not isinstance(metadata, dict):
        return {}
    return next((part for name in _OWN if isinstance(part := metadata.get(name), dict)), metadata)


def _true(value: Any) -> bool:
    return value is True or (isinstance(value, str) and value.strip().lower() in ("true", "yes", "on"))


def _text(value: Any) -> str:
    """A text or a number; "" for anything else, which a few bytes of YAML aliases can make endless."""
    return str(value) if isinstance(value, str | int | float) else ""


def _names(*values: Any) -> tuple[str, ...]:
    """Lists, or texts with commas or blanks between the names."""
    found: dict[str, None] = {}
    for value in values:
        parts = value if isinstance(value, list) else re.split(r"[\s,]+", value) if isinstance(value, str) else ()
        found.update(dict.fromkeys(part.strip() for part in map(_text, parts) if part.strip()))
    return tuple(found)


def _tools(value: Any) -> tuple[str, ...] | None:
    """Without what other programs put in brackets, ``Bash(git:*)``: our policy knows better what a command may do."""
    if value is None:
        return None
    bare = re.sub(r"\([^)]*\)", "", value) if isinstance(value, str) else value
    names = (re.sub(r"\(.*", "", name) for name in _names(bare))
    return tuple(dict.fromkeys(_TOOLS.get(name.lower(), name) for name in names if name))
