"""Where log lines go: to the terminal and to ``nanobot.log``, never through the event loop's time.

Loggers hand their records to a queue; a thread writes them. What is known to be secret is hidden before that.
"""

from __future__ import annotations

import contextlib
import logging
import logging.handlers
import os
import queue
import sys
import threading
import time
import warnings
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Any, TextIO

from nanobot.util.secrets import Scrubber

FILE = "nanobot.log"
OURS = ("nanobot", "integrations")  # loggers: of the core, and of integrations that name theirs after their module
MAX_BYTES = 10 * 1024 * 1024
MAX_AGE = 7 * 24 * 3600.0  # s
KEEP = 2  # files besides the one that is written
MAX_WAITING = 20_000  # records; more are dropped and counted
TRY_AGAIN = 60.0  # s after a disk refused
STOP_LIMIT = 5.0  # s for what waits to be written at the end

PROMPT_MARK = "below_is_a_prompt"
"""What ``nanobot.util.terminal`` marks stderr with while somebody chats there (it is not imported for that alone)."""

TIME = "%Y-%m-%d %H:%M:%S"
_COLOURS = {"DEBUG": "\033[2m", "WARNING": "\033[33m", "ERROR": "\033[31m", "CRITICAL": "\033[1;31m"}
# What people and platforms send is logged as well: it must neither forge lines nor steer the terminal.
_CONTROL = {code: f"\\x{code:02x}" for code in (*range(32), *range(127, 160)) if chr(code) not in "\t\n"} | {
    10: "\n    "
}
_DIM, _PLAIN = "\033[2m", "\033[0m"


class Logs:
    """The handlers of one process. ``stop()`` writes what is left and puts everything back."""

    def __init__(self, config_dir: Path, *, verbose: bool, file: bool) -> None:
        self.scrubber = Scrubber()
        self._level = logging.DEBUG if verbose else logging.INFO
        self._handlers: list[logging.Handler] = [Terminal(verbose=verbose)]
        if file:
            self._handlers.append(File(config_dir / FILE))
        self._inlet = Inlet(self.scrubber)
        self._writer = Writer(self._inlet.records, *self._handlers)
        self._levels: dict[str, int] = {}
        self._hooks = (sys.excepthook, threading.excepthook, sys.unraisablehook)

    def start(self) -> None:
        """Take over the root logger and the hooks for what nobody caught."""
        root = logging.getLogger()
        self._levels = {name: logging.getLogger(name).level for name in ("", *OURS)}
        root.setLevel(logging.WARNING)
        for name in OURS:
            logging.getLogger(name).setLevel(self._level)
        root.addHandler(self._inlet)
        logging.captureWarnings(True)
        # Warnings are for authors of code; Python's own default hides most of them, we keep that.
        warnings.filterwarnings("ignore", category=DeprecationWarning)
        sys.excepthook, threading.excepthook, sys.unraisablehook = _uncaught, _uncaught_in_thread, _unraisable
        self._writer.start()

    def hide(self, secrets: Iterable[str]) -> None:
        """From now on these values are dots in every line."""
        self.scrubber.add(*secrets)

    def stop(self) -> None:
        """Write what waits, within a limit: a terminal that is held (Ctrl-S) must not hold the process."""
        sys.excepthook, threading.excepthook, sys.unraisablehook = self._hooks
        logging.captureWarnings(False)
        logging.getLogger().removeHandler(self._inlet)
        for name, level in self._levels.items():
            logging.getLogger(name).setLevel(level)
        self._writer.stop()
        for handler in self._handlers:
            handler.close()


def setup(config_dir: Path, *, verbose: bool = False, file: bool = True) -> Logs:
    """Log to the terminal (stderr) and to ``<config_dir>/nanobot.log``."""
    logs = Logs(config_dir, verbose=verbose, file=file)
    logs.start()
    return logs


class Inlet(logging.handlers.QueueHandler):
    """Takes records in whichever thread they are made, hides secrets and passes them on. Never waits."""

    def __init__(self, scrubber: Scrubber) -> None:
        self.records: queue.Queue[Any] = queue.Queue(MAX_WAITING)
        super().__init__(self.records)
        self._scrub = scrubber.scrub
        self._lost = 0

    def prepare(self, record: logging.LogRecord) -> logging.LogRecord:
        """A copy that holds no live objects and no secrets."""
        record = logging.makeLogRecord(record.__dict__)
        try:
            text = record.getMessage()
        except Exception as error:  # whatever a __str__ or a wrong % raises: the line is still worth something
            text = f"{record.msg} {record.args!r} (this line could not be put together: {error})"
        record.msg = record.message = self._scrub(text)
        record.args = None
        if record.exc_info:
            record.exc_text = logging.Formatter().formatException(record.exc_info)
            record.exc_info = None
        record.exc_text = self._scrub(record.exc_text) if record.exc_text else None
        record.stack_info = self._scrub(record.stack_info) if record.stack_info else None
        return record

    def enqueue(self, record: logging.LogRecord) -> None:
        """Count what does not fit, and say so as soon as something fits again."""
        try:
            if self._lost:
                self.records.put_nowait(_line(f"{self._lost} log lines were lost: they came faster than they are read"))
                self._lost = 0
            self.records.put_nowait(record)
        except queue.Full:
            self._lost += 1


class Writer(logging.handlers.QueueListener):
    """The thread that writes."""

    def __init__(self, records: queue.Queue[Any], *handlers: logging.Handler) -> None:
        super().__init__(records, *handlers)
        self._records = records

    def stop(self) -> None:
        """As of the base, with a limit."""
        thread, self._thread = self._thread, None
        if thread is not None:
            with contextlib.suppress(queue.Full):
                self._records.put(None, timeout=STOP_LIMIT)  # None is the base's sign for the end
                thread.join(STOP_LIMIT)


