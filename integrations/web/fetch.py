"""The tool that reads a page, or shows a picture."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import unquote, urlsplit

import voluptuous as vol

from nanobot.agent.models.pictures import TYPES, picture
from nanobot.config import validators as cv
from nanobot.contracts.agent import Turn
from nanobot.contracts.tool import Risk, Tool, ToolResult
from nanobot.errors import Refused, StorageError, ToolError
from nanobot.storage.media import Media
from nanobot.util.aio import in_thread
from nanobot.util.file_kind import HEAD, media_type_of

from .net import Net, Page
from .reader import Reader
from .seen import Seen

AT_A_TIME = 12_000  # characters of one result
KEPT = 8  # pages, for whoever reads on
KEPT_FOR = 300.0  # s


class WebFetch(Tool):
    """Its results are words of strangers. An address that the model makes up may carry away what it knows; one that
    came up in the conversation carries nothing."""

    name = "web_fetch"
    description = "Read a web page or PDF as text, or see a picture."
    risk = Risk.OUTSIDE
    untrusted = True
    parallel = True
    parameters = vol.Schema(
        {
            vol.Required("url"): vol.All(str, str.strip, vol.Length(min=1)),
            vol.Optional("offset", description="go on at this character"): vol.All(cv.whole_number, vol.Range(min=0)),
        }
    )

    def __init__(self, media: Media, net: Net, reader: Reader, seen: Seen) -> None:
        self._media = media
        self._net = net
        self._reader = reader
        self._seen = seen
        self._kept: OrderedDict[str, tuple[float, str, str, str]] = OrderedDict()

    def acts(self, arguments: Mapping[str, Any], turn: Turn) -> Sequence[tuple[str, Risk]]:
        if turn.owner:
            self._seen.add_text(turn.session, turn.text)
        known = self._seen.knows(turn.session, arguments["url"])
        return ((self.name, Risk.READ if known else Risk.OUTSIDE),)

    def summary(self, arguments: Mapping[str, Any]) -> str:
        return f"Ask for the web page {arguments['url']}"

    async def call(self, arguments: Mapping[str, Any], turn: Turn) -> ToolResult:
        url, offset = arguments["url"], arguments.get("offset", 0)
        found = await self._page(url)
        if isinstance(found, Page):
            return await self._picture(found)
        final, title, text = found
        self._seen.add_text(turn.session, text)
        self._seen.add(turn.session, (url, final))
        if offset and offset >= len(text):
            raise ToolError(f"The page has {len(text)} characters.")
        part = text[offset : offset + AT_A_TIME]
        end = offset + len(part)
        head = "\n".join(line for line in (title, final) if line)
        more = f"\n[characters {offset} to {end} of {len(text)}; go on with offset {end}]" if end < len(text) else ""
        return ToolResult(
            f"{head}\n\n{part or '(There is no text on the page.)'}{more}", {"url": final, "title": title}
        )

    async def _picture(self, page: Page) -> ToolResult:
        try:
            await in_thread(picture, page.data)
            name = unquote(urlsplit(page.url).path.rpartition("/")[2])
            file = await self._media.keep("web", name or "picture", page.data)
        except (Refused, StorageError) as error:
            raise ToolError(f"{page.url} is a picture: {error}.") from error
        return ToolResult(f"{page.url} is a picture.", {"url": page.url}, files=(file,))

    async def _page(self, url: str) -> Page | tuple[str, str, str]:
        """Address, title and text; the page itself where it is a picture."""
        now = time.monotonic()
        kept = self._kept.get(url)
        if kept is not None and now - kept[0] < KEPT_FOR:
            return kept[1:]
        page = await self._net.get(url)
        if media_type_of(page.data[:HEAD]) in TYPES:
            return page
        title, text = await self._reader.read(page)
        self._kept[url] = (now, page.url, title, text)
        self._kept.move_to_end(url)
        while len(self._kept) > KEPT:
            self._kept.popitem(last=False)
        return page.url, title, text
