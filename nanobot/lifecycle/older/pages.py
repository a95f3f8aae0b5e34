"""What would be configured, as YAML with comments."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from textwrap import wrap
from typing import Any

from nanobot.config.written import write
from nanobot.util.translate import translate

WIDTH = 110
SCHEMA_LINE = "# yaml-language-server: $schema=./.storage/schema.json"


def page(entries: Mapping[str, Any], left_out: Iterable[str], language: str, *, whole: bool) -> str:
    """The text of a file. ``whole``: it is the main one; else a package of it."""
    blocks = [*([SCHEMA_LINE + "\n#"] if whole else []), comment(_say("top" if whole else "top_package", language))]
    parts = ["\n".join(blocks)]
    for key, value in entries.items():
        domain = key.partition(" ")[0]
        said = _say(f"of.{domain}", language)
        known = said != f"import.yaml.of.{domain}"
        text = write({key: value}) if value not in (None, {}) else f"{key}:\n"
        parts.append((comment(said) + "\n" if known else "") + text.rstrip("\n"))
    sentences = list(left_out)
    if sentences:
        told = [comment(_say("left_out", language)), *(comment(f"- {sentence}", "  ") for sentence in sentences)]
        parts.append("\n".join(told))
    return "\n\n".join(parts) + "\n"


def comment(text: str, further: str = "") -> str:
    """Lines of a comment; whatever stands in the text, none of it leaves the comment."""
    found = []
    for line in text.splitlines():
        clean = "".join(c if c.isprintable() else " " for c in line)
        found += wrap(clean, WIDTH, subsequent_indent=further, break_long_words=False, break_on_hyphens=False) or [""]
    return "\n".join(f"# {line}".rstrip() for line in found)


def _say(key: str, language: str) -> str:
    return translate(f"import.yaml.{key}", language)
