"""Entities that people and automations act on: switches, choices, numbers, texts and buttons.

Any integration may bring some. Added with ``entry.add``; the services of their domain (``switch.turn_on``, …) are
there for as long as there is one of them.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from nanobot.contracts.entity import UNKNOWN, Entity

if TYPE_CHECKING:
    from nanobot.hub.context import Context

FLOAT_DIGITS = 15  # a float has no more that mean something


def number_text(value: float) -> str:
    """A number as a state: ``0.1 + 0.2`` is ``0.3``, 5.0 is ``5.0``."""
    return f"{float(value):.{FLOAT_DIGITS}}"


class Control(Entity):
    """Each of these methods may raise a ``NanobotError`` for the caller of the service."""

    @property
    def capabilities(self) -> Mapping[str, Any]:
        """What clients need to know to offer it, also while it is not available."""
        return {}

    @property
    def attributes(self) -> Mapping[str, Any]:
        return {**self.capabilities, **super().attributes}


class Switch(Control):
    """``is_on`` is None when nobody knows."""

    is_on: bool | None = None

    @property
    def state(self) -> str:
        return UNKNOWN if self.is_on is None else "on" if self.is_on else "off"

    @abstractmethod
    async def turn_on(self, context: Context) -> None:
        """Service."""

    @abstractmethod
    async def turn_off(self, context: Context) -> None:
        """Service."""


class Select(Control):
    """One of ``options``; anything else counts as unknown."""

    options: Sequence[str] = ()
    current: str | None = None

    @property
    def state(self) -> str:
        return self.current if self.current is not None and self.current in self.options else UNKNOWN

    @property
    def capabilities(self) -> Mapping[str, Any]:
        return {"options": list(self.options)}

    @abstractmethod
    async def select_option(self, option: str, context: Context) -> None:
        """Service. ``option`` is one of the options."""


class Number(Control):
    """``low``, ``high`` and ``step`` are what clients show as min, max and step."""

    value: float | None = None
    low: float = 0.0
    high: float = 100.0
    step: float = 1.0
    mode: str = "auto"

    @property
    def state(self) -> str:
        return UNKNOWN if self.value is None else number_text(self.value)

    @property
    def capabilities(self) -> Mapping[str, Any]:
        return {"min": self.low, "max": self.high, "step": self.step, "mode": self.mode}

    @abstractmethod
    async def set_value(self, value: float, context: Context) -> None:
        """Service. ``value`` is between ``low`` and ``high``."""


class Text(Control):
    """A short text of ``least`` to ``most`` characters that fits ``pattern`` (a regular expression, as a whole)."""

    value: str | None = None
    least: int = 0
    most: int = 255
    pattern: str | None = None
    mode: str = "text"

    @property
    def state(self) -> str:
        return UNKNOWN if self.value is None else self.value

    @property
    def capabilities(self) -> Mapping[str, Any]:
        return {"mode": self.mode, "min": self.least, "max": self.most, "pattern": self.pattern}

    @abstractmethod
    async def set_value(self, value: str, context: Context) -> None:
        """Service. ``value`` fits."""


class Button(Control):
    """Its state is when it was last pressed, ISO 8601 in UTC."""

    pressed_at: str | None = None

    @property
    def state(self) -> str:
        return self.pressed_at or UNKNOWN

    @abstractmethod
    async def press(self, context: Context) -> None:
        """Service. ``pressed_at`` is set already."""
