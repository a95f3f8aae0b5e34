"""`nanobot why` and `nanobot why-not`: what led to something, and what kept an automation from running."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import orjson

from nanobot.cli.client import ask
from nanobot.cli.words import language


def run(folder: Path, what: Sequence[str], *, command: str, as_json: bool) -> int:
    """``command``: ``why`` or ``why_not``. Raises ``NanobotError`` with the hub's sentence."""
    told = ask(folder, command, {"what": " ".join(what), "language": language()})
    print(orjson.dumps(told, option=orjson.OPT_INDENT_2).decode() if as_json else told["text"])
    return 0
