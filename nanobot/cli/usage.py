"""`nanobot usage`: what was asked of models, and what it took."""

from __future__ import annotations

from pathlib import Path

import orjson

from nanobot.cli.client import ask
from nanobot.cli.words import language


def run(folder: Path, since: str, by: str, *, as_json: bool) -> int:
    """Raises ``NanobotError`` with the hub's sentence."""
    told = ask(folder, "usage", {"since": since, "by": by, "language": language()})
    text = told.pop("text")
    print(orjson.dumps(told, option=orjson.OPT_INDENT_2).decode() if as_json else text)
    return 0
