"""A skill: instructions for one kind of work, read by an agent when it is needed."""

from __future__ import annotations

from abc import ABC, abstractmethod


class Skill(ABC):
    """``name`` is unique in the hub. ``allowed_tools``: globs of the tools that the work needs, None for any.
    ``always``: its text belongs into every prompt. ``unavailable`` says in a sentence what is missing, or is None.
    ``source`` is where it comes from: ``bundled``, ``user``, ``workspace``, or the integration that adds it."""

    name: str
    description: str
    always: bool = False
    allowed_tools: tuple[str, ...] | None = None
    unavailable: str | None = None
    source: str = ""

    @abstractmethod
    async def text(self) -> str:
        """The instructions, Markdown. Raises ``NanobotError`` with a sentence when they cannot be read."""
