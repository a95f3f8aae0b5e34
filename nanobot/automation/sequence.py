"""A sequence of actions, done one after the other."""

from __future__ import annotations

import logging
from collections.abc import Coroutine, Iterable
from typing import Any

from nanobot.automation import words
from nanobot.automation.schema import ActionConfig
from nanobot.contracts.action import Step
from nanobot.errors import InvalidServiceData, NanobotError, ServiceError, ServiceNotFound
from nanobot.hub.context import Context
from nanobot.hub.hub import Hub
from nanobot.util.aio import is_coroutine_function

Log = logging.Logger | logging.LoggerAdapter[Any]


class Ended(Exception):
    """The run ends here; the reason is logged already."""


class Doing:
    """What the actions of one run share. ``stopped`` is looked at between two actions."""

    __slots__ = ("context", "hub", "stopped", "variables")

    def __init__(self, hub: Hub, variables: dict[str, Any], context: Context) -> None:
        self.hub = hub
        self.variables = variables
        self.context = context
        self.stopped = False


class Sequence:
    """Actions that are ready to be done, any number of times and at the same time."""

    def __init__(self, actions: Iterable[ActionConfig], log: Log, path: str = "action") -> None:
        self._log = log
        self._steps = [_Ready(action, f"{path}/{index}") for index, action in enumerate(actions) if action.enabled]

    def begin(self, doing: Doing) -> Coroutine[Any, Any, None] | None:
        """Do all actions up to the first that may wait. What is left to do is given back, None when nothing is.

        So a run that has nothing to wait for costs no task. Raises ``Ended``.
        """
        for index, ready in enumerate(self._steps):
            if doing.stopped:
                return None
            if ready.waits:
                return self._go_on(doing, index)
            try:
                ready.run(Step(doing.hub, ready.config, doing.variables, doing.context, ready.path))
            except Exception as error:  # whatever an action raises ends this run alone
                self._failed(ready, error)
        return None

    async def _go_on(self, doing: Doing, index: int) -> None:
        for ready in self._steps[index:]:
            if doing.stopped:
                return
            try:
                result = ready.run(Step(doing.hub, ready.config, doing.variables, doing.context, ready.path))
                if ready.waits:
                    await result
            except Exception as error:  # as in begin
                self._failed(ready, error)

    def _failed(self, ready: _Ready, error: Exception) -> None:
        """Say so, and end the run unless it is to go on where only a service failed. Raises ``Ended``."""
        if isinstance(error, Ended):
            raise error
        expected = isinstance(error, NanobotError)
        text = str(error) or type(error).__name__
        self._log.error("%s: %s", ready.name, text, exc_info=None if expected else error)
        wrong = isinstance(error, (ServiceNotFound, InvalidServiceData))
        if not ready.continue_on_error or wrong or not isinstance(error, ServiceError):
            raise Ended from error


class _Ready:
    """One action, with its word found."""

    __slots__ = ("config", "continue_on_error", "name", "path", "run", "waits")

    def __init__(self, action: ActionConfig, path: str) -> None:
        word = words.find("action", action.word)
        if word is None:
            raise NanobotError(f"there is no action '{action.word}' any more")
        self.run = word.run
        self.waits = is_coroutine_function(word.run)
        self.config = action.config
        self.continue_on_error = action.continue_on_error
        self.path = path
        self.name = f"{action.alias} ({path})" if action.alias else path
