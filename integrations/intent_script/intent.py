"""One intent of the configuration: its actions, and then what it says."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from nanobot.automation.run import Run
from nanobot.automation.runner import Runner, alone
from nanobot.automation.trace import End
from nanobot.contracts.intent import Asked, Intent
from nanobot.errors import NanobotError, ServiceError
from nanobot.hub.entry import Entry
from nanobot.hub.hub import Hub
from nanobot.templates import Template

LIMIT = 10
"""Runs at a time, or waiting for their turn, of the modes ``queued`` and ``parallel``."""


class ScriptedIntent(Intent):
    """``part`` owns what its actions do. Slots are variables of the actions and the speech."""

    def __init__(self, hub: Hub, part: Entry, name: str, config: Mapping[str, Any]) -> None:
        self.name = name
        self.description = config.get("description", "")
        self._hub = hub
        self._aside: bool = config["async_action"]
        self._speech: Template | None = config["speech"]["text"] if "speech" in config else None
        self._runner: Runner | None = None
        if "action" in config:
            self._runner = Runner(
                hub, config["action"], part.tasks, part.log, _nothing, mode=config["mode"], limit=LIMIT
            )

    async def handle(self, asked: Asked) -> str:
        """What the actions give back with ``stop: … response_variable:`` is ``action_response`` in the speech."""
        variables: dict[str, Any] = {**asked.slots}
        if self._runner is not None:
            begin = partial(self._runner.start, {**variables, "context": asked.context}, asked.context, _nothing)
            if self._aside:
                alone(begin)
            elif (run := begin()) is not None:
                await run.wait()
                _raise(run)
                if run.response is not None:
                    variables["action_response"] = run.response
        return "" if self._speech is None else str(self._speech.render(self._hub, variables, native=False))

    async def stop(self) -> None:
        """End what is under way."""
        if self._runner is not None:
            await self._runner.stop()


def _raise(run: Run) -> None:
    """What a failing action raised."""
    if run.end is not End.ERROR or run.error is None:
        return
    if isinstance(run.error, NanobotError):
        raise run.error
    raise ServiceError(f"{type(run.error).__name__}: {run.error}") from run.error


def _nothing(_: Any) -> None:
    """Nobody shows how many run."""
