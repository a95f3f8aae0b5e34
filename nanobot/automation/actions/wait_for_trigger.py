"""``wait_for_trigger:``: go on when one of some triggers fires, or when the time is over."""

from __future__ import annotations

import asyncio
from collections import UserDict
from collections.abc import Awaitable, Mapping
from typing import Any

import voluptuous as vol

from nanobot.automation import parse
from nanobot.automation.attach import attach
from nanobot.automation.sequence import RunStep
from nanobot.automation.truth import is_on
from nanobot.automation.waiting import LIMITS, Limit
from nanobot.errors import NanobotError
from nanobot.hub.context import Context

SCHEMA = vol.Schema({vol.Required("wait_for_trigger"): parse.triggers, **LIMITS})


def run(step: RunStep) -> Awaitable[None]:
    """Sets ``wait``: ``completed``, ``remaining`` seconds of the time limit, and the ``trigger`` that fired."""
    return _wait(step, Limit(step))


async def _wait(step: RunStep, limit: Limit) -> None:
    done: asyncio.Future[Mapping[str, Any]] = asyncio.get_running_loop().create_future()

    def fired(trigger: Mapping[str, Any], context: Context | None, variables: Mapping[str, Any]) -> None:
        if not done.done():
            done.set_result(trigger)

    triggers = step.config["wait_for_trigger"]
    if not any(one.enabled is True or is_on(step.hub, one.enabled, step.variables) for one in triggers):
        limit.leave(False, trigger=None)  # nothing can happen
        return
    known = limit.resumed.get("kept", {})
    notes = limit.keeps["kept"] = {str(one.index): _Notes(step, known.get(str(one.index), {})) for one in triggers}
    detach, failed = await attach(step.hub, triggers, fired, step.log, variables=step.variables, kept=notes.__getitem__)
    try:
        if failed and len(failed) == len(triggers):
            raise NanobotError(f"none of the triggers can be waited for: {'; '.join(failed)}")
        completed = await limit.wait(done)
    finally:
        detach()
    limit.leave(completed, trigger=done.result() if completed else None)


class _Notes(UserDict[str, Mapping[str, Any]]):
    """What a trigger keeps over a restart, as a part of what is kept of the step."""

    def __init__(self, step: RunStep, known: Mapping[str, Mapping[str, Any]]) -> None:
        self._step = step
        super().__init__(known)

    def __setitem__(self, key: str, item: Mapping[str, Any]) -> None:
        super().__setitem__(key, item)
        self._changed()

    def __delitem__(self, key: str) -> None:
        super().__delitem__(key)
        self._changed()

    def _changed(self) -> None:
        run = self._step.run
        if run.noted is not None and self._step.path in run.waits:
            run.noted(run)
