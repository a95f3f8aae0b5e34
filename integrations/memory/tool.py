"""The tools with which an agent remembers, finds again and forgets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import voluptuous as vol

from nanobot.config import validators as cv
from nanobot.contracts.agent import Turn
from nanobot.contracts.tool import Risk, Tool, ToolResult
from nanobot.errors import ToolError

from .books import agent_in, shared_of
from .index import Hit
from .memory import Memory, person_of


def tools(memory: Memory) -> list[Tool]:
    """All of them."""
    return [Remember(memory), Recall(memory), Forget(memory)]


class _MemoryTool(Tool):
    guards_guests = True

    def __init__(self, memory: Memory) -> None:
        self.memory = memory


class Remember(_MemoryTool):
    """One fact in a call."""

    name = "remember"
    description = "Keep a fact about this person for good: one sentence that stands alone. Never a secret."
    risk = Risk.WRITE
    parameters = vol.Schema(
        {
            vol.Required("fact"): str,
            vol.Optional("shared", description="for everybody who runs nanobot"): cv.boolean,
            vol.Optional("today", description="only a note of today"): cv.boolean,
            vol.Optional("confidence", description="0 to 1"): vol.All(vol.Coerce(float), vol.Range(min=0, max=1)),
        }
    )

    async def call(self, arguments: Mapping[str, Any], turn: Turn) -> ToolResult:
        fact = await self.memory.remember(
            turn,
            arguments["fact"],
            shared=arguments.get("shared", False),
            today=arguments.get("today", False),
            confidence=arguments.get("confidence", 1.0),
        )
        if fact is None:
            return ToolResult("That is known already.")
        note = " It is marked as unverified, for words of strangers had a part in it." if fact.unverified else ""
        where = "Noted for today" if arguments.get("today") else f"Remembered as {fact.id}"
        return ToolResult(f"{where}: {fact.text}{note}", {"id": fact.id})


class Recall(_MemoryTool):
    """Facts, history and notes."""

    name = "recall"
    description = "Search what you know from earlier days by a few words."
    parameters = vol.Schema({vol.Required("words"): str})

    async def call(self, arguments: Mapping[str, Any], turn: Turn) -> ToolResult:
        hits = await self.memory.recall(turn, arguments["words"])
        if not hits:
            return ToolResult("Nothing is known about that. Try other words.", untrusted=False)
        return ToolResult("\n".join(map(_line, hits)), untrusted=any(hit.unverified for hit in hits))


class Forget(_MemoryTool):
    """Or take back the last change."""

    name = "forget"
    description = "Forget a fact by the id that recall shows, or undo the last change of the memory."
    risk = Risk.WRITE
    parameters = vol.Schema({vol.Exclusive("id", "what"): str, vol.Exclusive("undo", "what"): cv.boolean})

    async def call(self, arguments: Mapping[str, Any], turn: Turn) -> ToolResult:
        books = self.memory.changeable(turn)
        if arguments.get("undo"):
            change = await self.memory.undo(None, books)
            if change is None:
                raise ToolError("There is no change that could be undone.")
            if change.book not in self.memory.readable(turn):
                return ToolResult("Undone. What it was is for the person alone.")
            told = change.summary()
            return ToolResult(f"Undone. Gone: {told['added'] or 'nothing'}; back: {told['removed'] or 'nothing'}.")
        if "id" not in arguments:
            raise ToolError("Give the id of a fact, or undo.")
        shown = self.memory.readable(turn)
        fact = await self.memory.forget(arguments["id"], [one for one in books if one in shown], by=person_of(turn))
        if fact is None:
            fact = await self.memory.forget(
                arguments["id"], [one for one in books if one not in shown], by=person_of(turn)
            )
            if fact is not None:
                return ToolResult("Forgotten. What it was is for the person alone.")
            raise ToolError("There is no fact with this id. Look for it with recall.")
        return ToolResult(f"Forgotten: {fact.text}")


def _line(hit: Hit) -> str:
    shared = hit.book == shared_of(agent_in(hit.book))
    notes = [note for note in (hit.date, "shared" if shared else "") if note]
    if hit.confidence < 1:
        notes.append(f"confidence {hit.confidence:g}")
    if hit.unverified:
        notes.append("unverified")
    key = f"[{hit.key}] " if hit.key else ""
    return f"- {key}{hit.text}" + (f" ({', '.join(notes)})" if notes else "")
