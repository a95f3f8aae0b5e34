"""How a sequence is left before its end."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nanobot.automation.trace import End
from nanobot.errors import NanobotError


class Leave(Exception):
    """Not an error: something that was written to end this sequence, or the run."""


class ConditionFailed(Leave):
    """A condition among the actions does not hold: its own sequence, or round of a repeat, ends."""


class Stop(Leave):
    """``stop``: the whole run ends, with a response if it has one."""

    def __init__(self, text: str, *, error: bool = False, response: Mapping[str, Any] | None = None) -> None:
        super().__init__(text)
        self.text = text
        self.error = error
        self.response = response


class Abort(NanobotError):
    """What is written gives no sense in this run, such as a delay whose template is no time: the run ends with it.

    As in Home Assistant no ``continue_on_error`` covers it, and whoever called the run goes on.
    """


class Ended(Leave):
    """The run was told from outside to end."""

    def __init__(self, end: End) -> None:
        super().__init__(end.value)
        self.end = end
