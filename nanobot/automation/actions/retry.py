"""``retry:``: do a sequence again when it fails, later and later; and something else when it keeps failing."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable
from typing import Any

import voluptuous as vol

from nanobot.automation import parse
from nanobot.automation.duration import duration, seconds
from nanobot.automation.failing import error_told, holds_error
from nanobot.automation.flow import Leave
from nanobot.automation.sequence import RunStep
from nanobot.config import validators as cv


def _pattern(value: Any) -> re.Pattern[str]:
    try:
        return re.compile(str(cv.string(value)), re.IGNORECASE)
    except re.error as error:
        raise vol.Invalid(f"is no pattern: {error}") from None


SCHEMA = vol.Schema(
    {
        vol.Required("retry"): {
            vol.Required("sequence"): parse.actions,
            vol.Optional("attempts", default=3): vol.All(cv.whole_number, vol.Range(min=1, max=1000)),
            vol.Optional("delay", default=1): duration,
            vol.Optional("backoff", default=2.0): vol.All(cv.number, vol.Range(min=1, max=10)),
            vol.Optional("max_delay", default=300): duration,
            vol.Optional("errors", default=list): vol.All(cv.ensure_list, [_pattern]),
            vol.Optional("on_error"): parse.actions,
        }
    }
)


def run(step: RunStep) -> Awaitable[None]:
    """``attempts`` in all; before the second ``delay`` is waited for, and ``backoff`` times as long before each other.

    ``errors``: patterns, one of which has to be found in what the error says; another error is not tried again.
    Where the last attempt fails ``on_error`` is done, with ``error``; without it, the run ends with the error.
    """
    return _retry(step)


async def _retry(step: RunStep) -> None:
    config = step.config["retry"]
    delay = seconds(step.hub, config["delay"], step.variables)
    longest = seconds(step.hub, config["max_delay"], step.variables)
    below = step.resumed_below()
    if below is not None and below.startswith("retry/on_error"):
        await _do(step, "on_error")
        return
    for attempt in range(1, config["attempts"] + 1):
        step.tell(attempt=attempt)
        try:
            await _do(step, "sequence")
            return
        except Leave:
            raise
        except Exception as error:
            last = attempt == config["attempts"] or not holds_error(config["errors"], error)
            if last and "on_error" not in config:
                raise
            step.assign("error", error_told(error, step, attempt))
            if last:
                break
        await asyncio.sleep(min(delay, longest))
        delay *= config["backoff"]
    await _do(step, "on_error")


async def _do(step: RunStep, name: str) -> None:
    waits = step.do(step.config["retry"][name], f"retry/{name}")
    if waits is not None:
        await waits
