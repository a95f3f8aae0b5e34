"""Where blueprints come from: a file, GitHub, a gist, a topic of a forum, any address. Nothing is saved here.

Only public addresses over https are asked, each redirect again, unless the person says that theirs is meant.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

import orjson

from nanobot.config.blueprints import BlueprintError
from nanobot.util.public_net import NotPublic, check_literal, public_resolver
from nanobot.util.text import slugify

TIMEOUT = 10.0  # s for all of it
LARGEST = 2 * 1024 * 1024  # bytes; a topic of a forum comes with much besides
REDIRECTS = 5

Get = Callable[[str], Awaitable[bytes]]

_YOURS = "{}; use --allow-local if it is yours"
_TOPIC = re.compile(r"/t/(?:[^/]+/)?(\d+)(?:/\d+)?/?")
_GITHUB = re.compile(r"/([^/]+)/([^/]+)/(?:blob|raw)/(.+)")
_GIST = re.compile(r"/([^/]+)/([0-9a-f]+)/?")
_CODE = re.compile(r"<code(?: class=\"lang-([a-z]+)\")?>(.*?)</code>", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Fetched:
    """``text`` as its author wrote it, ``name`` a path to save it under, without ``.yaml``."""

    text: str
    name: str
    source_url: str | None


def is_url(where: str) -> bool:
    """Whether it is an address rather than a file."""
    return re.match(r"[a-zA-Z][a-zA-Z0-9+.-]*://", where) is not None


def from_file(path: Path) -> Fetched:
    """A blueprint in a file. Blocks."""
    try:
        if path.stat().st_size > LARGEST:
            raise BlueprintError(f"{path} is too large for a blueprint")
        content = path.read_bytes()
    except OSError as error:
        raise BlueprintError(f"{path} cannot be read ({error.strerror or error})") from error
    return Fetched(_text(content, str(path)), f"imported/{_slug(path.stem)}", None)


async def fetch(url: str, *, allow_local: bool = False, get: Get | None = None) -> Fetched:
    """The blueprint behind an address. ``allow_local``: also http and private addresses."""
    check_address(url, allow_local=allow_local)
    try:
        async with asyncio.timeout(TIMEOUT):
            if get is not None:
                return await _find(url, get)
            async with _session(allow_local=allow_local) as session:
                return await _find(url, lambda wanted: _get(session, wanted, allow_local=allow_local))
    except TimeoutError as error:
        raise BlueprintError(f"{url} did not answer within {TIMEOUT:g} s") from error


def check_address(url: str, *, allow_local: bool) -> None:
    """Raises ``BlueprintError`` for an address that is not to be asked."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError as error:
        raise BlueprintError(f"'{url}' is not an address") from error
    if parts.scheme not in ("https", "http") or not host or parts.username is not None:
        raise BlueprintError(f"'{url}' is not an address; write it like 'https://example.com/blueprint.yaml'")
    if allow_local:
        return
    if parts.scheme != "https":
        raise BlueprintError(f"'{url}' is not encrypted; use https, or --allow-local for an address of your own")
    try:
        check_literal(host)
    except NotPublic as error:
        raise BlueprintError(_YOURS.format(error)) from error


# -- the places -----------------------------------------------------------------------------------


async def _find(url: str, get: Get) -> Fetched:
    parts = urlsplit(url)
    host, path = (parts.hostname or "").lower(), parts.path
    if host == "github.com" and (found := _GITHUB.fullmatch(path)):
        owner, repository, file = found.groups()
        raw = f"https://raw.githubusercontent.com/{owner}/{repository}/{file}"
        return Fetched(_text(await get(raw), raw), f"{_slug(owner)}/{_slug(Path(file).stem)}", url)
    if host == "gist.github.com" and (found := _GIST.fullmatch(path)):
        return await _gist(url, found[1], found[2], get)
    if found := _TOPIC.fullmatch(path):
        return await _topic(url, f"{parts.scheme}://{parts.netloc}/t/{found[1]}.json", get)
    owner = path.split("/")[1] if host == "raw.githubusercontent.com" else host.removeprefix("www.")
    return Fetched(_text(await get(url), url), f"{_slug(owner)}/{_slug(Path(path).stem or 'blueprint')}", url)


async def _gist(url: str, owner: str, gist: str, get: Get) -> Fetched:
    about = _json(await get(f"https://api.github.com/gists/{gist}"), url)
    files = about.get("files") if isinstance(about, dict) else None
    for name, file in files.items() if isinstance(files, dict) else ():
        if not str(name).endswith((".yaml", ".yml")) or not isinstance(file, dict):
            continue
        text = str(file.get("content") or "")
        if file.get("truncated"):
            text = _text(await get(str(file.get("raw_url"))), url)
        if "blueprint:" in text:
            return Fetched(text, f"{_slug(owner)}/{_slug(Path(str(name)).stem)}", url)
    raise BlueprintError(f"no file of the gist {url} is a blueprint")


async def _topic(url: str, address: str, get: Get) -> Fetched:
    about = _json(await get(address), url)
    try:
        post = about["post_stream"]["posts"][0]
        page, author, slug = str(post["cooked"]), str(post["username"]), str(about["slug"])
    except (LookupError, TypeError) as error:
        raise BlueprintError(f"{url} is not a topic of a forum") from error
    for language, code in _CODE.findall(page):
        text = unescape(code)
        if language in ("", "auto", "yaml") and re.search(r"^blueprint:", text, re.MULTILINE):
            return Fetched(text, f"{_slug(author)}/{_slug(slug)}", url)
    raise BlueprintError(f"there is no blueprint in the first post of {url}")


def _json(content: bytes, url: str) -> Any:
    try:
        return orjson.loads(content)
    except orjson.JSONDecodeError as error:
        raise BlueprintError(f"what {url} answers cannot be understood") from error


def _text(content: bytes, where: str) -> str:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BlueprintError(f"{where} is not text") from error
    if text.lstrip()[:1] == "<":
        raise BlueprintError(f"{where} is a web page, not a blueprint; give the address of the file itself")
    return text.replace("\r\n", "\n")


def _slug(text: str) -> str:
    return slugify(text) or "blueprint"


# -- the net --------------------------------------------------------------------------------------


def _session(*, allow_local: bool) -> Any:
    import aiohttp

    resolver = None if allow_local else public_resolver()
    connector = aiohttp.TCPConnector(resolver=resolver)
    return aiohttp.ClientSession(connector=connector, headers={"User-Agent": "nanobot", "Accept": "*/*"})


async def _get(session: Any, url: str, *, allow_local: bool) -> bytes:
    import aiohttp

    try:
        for _ in range(REDIRECTS + 1):
            check_address(url, allow_local=allow_local)
            async with session.get(url, allow_redirects=False) as response:
                if response.status in (301, 302, 303, 307, 308) and "Location" in response.headers:
                    url = urljoin(url, response.headers["Location"])
                    continue
                if response.status != 200:
                    raise BlueprintError(f"{url} answers with the status {response.status}")
                content = bytearray()
                async for part in response.content.iter_chunked(65536):
                    content += part
                    if len(content) > LARGEST:
                        raise BlueprintError(f"{url} is too large for a blueprint")
                return bytes(content)
    except NotPublic as error:
        raise BlueprintError(_YOURS.format(error)) from error
    except (aiohttp.ClientError, OSError) as error:
        raise BlueprintError(f"{url} cannot be reached ({error})") from error
    raise BlueprintError(f"{url} leads from one address to the next without end")
