"""Looking for text in files: which files are looked into, how many, and how long."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from nanobot.errors import ToolError
from nanobot.storage.folder import Folder, Found
from nanobot.storage.naming import shown

from .matcher import Late, Matcher
from .text import FileText

SECONDS = 10.0  # of one search
MOST_BYTES = 100 * 1024 * 1024  # that one search reads


@dataclass(slots=True)
class Hit:
    path: str
    line: int
    text: str


@dataclass(slots=True)
class Search:
    """What is looked for, and what was found. ``stopped``: why not all was looked at, as a phrase; else ""."""

    pattern: str
    ignore_case: bool
    most: int
    max_bytes: int
    hits: list[Hit] = field(default_factory=list)
    files: int = 0
    too_large: int = 0
    stopped: str = ""

    def run(self, folder: Folder, files: Iterable[Found], name: Callable[[str], str]) -> None:
        """Look into ``files`` of a folder; ``name`` makes their paths those that people know. Blocks.

        Raises ``ToolError`` for what is no regular expression.
        """
        until = time.monotonic() + SECONDS
        read = 0
        try:
            with Matcher(self.pattern, ignore_case=self.ignore_case, seconds=SECONDS) as matcher:
                for one in files:
                    if one.kind != "file":
                        continue
                    if one.size > self.max_bytes:
                        self.too_large += 1
                        continue
                    read += one.size
                    if read > MOST_BYTES or time.monotonic() > until:
                        self.stopped = "there is more than one search can read" if read > MOST_BYTES else _late()
                        return
                    if (text := _text(folder, one, self.max_bytes)) is None:
                        continue
                    self.files += 1
                    found = matcher.lines(text, self.most - len(self.hits) + 1)
                    self.hits += [Hit(name(one.path), number, line) for number, line in found]
                    if len(self.hits) > self.most:
                        del self.hits[self.most :]
                        self.stopped = f"only {self.most} lines are shown"
                        return
        except ValueError as error:
            raise ToolError(f"{shown(self.pattern)} is not a regular expression: {error}.") from error
        except Late:
            self.stopped = _late()


def _late() -> str:
    return f"the search took longer than {SECONDS:g} s"


def _text(folder: Folder, one: Found, max_bytes: int) -> str | None:
    """None for what is no text, or is no more what it was a moment ago."""
    try:
        file = FileText.of(folder.read(one.path, max_bytes).data)
    except ToolError:
        return None
    return None if file is None else file.text