class Terminal(logging.StreamHandler[TextIO]):
    """stderr, as it is at the time of the line: a prompt may have put itself in its place.

    Whoever chats there is shown warnings only, unless ``verbose``; the file has the rest.
    """

    def __init__(self, *, verbose: bool) -> None:
        super().__init__(sys.stderr)
        self._verbose = verbose
        self.setFormatter(Line(colour=_has_colour(sys.stderr)))

    def emit(self, record: logging.LogRecord) -> None:
        self.stream = sys.stderr
        if record.levelno >= logging.WARNING or self._verbose or not getattr(sys.stderr, PROMPT_MARK, False):
            super().emit(record)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's name
        """The terminal is closed: there is nowhere to say so."""


class File(logging.Handler):
    """A file that is begun anew at 10 MB or after 7 days, readable by its owner alone.

    A disk that is full or read-only is said once, on stderr; lines are lost until it works again.
    """

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.setFormatter(Line(colour=False))
        self._path = path
        self._file: TextIO | None = None
        self._size = 0
        self._begun = 0.0
        self._next_try = 0.0
        self._broken = False

    def emit(self, record: logging.LogRecord) -> None:
        now = time.time()
        if self._broken and now < self._next_try:
            return
        try:
            line = self.format(record) + "\n"
            self._turn_over(len(line.encode(errors="replace")), now)
            assert self._file is not None
            self._file.write(line)
            self._file.flush()
            self._size += len(line.encode(errors="replace"))
        except Exception as error:  # whatever the disk or a record does, logging must not end
            self._failed(error, now)
        else:
            self._broken = False

    def close(self) -> None:
        self._close()
        super().close()

    def _turn_over(self, more: int, now: float) -> None:
        if self._file is None or self._is_gone():
            self._open(now)
        if self._size and (self._size + more > MAX_BYTES or now - self._begun > MAX_AGE):
            self._close()
            for number in range(KEEP, 0, -1):
                older = self._numbered(number - 1)
                if older.exists():
                    older.replace(self._numbered(number))
            self._open(now)
        for number in range(1, KEEP + 1):
            older = self._numbered(number)
            if self._size == 0 and older.exists() and now - older.stat().st_mtime > MAX_AGE:
                older.unlink()

    def _numbered(self, number: int) -> Path:
        return self._path.with_name(f"{self._path.name}.{number}") if number else self._path

    def _is_gone(self) -> bool:
        try:
            return not os.path.samestat(os.fstat(self._file.fileno()), self._path.stat())  # type: ignore[union-attr]
        except OSError:
            return True

    def _open(self, now: float) -> None:
        self._close()
        handle = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        self._file = os.fdopen(handle, "w", encoding="utf-8", errors="replace")
        self._size = os.fstat(handle).st_size
        self._begun = _first_time(self._path) if self._size else now

    def _close(self) -> None:
        file, self._file = self._file, None
        if file is not None:
            with contextlib.suppress(OSError):  # a full disk refuses the last flush as well
                file.close()

    def _failed(self, error: Exception, now: float) -> None:
        self._close()
        if not self._broken:
            text = f"{self._path} cannot be written ({getattr(error, 'strerror', None) or error}); logging goes on here"
            print(Line(colour=False).format(_line(text)), file=sys.stderr)
        self._broken = True
        self._next_try = now + TRY_AGAIN


class Line(logging.Formatter):
    """``2026-11-21 04:17:06 WARNING telegram: cannot be reached``; the logger's name only where it is not ours."""

    def __init__(self, *, colour: bool) -> None:
        super().__init__(datefmt="%H:%M:%S" if colour else TIME)
        self._colour = colour

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's name
        where = "" if record.name.startswith("nanobot") or record.name == "py.warnings" else f"{record.name}: "
        text = where + record.getMessage().translate(_CONTROL)
        if not self._colour:
            return f"{record.asctime} {record.levelname} {text}"
        colour = _COLOURS.get(record.levelname, "")
        return f"{_DIM}{record.asctime}{_PLAIN} {colour}{text}{_PLAIN if colour else ''}"

    def usesTime(self) -> bool:  # noqa: N802 - logging's name
        return True


def _line(text: str) -> logging.LogRecord:
    record = logging.LogRecord("nanobot.logs", logging.WARNING, __file__, 0, text, None, None)
    record.message = text
    return record


def _has_colour(stream: TextIO | None) -> bool:
    if "NO_COLOR" in os.environ or os.environ.get("TERM") == "dumb" or stream is None:
        return False
    return stream.isatty()


def _first_time(path: Path) -> float:
    """When the first line was written; a file without one counts as begun at its last change."""
    with path.open(encoding="utf-8", errors="replace") as file:
        first = file.readline(40)[:19]
    try:
        return time.mktime(time.strptime(first, TIME))
    except ValueError:
        return path.stat().st_mtime


_log = logging.getLogger("nanobot")


def _uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        return
    _log.critical("an error that nobody expected: %s", error, exc_info=(kind, error, trace))


def _uncaught_in_thread(args: threading.ExceptHookArgs) -> None:
    if args.exc_value is not None and not issubclass(args.exc_type, SystemExit):
        name = args.thread.name if args.thread else "?"
        details = (args.exc_type, args.exc_value, args.exc_traceback)
        _log.error("the thread %s failed: %s", name, args.exc_value, exc_info=details)


def _unraisable(args: sys.UnraisableHookArgs) -> None:
    if args.exc_value is not None:
        details = (args.exc_type, args.exc_value, args.exc_traceback)
        _log.error("%s %r: %s", args.err_msg or "ignored in", args.object, args.exc_value, exc_info=details)
