"""`nanobot audit`: what is open, how much that matters, and how to close it."""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import orjson

from nanobot.cli.words import language, say
from nanobot.lifecycle.audit import SEVERITIES, Opening, look
from nanobot.lifecycle.loader import Loader

GOOD, WARNINGS, ERRORS = 0, 1, 2
_COLOURS = {"critical": "bold red", "error": "red", "warning": "yellow", "info": "dim"}


def run(folder: Path, as_json: bool = False) -> int:
    """Look and tell. The value is the exit code: 2 for errors and worse, 1 for warnings, 0 for anything less."""
    loader = Loader(folder)
    loader.mount()
    found = look(folder, loader, language(), time.time())
    if as_json:
        told = {"findings": [one.as_dict() for one in found], "counts": Counter(one.severity for one in found)}
        print(orjson.dumps(told, option=orjson.OPT_INDENT_2).decode())
    else:
        _tell(found)
    worst = min((SEVERITIES.index(one.severity) for one in found), default=len(SEVERITIES))
    return ERRORS if worst <= 1 else WARNINGS if worst == 2 else GOOD


def _tell(found: Sequence[Opening]) -> None:
    from rich.console import Console
    from rich.markup import escape

    console = Console(highlight=False, soft_wrap=True, width=None if sys.stdout.isatty() else 160)
    if not found:
        console.print(say("audit.nothing"))
        return
    for one in found:
        place = "" if one.file is None else f"{one.file}:{one.line}: " if one.line else f"{one.file}: "
        colour = _COLOURS[one.severity]
        console.print(f"[{colour}]{say(f'audit.{one.severity}')}[/]  {escape(place)}{escape(one.text)}")
    counts = Counter(one.severity for one in found)
    told = [f"{say(f'audit.{severity}')} {counts[severity]}" for severity in SEVERITIES if counts[severity]]
    console.print(", ".join(told))
