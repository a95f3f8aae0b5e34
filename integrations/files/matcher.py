"""Regular expressions in a process of their own, which can be ended: Python's ``re`` may need longer than the universe
for thirty letters, holds the interpreter meanwhile, and knows no time limit.

Run as a script it is that process. It reads a line of JSON, ``{"pattern", "ignore_case"}``, and answers
``{"error": sentence | null}``. Then it reads texts, each as a line ``{"bytes", "most"}`` and its bytes in UTF-8, and
answers each with ``[[line, text], …]``: at most so many lines that match, counted from 1 and cut.
"""

from __future__ import annotations

import contextlib
import json
import re
import subprocess
import sys
import threading
from types import TracebackType
from typing import IO, Any

SHOWN = 250  # characters of a line …
BEFORE = 80  # … of which so many stand before what matches, where the line is longer
MEMORY = 1024**3  # bytes that the process may take


class Late(Exception):
    """The time was up."""


class Matcher:
    """Looks for one pattern, ``seconds`` long at most; blocks, and is for threads. Raises ValueError for no pattern."""

    def __init__(self, pattern: str, *, ignore_case: bool, seconds: float) -> None:
        command = [sys.executable, "-I", "-S", __file__]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd="/"
        )
        self._alarm = threading.Timer(seconds, self._process.kill)
        self._alarm.daemon = True
        self._alarm.start()
        self._pattern, self._ignore_case = pattern, ignore_case

    def __enter__(self) -> Matcher:
        try:
            answer = self._ask({"pattern": self._pattern, "ignore_case": self._ignore_case})
            if answer["error"]:
                raise ValueError(answer["error"])
        except BaseException:
            self._close()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._close()

    def lines(self, text: str, most: int) -> list[tuple[int, str]]:
        """The lines that match, with their numbers. Raises ``Late``."""
        data = text.encode(errors="replace")
        return [(number, line) for number, line in self._ask({"bytes": len(data), "most": most}, data)]

    def _ask(self, question: dict[str, Any], data: bytes = b"") -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            self._process.stdin.write(json.dumps(question).encode() + b"\n" + data)
            self._process.stdin.flush()
            return json.loads(self._process.stdout.readline())
        except (OSError, ValueError) as error:  # it was ended, or took too much memory
            raise Late from error

    def _close(self) -> None:
        self._alarm.cancel()
        self._process.kill()
        with contextlib.suppress(OSError):  # what it did not read any more
            self._process.communicate()


def serve(questions: IO[bytes], answers: IO[bytes]) -> None:
    """Answer until there are no more questions."""

    def answer(what: Any) -> None:
        answers.write(json.dumps(what).encode() + b"\n")
        answers.flush()

    asked = json.loads(questions.readline())
    try:
        pattern = re.compile(asked["pattern"], re.IGNORECASE if asked["ignore_case"] else 0)
    except (re.error, RecursionError, OverflowError) as error:
        answer({"error": str(error)})
        return
    answer({"error": None})
    while line := questions.readline():
        asked = json.loads(line)
        answer(found(pattern, questions.read(asked["bytes"]).decode(), asked["most"]))


def found(pattern: re.Pattern[str], text: str, most: int) -> list[tuple[int, str]]:
    """The lines of a text that match."""
    lines: list[tuple[int, str]] = []
    for number, line in enumerate(text.split("\n"), 1):
        if (match := pattern.search(bare := line.rstrip("\r"))) is not None:
            lines.append((number, _cut(bare, match.start())))
            if len(lines) >= most:
                break
    return lines


def _cut(line: str, place: int) -> str:
    if len(line) <= SHOWN:
        return line
    start = min(max(0, place - BEFORE), len(line) - SHOWN)
    end = start + SHOWN
    return f"{'…' * (start > 0)}{line[start:end]}{'…' * (end < len(line))}"


if __name__ == "__main__":
    with contextlib.suppress(ImportError, OSError, ValueError):
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    serve(sys.stdin.buffer, sys.stdout.buffer)
