"""For integrations with views: JSON in and out, refusals, and the one safe way to serve a folder of files.

Imports aiohttp, so it is imported by ``view.py`` files, never by an integration's ``__init__.py``.
"""

from __future__ import annotations

import asyncio
import os
import stat
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any

import orjson
import voluptuous as vol
from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from nanobot.contracts.view import Access, View
from nanobot.errors import NanobotError
from nanobot.hub.context import Context
from nanobot.storage.credentials import Identity, Rights
from nanobot.util import translate
from nanobot.util.aio import in_thread

LANGUAGES = ("en", "de", "fr", "es", "zh")

_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".gif": "image/gif",
    ".html": "text/html; charset=utf-8",
    ".ico": "image/x-icon",
    ".jpeg": "image/jpeg",
    ".jpg": "image/jpeg",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".map": "application/json",
    ".md": "text/plain; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".webmanifest": "application/manifest+json",
    ".webp": "image/webp",
    ".woff2": "font/woff2",
}
BODY_LIMIT = 60.0  # s for the whole of a JSON body
NOT_A_FORM = (ValueError, AssertionError, RuntimeError, LookupError, HttpProcessingError)
"""What reading a body raises that says it is a form, and is none."""

# not through a symlink that appears after the check, and not waiting for the writer of a pipe
_FLAGS = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)


@dataclass(slots=True)
class About:
    """What the web server knows of a request besides what the client said."""

    identity: Identity | None = None
    peer: str = ""
    """The address that asks; the one behind a proxy only when the proxy is trusted."""
    response: web.StreamResponse | None = None
    is_ours: bool = False
    """The Host is one of ours."""
    is_let_in: bool = False
    """All checks are passed, and a view answers."""
    sign_in: Callable[[str], Identity | None] | None = None
    """For views that ask for a token after the request. A wrong one counts, a good one's end ends the request as well.
    Raises ``WebError`` 429 for somebody who guesses."""
    tap: Callable[[Callable[[bytes], bytes]], None] | None = None
    """For views of WebSockets, before the upgrade: have all bytes that come after it given to a function first. What it
    gives back is what aiohttp reads."""
    failed: Callable[[int, str], Mapping[str, Any]] | None = None
    """How the view wants its failures told."""
    forget_cookie: bool = False
    """Its session is no longer good: the browser should forget it."""


PROXY_HEADERS = (
    "Forwarded",
    "Via",
    "X-Forwarded-For",
    "X-Forwarded-Host",
    "X-Real-IP",
    "CF-Connecting-IP",
    "True-Client-IP",
)
"""By which proxies and tunnels say that somebody else asks. What they say is not believed, only that there is one."""

NO_RIGHTS = Rights(Access.PUBLIC)

ABOUT: Any = web.RequestKey("about", About) if hasattr(web, "RequestKey") else "about"
"""Where in a request it is kept (aiohttp before 3.14 has no keys of its own for that)."""


