"""A word of the automation language that does something: ``action.py`` of an integration or of the core."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import voluptuous as vol

if TYPE_CHECKING:
    from nanobot.hub.context import Context
    from nanobot.hub.hub import Hub


@dataclass(slots=True)
class Step:
    """One step of a run: what it was given and where it stands."""

    hub: Hub
    config: Mapping[str, Any]
    variables: dict[str, Any]
    context: Context
    path: str = ""


class Action(Protocol):
    """The shape of an ``action.py``."""

    SCHEMA: vol.Schema

    async def run(self, step: Step) -> Any:
        """Do it; the value is the result shown in the trace."""
