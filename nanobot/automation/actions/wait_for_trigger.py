"""``wait_for_trigger:``: go on when one of some triggers fires, or when the time is over."""

from __future__ import annotations

import asyncio
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
    detach, failed = await attach(step.hub, triggers, fired, step.log, variables=step.variables)
    try:
        if failed and len(failed) == len(triggers):
            raise NanobotError(f"none of the triggers can be waited for: {'; '.join(failed)}")
        completed = await limit.wait(done)
    finally:
        detach()
    limit.leave(completed, trigger=done.result() if completed else None)
