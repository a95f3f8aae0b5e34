"""Templates with the functions alone, at a time that stands still: noon in Berlin, the day before summer time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from jinja2.sandbox import ImmutableSandboxedEnvironment

from nanobot.templates import functions
from nanobot.util.dt import Clock

NOON = 1743246000.0  # 2025-03-29T12:00:00+01:00; at 2 o'clock the next morning it is 3 o'clock


class Wall:
    """A clock that shows what it is told to, and how often it was looked at."""

    def __init__(self) -> None:
        self.seconds = NOON
        self.looks = 0
        self.clock = Clock(lambda: self.seconds, ZoneInfo("Europe/Berlin"))

    def look(self) -> None:
        self.looks += 1


@pytest.fixture
def wall() -> Wall:
    return Wall()


@pytest.fixture
def evaluate(wall: Wall) -> Callable[..., Any]:
    """The value of an expression of the template language."""
    environment = ImmutableSandboxedEnvironment()
    names, filters, tests = functions.make(wall.clock, wall.look)
    environment.globals.update(names)
    environment.filters.update(filters)
    environment.tests.update(tests)

    def evaluate(expression: str, **variables: Any) -> Any:
        return environment.compile_expression(expression, undefined_to_none=False)(**variables)

    return evaluate
