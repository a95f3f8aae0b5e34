"""A word of the automation language that does something: ``action.py`` of an integration or of the core."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Mapping
from typing import TYPE_CHECKING, Any, Protocol

import voluptuous as vol

if TYPE_CHECKING:
    from nanobot.hub.context import Context
    from nanobot.hub.hub import Hub


class Step(Protocol):
    """One step of a run: what it was given and where it stands."""

    hub: Hub
    config: Mapping[str, Any]
    path: str
    """Where it stands in the configuration, such as ``action/0/choose/1/sequence/0``."""

    @property
    def context(self) -> Context:
        """Of the run: for everything that the step causes."""

    @property
    def log(self) -> logging.Logger | logging.LoggerAdapter[Any]:
        """The log of whoever runs."""

    @property
    def variables(self) -> Mapping[str, Any]:
        """All variables that can be seen here."""

    def assign(self, name: str, value: Any) -> None:
        """Set a variable, where it was defined, else for the whole run."""

    def render(self, value: Any) -> Any:
        """With all templates in it rendered. Raises ``TemplateError``."""

    def tell(self, **result: Any) -> None:
        """Leave something in the trace. Free where nobody traces."""


class Action(Protocol):
    """The shape of an ``action.py``."""

    SCHEMA: vol.Schema

    def run(self, step: Step) -> Awaitable[None] | None:
        """Do it: a plain function where nothing is waited for, else one that gives an awaitable."""