class WebError(NanobotError):
    """A request that is answered with this HTTP status and this sentence."""

    def __init__(self, status: int, message: str, *, headers: dict[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.headers = headers or {}


def came_by_proxy(request: web.Request) -> bool:
    """Whether the address of the connection is not that of whoever asks."""
    return any(name in request.headers for name in PROXY_HEADERS)


def json_response(data: Any, status: int = 200, *, headers: dict[str, str] | None = None) -> web.Response:
    """``data`` as JSON, never cached."""
    body = orjson.dumps(data, option=orjson.OPT_NON_STR_KEYS)
    kept = {"Cache-Control": "no-store", **(headers or {})}
    return web.Response(body=body, status=status, content_type="application/json", headers=kept)


def plain_error(status: int, reason: str = "", *, headers: dict[str, str] | None = None) -> web.Response:
    """A failure as Home Assistant's API tells it, in plain text: "400: Bad Request"; and after it the reason."""
    text = f"{status}: {HTTPStatus(status).phrase}" + (f": {reason}" if reason else "")
    kept = {"Cache-Control": "no-store", **(headers or {})}
    return web.Response(text=text, status=status, content_type="text/plain", headers=kept)


async def read_json(request: web.Request, schema: vol.Schema | None = None, *, limit: int | None = None) -> Any:
    """The body, which has to call itself JSON and be it, within ``limit`` bytes. Raises ``WebError``: 400, 408, 413
    or 415."""
    if request.content_type != "application/json":
        raise WebError(415, "send JSON, with the header Content-Type: application/json")
    try:
        if request.content.is_eof():  # it came with the headers
            body = await (request.read() if limit is None else _read_little(request, limit))
        else:
            async with asyncio.timeout(BODY_LIMIT):
                body = await (request.read() if limit is None else _read_little(request, limit))
        data = orjson.loads(body)
    except TimeoutError as error:
        raise WebError(408, "the body took too long to arrive") from error
    except orjson.JSONDecodeError as error:
        raise WebError(400, f"this is not JSON: {error}") from error
    if schema is None:
        return data
    try:
        return schema(data)
    except vol.Invalid as error:
        raise WebError(400, str(error)) from error


async def _read_little(request: web.Request, limit: int) -> bytes:
    body = bytearray()
    async for part in request.content.iter_any():
        body += part
        if len(body) > limit:
            raise WebError(413, f"the body is too large; {limit} bytes are enough here")
    return bytes(body)


def identity_of(request: web.Request) -> Identity | None:
    """Who asks; None on a public route without credentials."""
    about: About | None = request.get(ABOUT)
    return about.identity if about else None


def rights_of(request: web.Request) -> Rights:
    """What whoever asks may do; nothing at all without credentials."""
    identity = identity_of(request)
    return identity.rights if identity is not None else NO_RIGHTS


def context_of(request: web.Request) -> Context:
    """The cause of whatever this request brings about."""
    identity = identity_of(request)
    if identity is None:
        return Context(actor="system")
    return Context(user_id=identity.user_id, actor=identity.actor, rights=identity.rights)


def language_of(request: web.Request, fallback: str) -> str:
    """The first of the browser's languages (``?languages=de-CH,en``) that the pages speak, else the hub's."""
    for wanted in request.query.get("languages", "").split(",")[:20]:
        language = wanted.strip().partition("-")[0].lower()
        if language in LANGUAGES:
            return language
    return fallback


def page_texts(request: web.Request, domain: str, fallback: str) -> web.Response:
    """The texts ``page`` of an integration's translations; what is missing in a language is in English."""
    language = language_of(request, fallback)
    texts = {**(translate.find(f"component.{domain}.page", "en") or {})}
    texts.update(translate.find(f"component.{domain}.page", language) or {})
    return json_response({"language": language, "texts": texts})


class StaticFolder:
    """Serves the files of one folder, and nothing that is not in it: no hidden files, no way out by ``..``,
    an encoded slash or a symlink. Browsers ask each time and get 304 when nothing changed, so an edit shows."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def view(self, prefix: str, access: Access) -> View:
        """``GET <prefix>/<file>``; ``prefix`` has no slash at its end."""
        return View("GET", prefix + "/{path:.*}", access, self._get)

    def page(self, path: str, file: str, access: Access) -> View:
        """``GET <path>`` gives one file of the folder."""

        async def get(request: web.Request) -> web.StreamResponse:
            return await self.serve(request, file)

        return View("GET", path, access, get)

    async def serve(self, request: web.Request, path: str, *, status: int = 200) -> web.Response:
        """Answer with a file of the folder. Raises ``WebError`` 404."""
        found = await in_thread(self._read, path, request.headers.get("If-None-Match", ""))
        if found is None:
            raise WebError(404, "there is no such file")
        body, etag = found
        suffix = Path(path).suffix.lower()
        headers = {
            "ETag": etag,
            "Cache-Control": "no-store" if suffix == ".html" else "no-cache",
            "Content-Type": _TYPES.get(suffix, "application/octet-stream"),
        }
        if body is None and status == 200:
            return web.Response(status=304, headers={"ETag": etag, "Cache-Control": headers["Cache-Control"]})
        return web.Response(body=body or b"", status=status, headers=headers)

    async def _get(self, request: web.Request) -> web.StreamResponse:
        return await self.serve(request, request.match_info["path"])

    def _read(self, path: str, known: str) -> tuple[bytes | None, str] | None:
        """Content and ETag; no content when the client has it already; None when there is no such file."""
        parts = path.split("/")
        if any(not part or part.startswith(".") or "\\" in part or "\0" in part or ":" in part for part in parts):
            return None
        try:
            root = self.folder.resolve()
            real = root.joinpath(*parts).resolve()
            if not real.is_relative_to(root):
                return None
            handle = os.open(real, _FLAGS)
        except (OSError, RuntimeError, ValueError):
            return None
        try:
            about = os.fstat(handle)
            if not stat.S_ISREG(about.st_mode):
                return None
            etag = f'"{about.st_mtime_ns:x}-{about.st_size:x}-{about.st_ino:x}"'
            if etag in known:
                return None, etag
            with os.fdopen(handle, "rb", closefd=False) as file:
                return file.read(), etag
        finally:
            os.close(handle)
