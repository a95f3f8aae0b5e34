"""`nanobot new`: begin an integration of one's own, as a copy of the one that is made for it."""

from __future__ import annotations

import keyword
import re
import shutil
import sys
from pathlib import Path

from nanobot.cli.words import say
from nanobot.paths import bundled

TEMPLATE = "_template"
TAKEN = {"nanobot", "homeassistant"}  # the core's own key
_NAME = re.compile(r"[a-z][a-z0-9_]{1,40}")
_TEXT = {".py", ".json", ".md"}


def create(config_dir: Path, name: str) -> int:
    """Copy the template to ``<config_dir>/integrations/<name>`` under its new name. Never overwrites. Exit status."""
    if not _NAME.fullmatch(name):
        print(say("new.bad_name", name=name), file=sys.stderr)
        return 2
    if name in TAKEN or keyword.iskeyword(name) or (bundled("integrations") / name).exists():
        print(say("new.taken", name=name), file=sys.stderr)
        return 2
    folder = config_dir / "integrations" / name
    if folder.exists():
        print(say("new.exists", folder=folder), file=sys.stderr)
        return 1
    title = name.replace("_", " ").capitalize()
    try:
        shutil.copytree(bundled("integrations") / TEMPLATE, folder, ignore=shutil.ignore_patterns("__pycache__"))
        for path in folder.rglob("*"):
            if path.suffix in _TEXT:
                text = path.read_text(encoding="utf-8")
                path.write_text(_renamed(text, name, title), encoding="utf-8")
    except OSError as error:
        print(say("new.cannot_write", folder=folder, error=error.strerror or error), file=sys.stderr)
        return 1
    print(say("new.done", folder=folder), f"\n{name}:\n", say("new.then"), sep="\n")
    return 0


def _renamed(text: str, name: str, title: str) -> str:
    text = text.replace('  "hidden": true\n', "").replace('"dependencies": [],\n}', '"dependencies": []\n}')
    return (
        text.replace(TEMPLATE, name)
        .replace('"Template"', f'"{title}"')
        .replace("Template:", f"{title}:")
        .replace("# Template", f"# {title}")
    )
