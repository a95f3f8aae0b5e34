"""What `nanobot skill` and connected clients may ask: list, show, trust."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import voluptuous as vol

from nanobot.contracts.command import Command, Connection
from nanobot.contracts.skill import Skill
from nanobot.contracts.view import Access
from nanobot.errors import NanobotError
from nanobot.util.text import nearest

from .library import FileSkill, Library

_ONE = vol.Schema({vol.Required("name"): vol.All(str, vol.Length(1, 200)), vol.Optional("language"): str})
_NONE = vol.Schema({vol.Optional("language"): str})


def commands(library: Library) -> list[Command]:
    """For the person who runs nanobot alone: descriptions may tell of private things."""

    async def listed(connection: Connection, data: Mapping[str, Any]) -> Any:
        await library.refresh(now=True)
        return [library.facts(skill) for skill in sorted(library.hub.skills, key=lambda skill: skill.name)]

    async def show(connection: Connection, data: Mapping[str, Any]) -> Any:
        await library.refresh(now=True)
        skill = _find(library, data["name"])
        text = skill.disk.file.body if isinstance(skill, FileSkill) else await skill.text()
        return {**library.facts(skill), "text": text}

    async def trust(connection: Connection, data: Mapping[str, Any]) -> Any:
        await library.refresh(now=True)
        return {"name": data["name"], "sha256": library.trust(data["name"])}

    return [
        Command("skill/list", listed, Access.ADMIN, _NONE, "Which skills there are, and why some cannot be used."),
        Command("skill/show", show, Access.ADMIN, _ONE, "What a skill says, also one that cannot be used."),
        Command("skill/trust", trust, Access.ADMIN, _ONE, "Let a skill of the workspace be used as it is now."),
    ]


def _find(library: Library, name: str) -> Skill:
    skill = library.find(name)
    if skill is None:
        near = nearest(name, library.hub.skills.names())
        raise NanobotError(f"there is no skill '{name}'" + (f"; did you mean '{near}'?" if near else ""))
    return skill
