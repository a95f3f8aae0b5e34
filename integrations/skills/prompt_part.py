"""What the prompt says of skills: some in full, of the others that they are there."""

from __future__ import annotations

import logging

from nanobot.contracts.agent import Turn
from nanobot.contracts.prompt_part import PromptPart
from nanobot.contracts.skill import Skill
from nanobot.errors import NanobotError

from .library import Library

MOST_LISTED = 60
LONGEST_LINE = 200  # characters of a description in the list
LONGEST_ALWAYS = 8000  # characters of one that is always there

_log = logging.getLogger("nanobot.skills")


class SkillsPart(PromptPart):
    """Seldom changes, so it stands early."""

    order = 60

    def __init__(self, library: Library) -> None:
        super().__init__("skills")
        self._library = library

    async def text(self, turn: Turn, agent: str) -> str:
        await self._library.refresh()
        skills = self._library.for_turn(owner=turn.owner)
        always = [text for skill in skills if skill.always and (text := await _text(skill))]
        others = [skill for skill in skills if not skill.always]
        lines = [f"- {skill.name}: {_short(skill.description)}" for skill in others[:MOST_LISTED]]
        if len(others) > MOST_LISTED:
            lines.append(f"- … and {len(others) - MOST_LISTED} more")
        if lines:
            lines.insert(0, "# Skills\n\nRead one with the tool `skill` before you do that kind of work:")
        return "\n\n".join([*always, "\n".join(lines)]).strip()


async def _text(skill: Skill) -> str:
    try:
        text = await skill.text()
    except NanobotError as error:
        _log.warning("%s", error)
        return ""
    if len(text) > LONGEST_ALWAYS:
        text = f"{text[:LONGEST_ALWAYS]}\n[… {len(text) - LONGEST_ALWAYS} characters left out …]"
    return f"# Skill: {skill.name}\n\n{text}"


def _short(text: str) -> str:
    return text if len(text) <= LONGEST_LINE else f"{text[: LONGEST_LINE - 1]}…"
