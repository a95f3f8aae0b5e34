"""``wait_template:``: go on when a template turns true, or when the time is over."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Any

import voluptuous as vol

from nanobot.automation.sequence import RunStep
from nanobot.automation.truth import holds, is_true
from nanobot.automation.waiting import LIMITS, Limit
from nanobot.templates import validators as tv
from nanobot.templates.track import track

SCHEMA = vol.Schema({vol.Required("wait_template"): tv.template, **LIMITS})


def run(step: RunStep) -> Awaitable[None] | None:
    """Sets ``wait``: ``completed``, and ``remaining`` seconds of the time limit (None without one).

    As in Home Assistant the template is asked like a condition first, and like a trigger from then on: it turns true.
    Raises ``TemplateError`` when it cannot be rendered at first.
    """
    limit = Limit(step)
    if holds(step.render(step.config["wait_template"])):
        limit.leave(True)
        return None
    return _wait(step, limit)


async def _wait(step: RunStep, limit: Limit) -> None:
    done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    before = True

    def look(*_: Any) -> None:
        nonlocal before
        was, before = before, is_true(tracker.infos[0].result)
        if before and not was and not done.done():
            done.set_result(None)

    tracker = track(step.hub, [(step.config["wait_template"], step.variables)], look)
    before = is_true(tracker.infos[0].result)
    try:
        completed = await limit.wait(done)
    finally:
        tracker.remove()
    limit.leave(completed)
