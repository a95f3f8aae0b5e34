"""The last warnings and errors, each once, for ``system_log/list``; and the services ``system_log.…`` of clients."""

from __future__ import annotations

import logging
import re
import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import voluptuous as vol

from nanobot.config import validators as cv
from nanobot.contracts.service import Service, ServiceCall

MAX_LINES = 50
MAX_MESSAGES = 5  # that are kept of one line with different words
MAX_WORDS = 10_000  # characters of a line that somebody writes
LEVELS = ("debug", "info", "warning", "error", "critical")
LOGGER = "nanobot.system_log"
"""Where lines go that are written without a ``logger``."""
CLEARS = "Forget the warnings and errors that clients are shown. The log itself keeps them."

_NAME = re.compile(r"^[\w.-]{1,255}\Z")

Key = tuple[str, int, str]


class RecentLog(logging.Handler):
    """Lines from the same place of the code are one with a count. Secrets are hidden by ``scrub``."""

    def __init__(self, scrub: Callable[[str], str]) -> None:
        super().__init__(logging.WARNING)
        self._scrub = scrub
        self._lines: OrderedDict[Key, dict[str, Any]] = OrderedDict()
        self._guard = threading.Lock()  # lines come from any thread
        self._formatter = logging.Formatter()

    def emit(self, record: logging.LogRecord) -> None:
        """Note a line."""
        try:
            message = self._scrub(record.getMessage())
            trace = self._scrub(self._formatter.formatException(record.exc_info)) if record.exc_info else ""
        except Exception:  # a line that cannot be put together is a fault of its author, not of the log
            return
        key = (record.name, record.lineno, record.levelname)
        with self._guard:
            line = self._lines.pop(key, None)
            if line is None:
                line = {"message": [], "count": 0, "first_occurred": record.created}
            line.update(
                name=record.name,
                level=record.levelname,
                source=[record.pathname.rpartition("/nanobot/")[2], record.lineno],
                timestamp=record.created,
                exception=trace,
                count=line["count"] + 1,
            )
            if message not in line["message"]:
                line["message"] = [*line["message"], message][-MAX_MESSAGES:]
            self._lines[key] = line
            if len(self._lines) > MAX_LINES:
                self._lines.popitem(last=False)

    def clear(self) -> None:
        """Forget them all."""
        with self._guard:
            self._lines.clear()

    def lines(self) -> list[dict[str, Any]]:
        """The newest first."""
        with self._guard:
            return [dict(line) for line in reversed(self._lines.values())]


def services(log: RecentLog) -> list[Service]:
    """``system_log.write`` and ``system_log.clear``, as in Home Assistant."""

    def write(call: ServiceCall) -> None:
        level = logging.getLevelNamesMapping()[call.data["level"].upper()]
        name = call.data["logger"]
        # a logger lasts as long as the process, so none is made for every name that somebody thinks of
        known = logging.getLogger(name if name in logging.root.manager.loggerDict else LOGGER)
        if known.isEnabledFor(level):
            known.handle(known.makeRecord(name, level, call.domain, 0, call.data["message"], (), None))

    line = {
        vol.Required("message"): vol.All(cv.string, vol.Length(max=MAX_WORDS)),
        vol.Optional("level", default="error"): cv.one_of(*LEVELS, fold=True),
        vol.Optional("logger", default=LOGGER): vol.All(cv.string, vol.Match(_NAME)),
    }
    fields = {
        "message": {"required": True, "selector": {"text": {}}},
        "level": {"default": "error", "selector": {"select": {"options": list(LEVELS)}}},
        "logger": {"selector": {"text": {}}},
    }
    told = "Write a line into the log."
    return [
        Service("system_log", "write", write, vol.Schema(line), description=told, fields=fields),
        Service("system_log", "clear", lambda call: log.clear(), vol.Schema({}), description=CLEARS, admin=True),
    ]
