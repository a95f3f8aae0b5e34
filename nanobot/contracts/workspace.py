"""A workspace: files that agents work on, by the paths that their tools take."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nanobot.contracts.agent import Turn
    from nanobot.contracts.channel import Attachment


class Workspace(ABC):
    """``name`` is unique in the hub: the id of the entry that adds it."""

    folder: Path | None = None
    """Where its files lie on this machine; None where they are elsewhere."""

    def __init__(self, name: str) -> None:
        self.name = name

    @abstractmethod
    async def attachment(self, path: str, turn: Turn) -> Attachment:
        """A file as something that can be sent: it lies in the media folder, and stays as it is now.

        Raises ``ToolError`` for what is not there, or is not for whoever this turn answers.
        """
