"""``wait_template:``: go on when a template turns true, or when the time is over."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Any

import voluptuous as vol

from nanobot.automation.sequence import RunStep
from nanobot.automation.truth import is_true
from nanobot.automation.waiting import LIMITS, Limit
from nanobot.templates import validators as tv
from nanobot.templates.track import track

SCHEMA = vol.Schema({vol.Required("wait_template"): tv.template, **LIMITS})


def run(step: RunStep) -> Awaitable[None]:
    """Sets ``wait``: ``completed``, and ``remaining`` seconds of the time limit (None without one)."""
    return _wait(step, Limit(step))


async def _wait(step: RunStep, limit: Limit) -> None:
    done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def look(*_: Any) -> None:
        info = tracker.infos[0]
        if not done.done() and is_true(info.result):
            done.set_result(None)

    tracker = track(step.hub, [(step.config["wait_template"], step.variables)], look)
    try:
        look()
        completed = await limit.wait(done)
    finally:
        tracker.remove()
    limit.leave(completed)
