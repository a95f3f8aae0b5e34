"""``parallel:``: do several things at the same time, and go on when all are done."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Mapping
from typing import Any

import voluptuous as vol

from nanobot.automation import parse
from nanobot.automation.sequence import RunStep, Sequence
from nanobot.config import validators as cv

_SEQUENCE = vol.Schema({vol.Optional("alias"): vol.Any(None, cv.string), vol.Required("sequence"): parse.actions})


def _branch(value: Any) -> Sequence:
    if isinstance(value, Mapping) and "sequence" in value and set(value) <= {"alias", "sequence"}:
        sequence: Sequence = _SEQUENCE(dict(value))["sequence"]
        return sequence
    return parse.actions(value)


SCHEMA = vol.Schema({vol.Required("parallel"): vol.All(cv.ensure_list, [_branch])})


def run(step: RunStep) -> Awaitable[None] | None:
    """Each branch has a ``wait`` of its own; all other variables are shared. When one fails the others still end
    their work, and the first failure counts."""
    begun: list[Awaitable[None]] = []
    failure: Exception | None = None
    below = step.resumed_below()
    for index, branch in enumerate(step.config["parallel"]):
        name = f"parallel/{index}/sequence"
        if below is not None and not any(leaf.startswith(f"{step.path}/{name}/") for leaf in step.run.resume):
            continue  # was done before the process ended
        try:
            waits = step.do(branch, name, step.scope.inner({}, own="wait"))
        except Exception as error:
            failure = failure or error
            continue
        if waits is not None:
            begun.append(waits)
    if not begun:
        if failure is not None:
            raise failure
        return None
    return _all(begun, failure)


async def _all(begun: list[Awaitable[None]], failure: Exception | None) -> None:
    for result in await asyncio.gather(*begun, return_exceptions=True):
        if isinstance(result, Exception):
            failure = failure or result
        elif isinstance(result, BaseException):
            raise result
    if failure is not None:
        raise failure
