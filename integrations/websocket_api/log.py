"""The last warnings and errors, each once, for ``system_log/list``."""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

MAX_LINES = 50
MAX_MESSAGES = 5  # that are kept of one line with different words

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

    def lines(self) -> list[dict[str, Any]]:
        """The newest first."""
        with self._guard:
            return [dict(line) for line in reversed(self._lines.values())]
