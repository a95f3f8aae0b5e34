"""Has text made of pages, in a process of its own for each."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path
from typing import Any

import orjson

from nanobot.errors import ToolError
from nanobot.hub.entry import Entry

from .net import Page

PROGRAM = Path(__file__).with_name("extract.py")
TIMEOUT = 30.0  # s
AT_ONCE = 2
PLAIN = ("application/json", "application/xml", "application/yaml", "application/x-ndjson", "application/javascript")
MARKED = ("text/html", "application/xhtml+xml")


class Reader:
    """What a page says, as text."""

    def __init__(self, entry: Entry) -> None:
        self._log = entry.log
        self._turns = asyncio.Semaphore(AT_ONCE)

    async def read(self, page: Page) -> tuple[str, str]:
        """Title and text. Raises ``ToolError`` for what is no text."""
        kind = page.kind
        if page.data.startswith(b"%PDF-"):
            kind = "application/pdf"
        if kind in MARKED or (kind == "text/plain" and page.data[:100].lstrip().lower().startswith(b"<!doctype html")):
            found = await self.work("html", page.data, page.url)
        elif kind == "application/pdf":
            found = await self.work("pdf", page.data)
        elif kind.startswith("text/") or kind in PLAIN or kind.endswith(("+json", "+xml")):
            return "", _decoded(page)
        else:
            raise ToolError(f"{page.url} is no text, but {kind} ({len(page.data):,} bytes).")
        return found["title"], found["text"]

    async def work(self, kind: str, data: bytes, *arguments: str) -> dict[str, Any]:
        """Ask the program. Raises ``ToolError``."""
        async with self._turns:
            child = await asyncio.create_subprocess_exec(
                sys.executable,
                "-I",
                str(PROGRAM),
                kind,
                *arguments,
                env={"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
            )
            try:
                async with asyncio.timeout(TIMEOUT):
                    said, wrong = await child.communicate(data)
            except TimeoutError:
                raise ToolError("It took too long to make text of it.") from None
            finally:
                if child.returncode is None:
                    child.kill()
                    await child.wait()
        if child.returncode:
            last = wrong.decode("utf-8", "replace").strip().rpartition("\n")[2]
            self._log.debug("no text could be made of %s: %s", kind, last)
            raise ToolError("No text could be made of it: it is damaged, or too large.")
        answer: dict[str, Any] = orjson.loads(said)
        if error := answer.get("error"):
            raise ToolError(str(error))
        return answer


def _decoded(page: Page) -> str:
    for charset in (page.charset, "utf-8", "cp1252"):
        try:
            return page.data.decode(charset or "utf-8")
        except (LookupError, UnicodeDecodeError):
            continue
    return page.data.decode("utf-8", "replace")
