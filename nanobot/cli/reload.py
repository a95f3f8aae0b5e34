"""`nanobot reload`: have the running hub read its configuration again, or restart one integration."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import orjson

from nanobot.cli.client import ask
from nanobot.cli.words import language, say


def run(folder: Path, entry: str | None, *, as_json: bool) -> int:
    """Exit code 1 when the configuration has problems. Raises ``NotRunning``."""
    data = {"language": language(), **({"entry": entry} if entry else {})}
    done: dict[str, Any] = ask(folder, "reload", data) or {}
    if as_json:
        print(orjson.dumps(done, option=orjson.OPT_INDENT_2).decode())
    else:
        _show(done)
    return 1 if done.get("problems") or not done.get("applied", True) else 0


def _show(done: dict[str, Any]) -> None:
    changes = [
        say(f"reload.{word}", names=", ".join(done[word])) for word in ("added", "changed", "removed") if done.get(word)
    ]
    if not done.get("applied", True):
        print(done.get("reason") or say("reload.rejected"), file=sys.stderr)
    else:
        print("\n".join(changes) or say("reload.nothing"))
    for problem in done.get("problems", ()):
        print(f"! {problem['text']}", file=sys.stderr)
