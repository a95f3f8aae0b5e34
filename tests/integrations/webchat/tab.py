"""A tab of a browser on the page."""

from __future__ import annotations

import re
from typing import Any


class Page:
    """A tab on the page, and what went wrong in it."""

    def __init__(self, page: Any) -> None:
        self.page = page
        self.faults: list[str] = []
        page.on("pageerror", lambda error: self.faults.append(str(error)))
        page.on("console", lambda line: self._heard(line))
        self.field = page.get_by_role("textbox")
        self.mine = page.locator(".message.mine")
        self.theirs = page.locator(".message.theirs[data-id]")
        self.stream = page.locator(".message.streaming .text")
        self.toasts = page.locator(".toast")
        self.connection = page.locator(".connection")

    def _heard(self, line: Any) -> None:
        expected = re.search(r"ERR_CONNECTION_REFUSED|status of 401|WebSocket connection", line.text)
        if line.type in ("error", "warning") and not expected:
            self.faults.append(line.text)

    async def open(self, url: str) -> Page:
        await self.page.goto(url)
        await self.field.wait_for()
        return self

    async def types(self, text: str) -> None:
        await self.field.fill(text)
        await self.field.press("Enter")
