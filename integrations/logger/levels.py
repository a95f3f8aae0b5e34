"""Sets the levels of Python's loggers, and puts back what was there before."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping, Sequence
from typing import Any

LEVELS = {
    "critical": logging.CRITICAL,
    "fatal": logging.CRITICAL,
    "error": logging.ERROR,
    "warning": logging.WARNING,
    "warn": logging.WARNING,
    "info": logging.INFO,
    "debug": logging.DEBUG,
    "notset": logging.NOTSET,
}

DEFAULT = ("", "nanobot", "integrations")
"""The loggers that everything else inherits from."""

_FOREIGN = re.compile(r"(?:homeassistant\.components|custom_components)\.(?P<domain>\w+)(?P<rest>\..+)?")


class Levels:
    """What is set, and what was there before."""

    def __init__(self) -> None:
        self._before: dict[str, int] = {}
        self._filter: _LeaveOut | None = None
        self._filtered: list[logging.Handler] = []

    def apply(self, config: Mapping[str, Any]) -> None:
        """Set all that is configured."""
        if "default" in config:
            self.set_default(config["default"])
        for name, level in config["logs"].items():
            self.set(name, level)
        if config["filters"]:
            self._filter = _LeaveOut(config["filters"])
            self._filtered = list(logging.getLogger().handlers)
            for handler in self._filtered:
                handler.addFilter(self._filter)

    def set_default(self, level: str) -> None:
        """For all loggers that have no level of their own."""
        for name in DEFAULT:
            self._set(name, level)

    def set(self, name: str, level: str) -> None:
        """``name`` is an integration or a logger; what lies below it has the same level."""
        for logger in loggers_of(name):
            self._set(logger, level)

    def restore(self) -> None:
        """Put everything back."""
        for name, level in self._before.items():
            logging.getLogger(name).setLevel(level)
        self._before.clear()
        if self._filter is not None:
            for handler in self._filtered:
                handler.removeFilter(self._filter)
        self._filter, self._filtered = None, []

    def _set(self, name: str, level: str) -> None:
        logger = logging.getLogger(name)
        self._before.setdefault(name, logger.level)
        logger.setLevel(LEVELS[level])


class _LeaveOut(logging.Filter):
    """Drops the lines that match a pattern of their logger. It sits on the handlers, since a filter of a logger would
    not see the lines of those below it."""

    def __init__(self, patterns: Mapping[str, Sequence[re.Pattern[str]]]) -> None:
        super().__init__()
        self._patterns = [(logger, some) for name, some in patterns.items() for logger in loggers_of(name)]

    def filter(self, record: logging.LogRecord) -> bool:
        for name, patterns in self._patterns:
            if record.name == name or record.name.startswith(f"{name}."):
                text = record.getMessage()
                if any(pattern.search(text) for pattern in patterns):
                    return False
        return True


def loggers_of(name: str) -> tuple[str, ...]:
    """The loggers that are meant by a name: those of an integration, or the one of that name.

    Home Assistant's names for them mean the same: ``homeassistant.components.http`` is ``http``.
    """
    if name in ("homeassistant", "nanobot"):
        return ("nanobot", "integrations")
    foreign = _FOREIGN.fullmatch(name)
    if foreign is not None:
        domain, rest = foreign["domain"], foreign["rest"] or ""
        return (f"nanobot.{domain}{rest}", f"integrations.{domain}{rest}")
    if "." in name:
        return (name,)
    return (name, f"nanobot.{name}", f"integrations.{name}")
