"""What a template that fails tells: what is wrong, in which line, and what was probably meant."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from jinja2 import TemplateSyntaxError

from nanobot.errors import NanobotError
from nanobot.util.text import nearest, shorten

_NO_SUCH = re.compile(r"No (?P<what>filter|test) named '(?P<name>[^']*)'")
_UNDEFINED = re.compile(r"'(?P<name>\w+)' is undefined")
LONGEST = 300  # characters of what a failing function says
FILE = "<template>"
"""What the code of a template is called in tracebacks."""


class TemplateError(NanobotError):
    """A template cannot be parsed or rendered. ``line`` counts from 1; None where it is not known."""

    def __init__(self, message: str, line: int | None = None) -> None:
        super().__init__(message)
        self.line = line


class Refused(Exception):
    """A template wants more than it may have: memory, steps, or what is not its business."""


def unreadable(
    error: TemplateSyntaxError, filters: Iterable[str], tests: Iterable[str], text: str = ""
) -> TemplateError:
    """For a template with a syntax error, an unknown filter or an unknown test."""
    message = error.message or "cannot be read"
    hint = _hints(message, {"filter": filters, "test": tests})
    return TemplateError(f"{type(error).__name__}: {message}{_at(error.lineno, text)}{hint}", error.lineno)


def failed(error: BaseException, line: int | None, text: str, known: Mapping[str, Iterable[str]]) -> TemplateError:
    """For a template that fails while it is rendered. ``known``: the names by ``filter``, ``test``, ``function``."""
    if isinstance(error, RecursionError):
        said = "RecursionError: the template calls itself too often"
    elif isinstance(error, MemoryError):
        said = "MemoryError: the template needs too much memory"
    elif isinstance(error, Refused | TemplateError):
        said = f"TemplateError: {error}"
    else:
        said = f"{type(error).__name__}: {_told(error)}"
    return TemplateError(f"{said}{_at(line, text)}{_hints(said, known)}", line)


def line_of(error: BaseException, file: str = FILE) -> int | None:
    """The line of the Python code made of a template in which it failed."""
    trace, found = error.__traceback__, None
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == file:
            found = trace.tb_lineno
        trace = trace.tb_next
    return found


def _at(line: int | None, text: str) -> str:
    return f" (line {line})" if line is not None and "\n" in text.strip() else ""


def _hints(said: str, known: Mapping[str, Iterable[str]]) -> str:
    found = _NO_SUCH.search(said)
    what = found["what"] if found else "function"
    found = found or _UNDEFINED.search(said)
    if found is None:
        return ""
    name = found["name"]
    near = nearest(name, [one for one in known.get(what, ()) if one != name])
    return f"; did you mean '{near}'?" if near else ""


def _told(error: BaseException) -> str:
    """What a failing function says, which may hold all of its input."""
    text = str(error.args[0]) if isinstance(error, KeyError) and error.args else str(error)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def short(value: object) -> str:
    """A value for a sentence."""
    return shorten(value)
