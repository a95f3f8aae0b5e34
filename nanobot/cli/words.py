"""The words of the command line, in the language of the person's terminal."""

from __future__ import annotations

import os
import shlex
from pathlib import Path

from nanobot.paths import bundled, config_folder
from nanobot.util import translate

LANGUAGES = ("en", "de", "fr", "es", "zh")


def language() -> str:
    """From LC_ALL, LC_MESSAGES or LANG, whichever is set first, as other programs do."""
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        value = os.environ.get(name, "")
        if value:
            code = value.replace("_", "-").split("-")[0].split(".")[0].lower()
            return code if code in LANGUAGES else "en"
    return "en"


def say(key: str, **placeholders: object) -> str:
    """The text ``cli.<key>``."""
    translate.mount([(None, bundled("translations"))])
    return translate.translate(f"cli.{key}", language(), **placeholders)


def start_command(folder: Path) -> str:
    """What to type to start the hub on a folder."""
    return "nanobot run" if folder == config_folder() else f"nanobot run --config {shlex.quote(str(folder))}"


def span(seconds: float) -> str:
    """A length of time for people, in its two largest units: ``3 h 12 min``."""
    units = (("d", 86400), ("h", 3600), ("min", 60), ("s", 1))
    left = max(0, int(seconds))
    parts: list[str] = []
    for unit, size in units:
        count, left = divmod(left, size)
        if count or (unit == "s" and not parts):
            parts.append(f"{count} {unit}")
        elif parts:
            break
    return " ".join(parts[:2])
