"""The books: the files of the memory, one folder for each person and one for what is shared.

    memory/MEMORY.md                 what is shared, a fact in a line
    memory/HISTORY.md                what happened, a paragraph each, ``[YYYY-MM-DD HH:MM] …``
    memory/2026-11-21.md             notes of a day
    memory/people/telegram~123/…     the same of one person alone
    memory/agents/agent%20work/…     all of that, of an agent whose memory is its own

Everything here blocks, and is called in threads. Files are replaced as a whole, or not at all.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from urllib.parse import quote, unquote

from nanobot.errors import StorageError, ToolError
from nanobot.storage.folder import Folder

SHARED = ""
"""The book of what is shared."""
PEOPLE, AGENTS = "people", "agents"
FACTS, HISTORY = "MEMORY.md", "HISTORY.md"
MAX_BYTES = 20_000_000  # of one file
AS_IT_IS = "surrogateescape"
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
                # what is no UTF-8 was written by hand, and stays as it is
                before = content.data.decode("utf-8-sig", errors=AS_IT_IS).replace("\r\n", "\n")
                after = edit(before)
                if after != before:
                    self._folder.write(path, after.encode(errors=AS_IT_IS), replaces=content.version)
                return
            except ToolError as error:
                if "changed by somebody else" not in str(error):
                    raise StorageError(f"memory: {error}") from error
        raise StorageError(f"memory: {path} is being changed all the time")

    def pages(self) -> list[Page]:
        """All files of the memory."""
        own = [f"{AGENTS}/{path.name}" for path in _folders(self.root / AGENTS)]
        return [page for book in (SHARED, *own) for page in self._with_people(book)]

    def _with_people(self, shared: str) -> Iterator[Page]:
        folder = self.root / shared
        yield from self._of(shared, folder)
        for path in _folders(folder / PEOPLE):
            yield from self._of(within(shared, f"{PEOPLE}/{path.name}"), path)

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


def shared_of(agent: str) -> str:
    """The book of what is shared with an agent whose memory is its own; "": with all others."""
    return f"{AGENTS}/{_folder_of(agent)}" if agent else SHARED


def book_of(person: str, agent: str = "") -> str:
    """The book of ``<channel>:<sender>``: a folder that no other person has, whatever they call themselves.
    ``agent``: in the memory that is that agent's own."""
    return within(shared_of(agent), f"{PEOPLE}/{_folder_of(person)}")


def person_in(book: str) -> str:
    """Whose book it is; "" for what is shared, and where the folder does not tell."""
    above, _, folder = book.rpartition("/")
    person = _name_in(folder)
    return person if above.rpartition("/")[2] == PEOPLE and _folder_of(person) == folder else ""


def agent_in(book: str) -> str:
    """The agent whose memory it is in; "" for that of all others."""
    first, _, rest = book.partition("/")
    return _name_in(rest.partition("/")[0]) if first == AGENTS else ""


def _folder_of(name: str) -> str:
    folder = quote(name, safe="@+").replace("~", "%7E").replace("%3A", "~")
    if len(folder) > LONGEST_NAME:
        folder = f"{folder[:60]}-{sha256(name.encode()).hexdigest()[:32]}"
    return folder


def _name_in(folder: str) -> str:
    return unquote(folder.replace("~", "%3A"))


def _folders(above: Path) -> list[Path]:
    try:
        return sorted(path for path in above.iterdir() if path.is_dir() and not path.is_symlink())
    except OSError:
        return []


def within(book: str, name: str) -> str:
    """The path of a file of a book."""
    return f"{book}/{name}" if book else name


def _stamp(path: Path) -> str | None:
    try:
        status = path.lstat()
    except OSError:
        return None
    return f"{status.st_mtime_ns}-{status.st_size}-{status.st_ino}"
