"""The tool ``get_state``: several things at once, each in one line."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import orjson
import voluptuous as vol

from nanobot.contracts.agent import Turn
from nanobot.contracts.tool import Tool, ToolResult
from nanobot.errors import ToolError
from nanobot.hub.states import State
from nanobot.util.aio import in_thread
from nanobot.util.text import shorten, slugify

from .view import View

MAX_LINES = 60
MAX_HINTS = 3  # unknown names for which a similar one is looked for
MAX_LENGTH = 12_000  # characters; an agent may cut what is longer
MANY = 8  # things from which on each gets less room
ROOM, ROOM_OF_MANY = 600, 100  # characters for the attributes of one thing
MAX_VALUE = 120  # characters of one attribute
LEFT_OUT = frozenset(
    {"friendly_name", "icon", "entity_picture", "supported_features", "editable", "attribution", "state_class"}
    | {"unit_of_measurement", "restored", "mode"}
)
"""Attributes that say nothing about how things are, or are in the line already."""


class GetState(Tool):
    """``query`` is one thing or a list; without it the domains are counted."""

    name = "get_state"
    description = "States of things. query: entity ids, domains or words of names; without it an overview."
    parameters = vol.Schema({vol.Optional("query"): vol.Any(str, [str])})

    def __init__(self, view: View) -> None:
        self._view = view

    async def call(self, arguments: Mapping[str, Any], turn: Turn) -> ToolResult:
        seen = self._view.seen(turn)
        wanted = _words(arguments.get("query") or [])
        if not wanted:
            return ToolResult(_overview(seen))
        found: dict[str, State] = {}
        unknown: list[str] = []
        for word in wanted:
            meant = self._view.meant(word, seen)
            found.update((state.entity_id, state) for state in meant)
            if not meant:
                unknown.append(word.strip())
        missing = await in_thread(self._missing, unknown, seen) if unknown else []
        if not found:
            raise ToolError(" ".join(missing))
        now = self._view.hub.clock.time()
        room = ROOM if len(found) < MANY else ROOM_OF_MANY
        lines: list[str] = []
        length = 0
        for state in found.values():
            line = _line(state, now, room)
            length += len(line)
            if len(lines) >= MAX_LINES or length > MAX_LENGTH:
                missing.append(f"[and {len(found) - len(lines)} more; ask for less]")
                break
            lines.append(line)
        entities = self._view.hub.entities
        foreign = any((entity := entities.get(entity_id)) is not None and entity.untrusted for entity_id in found)
        return ToolResult("\n".join([*lines, *missing]), untrusted=foreign)

    def _missing(self, words: list[str], seen: list[State]) -> list[str]:
        told = [f"There is no {shorten(word)}." for word in words[:MAX_LINES]]
        for place, word in enumerate(words[:MAX_HINTS]):
            if near := self._view.near(word, seen):
                told[place] += f" Did you mean {near}?"
        return told


def _words(given: str | list[str]) -> list[str]:
    several = [given] if isinstance(given, str) else given
    return [word for one in several for word in one.split(",") if word.strip()][:MAX_LINES]


def _overview(seen: list[State]) -> str:
    domains = Counter(state.domain for state in seen)
    on = Counter(state.domain for state in seen if state.state == "on")
    lines = [f"{domain}: {count}" + (f", {on[domain]} on" if on[domain] else "") for domain, count in domains.items()]
    return "\n".join(lines) or "There are no states."


def _line(state: State, now: float, room: int) -> str:
    name = "" if slugify(state.name) == state.object_id else f' "{_flat(state.name, 60)}"'
    shown = "••••" if state.attributes.get("mode") == "password" else _flat(state.state, 255)
    unit = state.attributes.get("unit_of_measurement")
    more = _attributes(state, room)
    ago = _ago(now - state.last_changed)
    return (
        f"{state.entity_id}{name} {shown}{f' {unit}' if unit else ''}{f' ({more})' if more else ''} changed {ago} ago"
    )


def _attributes(state: State, room: int) -> str:
    parts: list[str] = []
    for part in _parts(state.attributes):
        room -= len(part) + 2
        if room < 0:
            parts.append("…")
            break
        parts.append(part)
    return ", ".join(parts)


def _parts(attributes: Mapping[str, Any]) -> Iterator[str]:
    for name, value in attributes.items():
        if name in LEFT_OUT or value is None or value in ("", [], {}):
            continue
        text = value if isinstance(value, str) else orjson.dumps(value, default=str, option=orjson.OPT_NON_STR_KEYS)
        yield f"{name} {_flat(text if isinstance(text, str) else text.decode(), MAX_VALUE)}"


def _flat(text: str, limit: int) -> str:
    """In one line: what a thing is called must not look like another line."""
    flat = " ".join(text.split())
    return flat if len(flat) <= limit else f"{flat[: limit - 1]}…"


def _ago(seconds: float) -> str:
    for size, unit in ((86_400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size * (2 if unit != "min" else 1):
            return f"{int(seconds // size)} {unit}"
    return f"{max(0, int(seconds))} s"
