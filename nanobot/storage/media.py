"""Media: the files that come with messages and go out with them, in one folder, with limits.

    media/<source>/<YYYY-MM-DD>/<id>_<name>

A file is there whole and synced, or not at all: it is written under another name, ``.<id>.part``, and renamed in the
end. Every folder on the way to it is opened as what it is, so that no link leads out of ``media/``.
"""

from __future__ import annotations

import asyncio
import stat
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Collection, Iterable
from contextlib import aclosing
from pathlib import Path

from nanobot.contracts.channel import Attachment
from nanobot.contracts.media import MediaLimits
from nanobot.errors import Refused
from nanobot.storage.shelf import FOLDER, Part, Place, Shelf
from nanobot.util.aio import in_thread
from nanobot.util.dt import Clock
from nanobot.util.file_kind import HEAD, media_type_of, safe_name
from nanobot.util.ids import ulid
from nanobot.util.text import slugify
from nanobot.util.translate import translate

BLOCK = 256 * 1024  # bytes that are written at a time
RECOUNT_AFTER = 60.0  # s until a folder that seems full is looked at again: somebody may have made room by hand
DAY = 86_400.0  # s

InUse = Callable[[], Awaitable[Collection[str]]]
"""Tells the paths of the attachments that somebody still needs."""


class Media:
    """One per hub. ``limits`` may be replaced at any time; they count from the next piece of data on."""

    def __init__(self, config_dir: Path, clock: Clock | None = None) -> None:
        self.limits = MediaLimits()
        self._config_dir = config_dir
        self._clock = clock or Clock()
        self._shelf = Shelf(config_dir)
        self._writing: dict[str, int] = {}
        """Bytes so far of each file in the making."""
        self._kept: int | None = None
        """Bytes of all files that are whole; None: not counted yet."""
        self._since = 0
        """Bytes that were finished since the last count began."""
        self._fresh: set[str] = set()
        """Files that the count which runs leaves out: they were not whole when it began."""
        self._counted_at = 0.0
        self._counting = asyncio.Lock()

    async def keep(
        self,
        source: str,
        name: str,
        data: AsyncIterator[bytes] | bytes,
        media_type: str | None = None,
        *,
        language: str = "en",
    ) -> Attachment:
        """Keep a file; it is on disk when this returns. ``source`` is who brings it: an entry, a tool.

        ``name`` and ``media_type`` may be what anybody has claimed; the attachment has what became of them.
        Raises ``Refused`` with a sentence in ``language`` for a file that is too large, of a type that is not taken, or
        for which there is no room, and ``StorageError`` when the disk fails. Then nothing of it stays, and nothing
        stays when this is cancelled.
        """
        number, clean = ulid(), safe_name(name)
        place = Place(slugify(source)[:64].strip("_") or "unknown", self._clock.now().date().isoformat())
        part = self._shelf.begin(place, number, clean)
        self._writing[number] = 0
        self._fresh.add(number)
        try:
            kind = await self._write(part, data, media_type, language)
        except BaseException:
            await asyncio.shield(in_thread(part.abandon))
            raise
        finally:
            size = self._writing.pop(number)
        self._add(size)
        return Attachment(f"{FOLDER}/{place.source}/{place.day}/{part.name}", clean, kind, size)

    async def drop(self, *attachments: Attachment) -> None:
        """Delete files again that nobody was told of: the message they came with was not taken."""
        async with self._counting:
            for attachment in attachments:
                self._add(-await in_thread(self._shelf.delete, attachment.path))

    async def drop_paths(self, paths: Iterable[str]) -> None:
        """Delete files whose messages are gone."""
        async with self._counting:
            for path in paths:
                self._add(-await in_thread(self._shelf.delete, path))

    def path_of(self, attachment: Attachment) -> Path:
        """Where an attachment lies. Looks at the disk, which takes microseconds.

        Raises ``Refused`` for whatever is not a plain file below ``media/``: gone, elsewhere, behind a link.
        """
        parts = attachment.path.split("/")
        path = self._config_dir
        try:
            if parts[0] != FOLDER or len(parts) < 2 or not all(map(_is_name, parts)):
                raise Refused(f"{attachment.name} does not lie in the folder {FOLDER}")
            for part in parts[:-1]:
                path /= part
                if not stat.S_ISDIR(path.lstat().st_mode):
                    raise Refused(f"{attachment.name} lies behind a link, which is not followed")
            path /= parts[-1]
            if not stat.S_ISREG(path.lstat().st_mode):
                raise Refused(f"{attachment.name} is not a plain file")
        except (OSError, ValueError) as error:
            raise Refused(f"{attachment.name} is no longer there") from error
        return path

    async def clean_up(self, now: float, in_use: InUse) -> int:
        """Delete the files that are older than ``keep_days`` and that nobody needs; gives back how many.

        Only what was made here, by its name, is ever deleted; what a crash left half written goes as well.
        Raises ``StorageError``, also from ``in_use``.
        """
        async with self._counting:
            old = await self._count(now - self.limits.keep_days * DAY)
            if not old:
                await in_thread(self._shelf.tidy)
                return 0
            needed = await in_use()  # asked last: what was sent meanwhile counts
            doomed = [path for path in old if path not in needed]
            for path in doomed:
                self._add(-await in_thread(self._shelf.delete, path))
            await in_thread(self._shelf.tidy)
            return len(doomed)

    # -- inside ---------------------------------------------------------------------------------

    async def _write(
        self, part: Part, data: AsyncIterator[bytes] | bytes, media_type: str | None, language: str
    ) -> str:
        """Gives back the type. That is known, and allowed, before anything is written."""
        kind: str | None = None
        rest = bytearray()
        async with aclosing(_pieces(data)) as pieces:
            async for piece in pieces:
                await self._admit(part, len(piece), language)
                rest += piece
                if len(rest) >= BLOCK:
                    kind = kind or await self._kind(rest, media_type, part, language)
                    block, rest = rest, bytearray()
                    await in_thread(part.write, block)
        await self._admit(part, 0, language)
        kind = kind or await self._kind(rest, media_type, part, language)
        await in_thread(part.finish, rest, self._clock.time())
        return kind

    async def _kind(self, head: bytearray, media_type: str | None, part: Part, language: str) -> str:
        kind = await in_thread(media_type_of, bytes(head[:HEAD]), media_type, part.name)
        if not self.limits.takes(kind):
            types = ", ".join(self.limits.types) or "–"
            raise Refused(translate("media.wrong_type", language, type=kind, types=types))
        return kind

    async def _admit(self, part: Part, more: int, language: str) -> None:
        """Take account of more bytes of a file. Raises ``Refused`` where they are too many."""
        size = self._writing[part.number] = self._writing[part.number] + more
        if size > self.limits.max_size:
            raise Refused(translate("media.too_large", language, limit=size_text(self.limits.max_size)))
        if self._is_full():
            async with self._counting:
                if self._kept is None or asyncio.get_running_loop().time() - self._counted_at > RECOUNT_AFTER:
                    await self._count()
            if self._is_full():
                raise Refused(translate("media.full", language, limit=size_text(self.limits.max_total)))

    def _is_full(self) -> bool:
        return self._kept is None or self._kept + sum(self._writing.values()) > self.limits.max_total

    def _add(self, size: int) -> None:
        self._since += size
        if self._kept is not None:
            self._kept += size

    async def _count(self, before: float = 0.0) -> list[str]:
        """Count what there is; gives back the paths of files from before a time. The lock is held."""
        self._since, self._fresh = 0, set(self._writing)
        size, old = await in_thread(self._shelf.look, before, self._fresh)
        self._kept = size + self._since
        self._counted_at = asyncio.get_running_loop().time()
        return old


def size_text(size: int) -> str:
    """A number of bytes for people: ``20 MB``."""
    for power, unit in ((3, "GB"), (2, "MB"), (1, "kB")):
        if size >= 1024**power:
            return f"{round(size / 1024**power, 1):g} {unit}"
    return f"{size} B"


async def _pieces(data: AsyncIterator[bytes] | bytes) -> AsyncGenerator[bytes, None]:
    if isinstance(data, (bytes, bytearray)):
        yield data
        return
    try:
        async for piece in data:
            yield piece
    finally:
        if (close := getattr(data, "aclose", None)) is not None:
            await close()


def _is_name(part: str) -> bool:
    return part not in ("", ".", "..")
