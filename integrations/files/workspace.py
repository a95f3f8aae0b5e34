"""The workspace: which files an agent may have, on whose behalf, and how large they may be."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from nanobot.agent.prompt_files import FILES
from nanobot.contracts.agent import Turn
from nanobot.contracts.channel import Attachment
from nanobot.contracts.workspace import Workspace
from nanobot.errors import Refused, StorageError, ToolError
from nanobot.hub.hub import Hub
from nanobot.storage.folder import Content, Folder, Found, Version, blocks
from nanobot.storage.media import size_text
from nanobot.storage.naming import MAX_DEPTH, parts_of
from nanobot.util.aio import in_thread
from nanobot.util.file_kind import HEAD, media_type_of

from .search import Search

MEDIA = "media"
OBEYED = frozenset(name.casefold() for name in FILES)
"""Files that are part of every prompt: what stands there counts as said by the people who run nanobot."""
COUNTED_FOR = 60.0  # s that the size of the folder is taken for known; others write there as well
MAX_LOOKED_AT = 20_000  # files and folders of one listing


@dataclass(frozen=True, slots=True)
class Rules:
    """``guests``: what may be done with files for people who do not run nanobot: ``nothing``, ``read`` or ``write``.

    ``max_bytes`` of one file, ``max_total`` of all that an agent may make the folder hold; None: any.
    """

    read_only: bool
    guests: str
    max_bytes: int
    max_total: int | None


class FileWorkspace(Workspace):
    """One folder for work, and beside it, as ``media/``, the files that people have sent, which are only read."""

    def __init__(self, hub: Hub, name: str, folder: Path, rules: Rules) -> None:
        super().__init__(name)
        self.folder = folder
        self.rules = rules
        self._hub = hub
        self._folder = Folder(folder)
        self._media = Folder(hub.config_dir / MEDIA, top=f"{MEDIA}/")
        self._turn_to_write = asyncio.Lock()  # one writer at a time takes up a thread …
        self._writing = threading.Lock()  # … and waits there for one whose turn was cut off while it wrote
        self._searching = asyncio.Semaphore(2)  # each search takes a process
        self._total = 0
        self._counted_at = float("-inf")

    async def read(self, path: str, turn: Turn) -> Content:
        """All of a file."""
        folder, inside = self._place(path, turn)
        return await in_thread(folder.read, inside, self.rules.max_bytes)

    async def kind(self, path: str, turn: Turn) -> tuple[str, int]:
        """Media type and size of a file."""
        folder, inside = self._place(path, turn)
        return await in_thread(_kind, folder, inside)

    async def listing(
        self,
        path: str,
        turn: Turn,
        *,
        depth: int,
        most: int,
        fits: Callable[[str], bool],
        hidden: bool = True,
        only_files: bool = False,
    ) -> tuple[list[Found], bool]:
        """What is in a folder and fits, by paths as they are given here; and whether there is more than that.

        ``fits`` is asked with paths from that folder on. Without ``hidden`` what begins with a dot is left out.
        """
        folder, inside = self._place(path, turn)
        parts = parts_of(inside)
        own = folder is self._folder

        def look() -> tuple[list[Found], bool]:
            above = len("/".join(parts)) + bool(parts)
            found: list[Found] = []
            if own and not parts:
                if turn.owner and self._media.path.is_dir() and fits(MEDIA) and not only_files:
                    found.append(Found(MEDIA, "folder", 0))
                if not self._folder.path.is_dir():
                    return found, False
            for count, one in enumerate(folder.walk(inside, depth=depth, hidden=hidden)):
                if len(found) > most or count >= MAX_LOOKED_AT:
                    return found[:most], True
                if fits(one.path[above:]) and (one.kind == "file" or not only_files):
                    found.append(one if own else replace(one, path=f"{MEDIA}/{one.path}"))
            return found[:most], len(found) > most

        return await in_thread(look)

    async def search(self, path: str, turn: Turn, search: Search, *, fits: Callable[[str], bool], hidden: bool) -> None:
        """Look into one file, or into those of a folder that fit."""
        folder, inside = self._place(path, turn)
        above = len("/".join(parts_of(inside))) + 1 if parts_of(inside) else 0

        def files() -> Iterator[Found]:
            walked = folder.walk(inside, depth=MAX_DEPTH, hidden=hidden)
            for count, one in enumerate(walked):
                if count >= MAX_LOOKED_AT:
                    search.stopped = f"there are more than {MAX_LOOKED_AT} files and folders"
                    return
                if fits(one.path[above:]):
                    yield one

        def work() -> None:
            if folder is self._folder and not above and not folder.path.is_dir():
                return
            try:
                only = [Found(inside, "file", folder.peek(inside, 0).version.size)]
            except ToolError:  # a folder, or nothing that may be read, which the walk says
                only = None
            search.run(folder, files() if only is None else only, self._name_in(folder))

        async with self._searching:
            await in_thread(work)

    def _name_in(self, folder: Folder) -> Callable[[str], str]:
        return str if folder is self._folder else f"{MEDIA}/{{}}".format

    async def write(self, path: str, data: bytes, turn: Turn) -> bool:
        """Replace a file, or make it; gives back whether there was one."""
        folder, inside = self._place(path, turn, writes=True)

        def work() -> bool:
            with self._writing:
                return self._store(folder, inside, data, None)

        async with self._turn_to_write:
            return await in_thread(work)

    async def edit(self, path: str, turn: Turn, change: Callable[[bytes], bytes]) -> None:
        """Replace a file by what ``change``, called in a thread, makes of it; no other edit comes in between."""
        folder, inside = self._place(path, turn, writes=True)

        def work() -> None:
            with self._writing:
                old = folder.read(inside, self.rules.max_bytes)
                self._store(folder, inside, change(old.data), old.version)

        async with self._turn_to_write:
            await in_thread(work)

    async def attachment(self, path: str, turn: Turn) -> Attachment:
        folder, inside = self._place(path, turn)
        if folder is self._media:
            kind, size = await in_thread(_kind, folder, inside)
            return Attachment("/".join(parts_of(path)), _told_name(path), kind, size)
        content = await in_thread(folder.read, inside, self._hub.media.limits.max_size)
        try:
            return await self._hub.media.keep(self.name, parts_of(inside)[-1], content.data)
        except (Refused, StorageError) as error:
            raise ToolError(f"{path} cannot be sent: {error}") from error

    # -- inside ---------------------------------------------------------------------------------

    def _place(self, path: str, turn: Turn, *, writes: bool = False) -> tuple[Folder, str]:
        """The folder that is meant, and the path in it. Raises ``ToolError`` for what this turn may not have."""
        parts = parts_of(path)
        received = parts[:1] == (MEDIA,)
        if not turn.owner:
            self._check_guest("/".join(parts), turn, received=received, writes=writes)
        if received and writes:
            raise ToolError(f"What was received in {MEDIA}/ stays as it is. Write somewhere else.")
        if received:
            return self._media, path.partition(MEDIA)[2].lstrip("/")
        return self._folder, path

    def _check_guest(self, path: str, turn: Turn, *, received: bool, writes: bool) -> None:
        if received and path not in [attachment.path for attachment in turn.attachments]:
            raise ToolError("Only the people who run nanobot may see what others have sent.")
        if received:
            return
        if writes and is_obeyed(path):
            raise ToolError(f"{path} is part of every prompt; only the people who run nanobot may change it.")
        if self.rules.guests == "nothing" or (writes and self.rules.guests == "read"):
            what = "change" if self.rules.guests == "read" else "use"
            raise ToolError(
                f"Only the people who run nanobot may {what} files; the option 'guests' of files lets others."
            )

    def _store(self, folder: Folder, inside: str, data: bytes, replaces: Version | None) -> bool:
        if len(data) > self.rules.max_bytes:
            raise ToolError(f"That is {size_text(len(data))}; a file may have {size_text(self.rules.max_bytes)}.")
        self._make_sure_of_room(folder, inside, len(data))
        replaced = folder.write(inside, data, replaces=replaces)
        self._total += blocks(len(data))
        return replaced

    def _make_sure_of_room(self, folder: Folder, inside: str, size: int) -> None:
        most = self.rules.max_total
        if most is None:
            return
        old = time.monotonic() - self._counted_at > COUNTED_FOR
        if old or self._total + blocks(size) > most:
            self._total, self._counted_at = folder.total(most), time.monotonic()
        if self._total + blocks(size) > most and not _shrinks(folder, inside, size):
            raise ToolError(f"The workspace is full: it may hold {size_text(most)} in all.")


def is_obeyed(path: str) -> bool:
    """Whether a file is one that every later turn obeys."""
    try:
        parts = parts_of(path)
    except ToolError:
        return False
    return len(parts) == 1 and parts[0].casefold() in OBEYED


def _shrinks(folder: Folder, inside: str, size: int) -> bool:
    try:
        return blocks(size) <= blocks(folder.peek(inside, 0).version.size)
    except ToolError:
        return False


def _kind(folder: Folder, inside: str) -> tuple[str, int]:
    content = folder.peek(inside, HEAD)
    return media_type_of(content.data, None, inside), content.version.size


def _told_name(path: str) -> str:
    """A received file is called ``<id>_<name>``."""
    name = path.rpartition("/")[2]
    return name.partition("_")[2] or name
