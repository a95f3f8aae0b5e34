"""``try:`` … ``on_error:`` … ``always:``: what to do when something fails, and what to do in any case."""

from __future__ import annotations

from collections.abc import Awaitable

import voluptuous as vol

from nanobot.automation import parse
from nanobot.automation.failing import error_told
from nanobot.automation.flow import Leave
from nanobot.automation.sequence import RunStep

SCHEMA = vol.Schema(
    {
        vol.Required("try"): parse.actions,
        vol.Optional("on_error"): parse.actions,
        vol.Optional("always"): parse.actions,
    }
)


def run(step: RunStep) -> Awaitable[None]:
    """In ``on_error`` there is ``error``: ``text``, ``type``, ``path``. Without it the error goes on after ``always``,
    which is done as well when the run is stopped by ``stop``, and not when it is ended from outside."""
    return _try(step)


async def _try(step: RunStep) -> None:
    below = (step.resumed_below() or "").partition("/")[0]
    try:
        if below in ("", "try"):
            try:
                await _do(step, "try")
            except Leave:
                raise
            except Exception as error:
                if "on_error" not in step.config:
                    raise
                step.assign("error", error_told(error, step))
                step.tell(failed=str(error))
                await _do(step, "on_error")
        elif below == "on_error":
            await _do(step, "on_error")
    except Exception:
        await _do(step, "always")
        raise
    await _do(step, "always")


async def _do(step: RunStep, name: str) -> None:
    if name in step.config:
        waits = step.do(step.config[name], name)
        if waits is not None:
            await waits
