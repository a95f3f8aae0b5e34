"""A word of the automation language that starts something: ``trigger.py`` of an integration or of the core."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import TYPE_CHECKING, Any, Protocol

import voluptuous as vol

if TYPE_CHECKING:
    from nanobot.hub.context import Context
    from nanobot.hub.hub import Hub

Detach = Callable[[], None]


class Watch(Protocol):
    """Who waits for a trigger: an automation, a ``wait_for_trigger``, a client of the API."""

    log: logging.Logger | logging.LoggerAdapter[Any]
    variables: Mapping[str, Any]
    """What templates in the options of a trigger may use: ``trigger_variables``, or the variables of a run."""
    starting: bool
    """Whether the hub is starting right now; false when an edit or a switch attaches the trigger later."""
    kept: MutableMapping[str, Mapping[str, Any]]
    """What this trigger has to find again after a restart (JSON-able), such as a pending ``for``."""

    def fire(self, variables: Mapping[str, Any], context: Context | None = None) -> None:
        """Say that it happened: the ``trigger`` variables, and the context that caused it."""

    def ask(self, variables: Mapping[str, Any], context: Context | None = None) -> Awaitable[Any]:
        """As ``fire``, and wait for what follows; gives the response of the conversation, None for none."""


class Trigger(Protocol):
    """The shape of a ``trigger.py``. Stateless: only the bus, the states and the clock."""

    SCHEMA: vol.Schema

    async def attach(self, hub: Hub, config: Mapping[str, Any], watch: Watch) -> Detach:
        """Start watching; the function returned ends it. Raises ``NanobotError`` when it cannot be watched."""
