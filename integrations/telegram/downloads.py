"""The files that come with messages, from Telegram into the media folder."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from pathlib import Path
from urllib.parse import quote, urlsplit, urlunsplit

import httpx
from telegram.error import BadRequest, NetworkError, RetryAfter, TelegramError

from nanobot.agent.models.address import Address
from nanobot.contracts.channel import Attachment
from nanobot.errors import Refused
from nanobot.hub.entry import Entry
from nanobot.storage.media import size_text
from nanobot.util.aio import in_thread
from nanobot.util.backoff import Backoff

from .connection import Connection, seconds
from .wording import Enclosed, say

LIMIT = 60.0  # s that fetching one file may take
AT_ONCE = 4
LARGEST = 20 * 1024 * 1024  # bytes of a file that Telegram gives to bots
BLOCK = 256 * 1024  # bytes


class Downloads:
    """One per bot. ``limit`` is an attribute, for tests."""

    def __init__(self, connection: Connection, entry: Entry) -> None:
        self.limit = LIMIT
        self.backoff = Backoff()
        self._connection = connection
        self._entry = entry
        self._media = entry.hub.media
        self._turn = asyncio.Semaphore(AT_ONCE)
        self._is_near = connection.own_server and Address.of(entry.config["base_url"]).is_private

    async def fetch(self, files: Sequence[Enclosed], language: str) -> tuple[list[Attachment], list[str]]:
        """What was kept, and a sentence for each file that is missing. Raises ``StorageError``; then none is kept."""
        found = await asyncio.gather(*(self._fetch(file, language) for file in files), return_exceptions=True)
        kept = [item for item in found if isinstance(item, Attachment)]
        for item in found:
            if isinstance(item, BaseException):
                await self._media.drop(*kept)
                raise item
        return kept, [item for item in found if isinstance(item, str)]

    async def _fetch(self, file: Enclosed, language: str) -> Attachment | str:
        if not self._connection.own_server and (file.size or 0) > LARGEST:
            return say("notes.file_too_large", language, name=file.name, limit=size_text(LARGEST))
        try:
            async with self._turn, asyncio.timeout(self.limit):
                return await self._patiently(file, language)
        except TimeoutError:
            self._entry.log.warning("%s could not be fetched within %g s", file.name, self.limit)
        except (TelegramError, httpx.HTTPError, OSError) as error:
            why = self._connection.why(error)
            self._entry.log.warning("%s could not be fetched: %s", file.name, why)
            if "too big" in why.lower():
                return say("notes.file_too_large", language, name=file.name, limit=size_text(LARGEST))
        except Refused as error:
            return say("notes.file_refused", language, name=file.name, reason=error)
        return say("notes.file_failed", language, name=file.name)

    async def _patiently(self, file: Enclosed, language: str) -> Attachment:
        failures = 0
        while True:
            try:
                found = await self._connection.bot.get_file(file.file_id)
                async with aclosing(self._pieces(found.file_path or "")) as pieces:
                    return await self._media.keep(self._entry.id, file.name, pieces, file.media_type, language=language)
            except BadRequest:
                raise
            except RetryAfter as error:
                await asyncio.sleep(seconds(error))
            except (TelegramError, httpx.HTTPError):
                failures += 1
                await asyncio.sleep(self.backoff.delay(failures))

    async def _pieces(self, address: str) -> AsyncGenerator[bytes, None]:
        if address.startswith("/"):
            async for piece in _read(await in_thread(self._on_this_disk, address)):
                yield piece
            return
        async with self._connection.downloads.stream("GET", _quoted(address)) as response:
            if 400 <= response.status_code < 500 and response.status_code != httpx.codes.TOO_MANY_REQUESTS:
                raise BadRequest(f"status {response.status_code}")
            if not response.is_success:
                raise NetworkError(f"status {response.status_code}")
            async for piece in response.aiter_bytes(BLOCK):
                yield piece

    def _on_this_disk(self, address: str) -> Path:
        """A file of a Bot API server on this machine. No other server has a say in which file here is read, and none in
        those of nanobot."""
        path = Path(address).resolve()
        if not self._is_near or path.is_relative_to(self._entry.hub.config_dir.resolve()):
            raise BadRequest(f"the server names the file {address} on this disk")
        return path


async def _read(path: Path) -> AsyncGenerator[bytes, None]:
    file = await in_thread(path.open, "rb")
    try:
        while piece := await in_thread(file.read, BLOCK):
            yield piece
    finally:
        await in_thread(file.close)


def _quoted(address: str) -> str:
    """The path holds the name of the file as its sender chose it."""
    parts = urlsplit(address, allow_fragments=False)
    path = parts.path + (f"?{parts.query}" if parts.query else "")
    return urlunsplit((parts.scheme, parts.netloc, quote(path), "", ""))
