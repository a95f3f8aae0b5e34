"""Bodies of people who are not known yet: small, in time, and of the kind that they say they are."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import parse_qsl

import orjson
from aiohttp import BodyPartReader, web

from nanobot.hub.web import NOT_A_FORM, WebError

MAX_LOGIN = 4096  # bytes of a request by somebody who is not known yet
LIMIT = 10.0  # s for all of it
MAX_FIELDS = 32


async def read_form(request: web.Request) -> dict[str, str]:
    """The fields of a form, urlencoded or multipart. Raises ``WebError``: 400, 408, 413 or 415."""
    try:
        async with asyncio.timeout(LIMIT):
            if request.content_type == "multipart/form-data":
                return await _multipart(request)
            if request.content_type == "application/x-www-form-urlencoded":
                body = (await _little(request)).decode()
                return dict(parse_qsl(body, keep_blank_values=True, max_num_fields=MAX_FIELDS))
    except TimeoutError as error:
        raise WebError(408, "the body took too long to arrive") from error
    except NOT_A_FORM as error:
        raise WebError(400, "this is no form") from error
    raise WebError(415, "send a form: multipart/form-data or application/x-www-form-urlencoded")


async def read_object(request: web.Request) -> dict[str, Any]:
    """A JSON object. Pages of Home Assistant's clients send it as text. Raises ``WebError``."""
    if request.content_type not in ("application/json", "text/plain"):
        raise WebError(415, "send JSON, with the header Content-Type: application/json")
    try:
        async with asyncio.timeout(LIMIT):
            data = orjson.loads(await _little(request))
    except TimeoutError as error:
        raise WebError(408, "the body took too long to arrive") from error
    except orjson.JSONDecodeError as error:
        raise WebError(400, "Invalid JSON specified") from error
    if not isinstance(data, dict):
        raise WebError(400, "Message format incorrect: it has to be an object")
    return data


async def _multipart(request: web.Request) -> dict[str, str]:
    found: dict[str, str] = {}
    size = 0
    reader = await request.multipart()
    while (part := await reader.next()) is not None:
        if not isinstance(part, BodyPartReader) or not part.name or len(found) >= MAX_FIELDS:
            raise ValueError("no plain form")
        value = bytearray()
        while chunk := await part.read_chunk(1024):
            size += len(chunk)
            if size > MAX_LOGIN:
                raise _too_large()
            value += chunk
        found[part.name] = value.decode()
    return found


async def _little(request: web.Request) -> bytes:
    body = bytearray()
    async for part in request.content.iter_any():
        body += part
        if len(body) > MAX_LOGIN:
            raise _too_large()
    return bytes(body)


def _too_large() -> WebError:
    return WebError(413, f"the body is too large; {MAX_LOGIN} bytes are enough here")
