"""How requests are read and answered: bodies that need not call themselves JSON, and answers encoded once."""

from __future__ import annotations

import asyncio
from typing import Any

import orjson
from aiohttp import web

from nanobot.hub.shapes import to_json
from nanobot.hub.web import BODY_LIMIT, WebError

LITTLE = 64 * 1024
"""Bytes of a body for which no limit has to be kept."""


def answer(value: Any, status: int = 200, *, headers: dict[str, str] | None = None) -> web.Response:
    """Any value as JSON."""
    return raw(to_json(value), status, headers=headers)


def raw(body: bytes, status: int = 200, *, headers: dict[str, str] | None = None) -> web.Response:
    """What is JSON already."""
    return web.Response(body=body, status=status, content_type="application/json", headers=headers)


async def body_of(request: web.Request, wrong: str) -> Any:
    """The JSON of a request, whatever it calls itself; None when there is no body.

    Raises ``WebError``: 400 with the sentence ``wrong`` for what is no JSON, 408 for a body that does not come.
    """
    content = request.content
    if content.is_eof() and content.total_bytes <= LITTLE:  # it came with the headers
        body = content.read_nowait()
    elif content.is_eof():
        body = await request.read()
    else:
        try:
            async with asyncio.timeout(BODY_LIMIT):
                body = await request.read()
        except TimeoutError as error:
            raise WebError(408, "the body took too long to arrive") from error
    if not body.strip():
        return None
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise WebError(400, wrong) from error
