"""Prompts: the skills of the hub, for those who may talk to its agents."""

from __future__ import annotations

from mcp import types
from mcp.shared.exceptions import MCPError

from nanobot.contracts.skill import Skill
from nanobot.contracts.view import Access
from nanobot.errors import NanobotError
from nanobot.hub.hub import Hub

from .caller import Caller


class Prompts:
    """Empty where no integration brings skills."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    def listed(self, caller: Caller) -> list[types.Prompt]:
        """The skills that work here, by name."""
        skills = sorted((skill for skill in self._hub.skills if _may(skill, caller)), key=lambda skill: skill.name)
        return [types.Prompt(name=skill.name, description=skill.description) for skill in skills]

    async def get(self, caller: Caller, name: str) -> types.GetPromptResult:
        """The instructions of a skill, as what a person says. Raises ``MCPError``."""
        skill = self._hub.skills.get(name)
        if skill is None or not _may(skill, caller):
            raise MCPError(types.INVALID_PARAMS, f"there is no prompt {name[:100]}")
        try:
            text = self._hub.scrubber.scrub(await skill.text())
        except NanobotError as error:
            raise MCPError(types.INTERNAL_ERROR, self._hub.scrubber.scrub(str(error))) from error
        said = types.PromptMessage(role="user", content=types.TextContent(type="text", text=text))
        return types.GetPromptResult(description=skill.description, messages=[said])


def _may(skill: Skill, caller: Caller) -> bool:
    return skill.unavailable is None and caller.rights.may(Access.USER) and not caller.rights.is_narrow
