"""The tool with which an agent reads a skill."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import voluptuous as vol

from nanobot.contracts.agent import Turn
from nanobot.contracts.skill import Skill
from nanobot.contracts.tool import Risk, Tool, ToolResult
from nanobot.errors import NanobotError, ToolError
from nanobot.util.aio import in_thread
from nanobot.util.text import cut_in_the_middle, nearest

from .library import FileSkill, Library
from .policy import DeclaredTools
from .shelf import FILE, side_file

LONGEST = 14_000  # characters of one result; an agent may cut what is longer


class ReadSkill(Tool):
    """Its result is an instruction that the person who runs nanobot trusts; it gives no right to anything."""

    name = "skill"
    description = "Read the instructions of a skill before you do that kind of work."
    risk = Risk.READ
    guards_guests = True
    parameters = vol.Schema({vol.Required("name"): str, vol.Optional("file", description="one beside SKILL.md"): str})

    def __init__(self, library: Library, declared: DeclaredTools) -> None:
        self._library = library
        self._declared = declared

    async def call(self, arguments: Mapping[str, Any], turn: Turn) -> ToolResult:
        await self._library.refresh()
        skill = self._find(arguments["name"], turn)
        file = arguments.get("file", FILE)
        if file == FILE:
            try:
                text = await skill.text()
            except ToolError:
                raise
            except NanobotError as error:
                raise ToolError(str(error)) from error
        elif isinstance(skill, FileSkill):
            text = await in_thread(side_file, skill.disk.folder, file)
        else:
            raise ToolError(f"The skill {skill.name} has no other files.")
        self._declared.read(turn.id, skill)
        return ToolResult("\n\n".join((cut_in_the_middle(text, LONGEST), *self._notes(skill, file))))

    def _find(self, name: str, turn: Turn) -> Skill:
        mine = {skill.name: skill for skill in self._library.for_turn(owner=turn.owner)}
        if name in mine:
            return mine[name]
        there = self._library.find(name)
        if there is not None and there.unavailable is not None and turn.owner:
            raise ToolError(f"The skill {name} cannot be used: {there.unavailable}.")
        near = nearest(name, mine)
        meant = f" Did you mean {near}?" if near else ""
        raise ToolError(f"There is no such skill.{meant} There are: {', '.join(mine) or 'none'}.")

    def _notes(self, skill: Skill, file: str) -> list[str]:
        notes = []
        if skill.allowed_tools is not None:
            notes.append(f"(This skill works with: {', '.join(skill.allowed_tools) or 'no tools'}.)")
        if file == FILE and isinstance(skill, FileSkill):
            others = [path for path, *_ in skill.disk.stamp if path != FILE][:20]
            if others:
                notes.append(f"(Files beside it: {', '.join(others)}.)")
        return notes
