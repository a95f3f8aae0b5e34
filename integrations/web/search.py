"""The tool that searches the web."""

from __future__ import annotations

import re
from collections.abc import Mapping
from html import unescape
from typing import Any

import voluptuous as vol

from nanobot.config import validators as cv
from nanobot.contracts.agent import Turn
from nanobot.contracts.tool import Tool, ToolResult
from nanobot.util.text import one_line

from .engines import Engine, Found
from .seen import Seen

LONGEST_TEXT = 400  # characters of one result

_MARK = re.compile(r"</?\w+[^>]*>")


class WebSearch(Tool):
    """Its results are words of strangers."""

    name = "web_search"
    description = "Search the web: titles, addresses, excerpts."
    untrusted = True

    def __init__(self, engine: Engine, results: int, seen: Seen) -> None:
        self._engine = engine
        self._results = results
        self._seen = seen
        self.parameters = vol.Schema(
            {
                vol.Required("query"): vol.All(str, vol.Length(min=1, max=400)),
                vol.Optional("count"): vol.All(cv.whole_number, vol.Range(min=1, max=20)),
            }
        )

    async def call(self, arguments: Mapping[str, Any], turn: Turn) -> ToolResult:
        count = arguments.get("count", self._results)
        found = (await self._engine(arguments["query"], count))[:count]
        self._seen.add(turn.session, (one.url for one in found))
        text = "\n\n".join(_told(number, one) for number, one in enumerate(found, 1))
        data = {"results": [{"title": one.title, "url": one.url, "text": one.text} for one in found]}
        return ToolResult(text or "Nothing was found.", data)


def _told(number: int, found: Found) -> str:
    title, text = one_line(_plain(found.title), 200), one_line(_plain(found.text), LONGEST_TEXT)
    return f"{number}. {title}\n   {found.url}\n   {text}".rstrip()


def _plain(text: str) -> str:
    return unescape(_MARK.sub("", text))
