"""The books: the files of the memory, one folder for each person and one for what is shared.

    memory/MEMORY.md                 what is shared, a fact in a line
    memory/HISTORY.md                what happened, a paragraph each, ``[YYYY-MM-DD HH:MM] …``
    memory/2026-11-21.md             notes of a day
    memory/people/telegram~123/…     the same of one person alone

Everything here blocks, and is called in threads. Files are replaced as a whole, or not at all.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from urllib.parse import quote

from nanobot.errors import StorageError, ToolError
from nanobot.storage.folder import Folder

SHARED = ""
"""The book of what is shared."""
PEOPLE = "people"
FACTS, HISTORY = "MEMORY.md", "HISTORY.md"
MAX_BYTES = 20_000_000  # of one file
LONGEST_NAME = 120  # characters of a folder

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}\.md")


@dataclass(frozen=True, slots=True)
class Page:
    """A file of the memory. ``stamp`` changes with what stands in it."""

    path: str
    book: str
    stamp: str


class Books:
    """``root`` is made when something is first written."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._folder = Folder(root)
        self._read: dict[str, tuple[str, str]] = {}

    def text(self, path: str) -> str:
        """What stands in a file, "" when it is not there; read again when it has changed."""
        stamp = _stamp(self.root / path)
        if stamp is None:
            return ""
        known = self._read.get(path)
        if known is not None and known[0] == stamp:
            return known[1]
        try:
            text = self._folder.read(path, MAX_BYTES).data.decode("utf-8-sig", errors="replace")
        except ToolError as error:
            raise StorageError(f"memory: {error}") from error
        text = text.replace("\r\n", "\n")
        self._read[path] = (stamp, text)
        return text

    def change(self, path: str, edit: Callable[[str], str]) -> None:
        """Write what ``edit`` makes of a file. An edit by hand in between is not lost: it is made again on top of it.

        Raises ``StorageError``."""
        for _ in range(5):
            try:
                try:
                    content = self._folder.read(path, MAX_BYTES)
                except ToolError:
                    if (self.root / path).exists():
                        raise
                    self._folder.write(path, edit("").encode())
                    return
                before = content.data.decode("utf-8-sig", errors="replace").replace("\r\n", "\n")
                after = edit(before)
                if after != before:
                    self._folder.write(path, after.encode(), replaces=content.version)
                return
            except ToolError as error:
                if "changed by somebody else" not in str(error):
                    raise StorageError(f"memory: {error}") from error
        raise StorageError(f"memory: {path} is being changed all the time")

    def pages(self) -> list[Page]:
        """All files of the memory."""
        found = list(self._of(SHARED, self.root))
        try:
            people = sorted(path for path in (self.root / PEOPLE).iterdir() if path.is_dir() and not path.is_symlink())
        except OSError:
            people = []
        for path in people:
            found += self._of(f"{PEOPLE}/{path.name}", path)
        return found

    def _of(self, book: str, folder: Path) -> Iterator[Page]:
        try:
            names = sorted(path.name for path in folder.iterdir())
        except OSError:
            return
        for name in names:
            if name in (FACTS, HISTORY) or _DAY.fullmatch(name):
                stamp = _stamp(folder / name)
                if stamp is not None:
                    yield Page(within(book, name), book, stamp)


def book_of(person: str) -> str:
    """The book of ``<channel>:<sender>``: a folder that no other person has, whatever they call themselves."""
    name = quote(person, safe="@+").replace("~", "%7E").replace("%3A", "~")
    if len(name) > LONGEST_NAME:
        name = f"{name[:60]}-{sha256(person.encode()).hexdigest()[:32]}"
    return f"{PEOPLE}/{name}"


def within(book: str, name: str) -> str:
    """The path of a file of a book."""
    return f"{book}/{name}" if book else name


def _stamp(path: Path) -> str | None:
    try:
        status = path.lstat()
    except OSError:
        return None
    return f"{status.st_mtime_ns}-{status.st_size}-{status.st_ino}"
