"""What the terminal shows of an edit while somebody is chatting."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nanobot.util.translate import translate

MOST = 5  # problems shown at once


def config_applied(data: Mapping[str, Any], language: str) -> list[dict[str, Any]]:
    """One line for what changed, one for each problem."""
    parts = [
        translate(f"component.console.{word}", language, names=", ".join(data[word]))
        for word in ("added", "changed", "removed")
        if data.get(word)
    ]
    notes = []
    if parts:
        text = translate("component.console.applied", language, what="; ".join(parts))
        notes.append({"kind": "note", "text": text})
    elif data.get("mended"):
        notes.append({"kind": "note", "text": translate("component.console.mended", language)})
    return notes + _problems(data)


def config_rejected(data: Mapping[str, Any], language: str) -> list[dict[str, Any]]:
    """The file cannot be read: why, and that everything runs on."""
    return [{"kind": "problem", "text": translate("component.console.rejected", language)}, *_problems(data)]


def _problems(data: Mapping[str, Any]) -> list[dict[str, Any]]:
    texts = [str(problem.get("text") or problem) for problem in data.get("problems", ())]
    shown = [{"kind": "problem", "text": text} for text in texts[:MOST]]
    if len(texts) > MOST:
        shown.append({"kind": "problem", "text": f"… +{len(texts) - MOST}"})
    return shown
