"""The routes of the webhooks. They are open to everybody: whoever knows an id may call it.

Each call is answered with 200, whether or not there is such a webhook, and whatever came of it: nobody can find ids by
trying them (Home Assistant 2025.4 does the same).
"""

from __future__ import annotations

import asyncio
import ipaddress
import logging
from collections.abc import Mapping
from typing import Any

import orjson
from aiohttp import web
from aiohttp.web_request import FileField

from nanobot.contracts.view import Access, Operation, View
from nanobot.contracts.webhook import METHODS, WebhookRequest
from nanobot.hub.entry import Entry
from nanobot.hub.web import BODY_LIMIT, NOT_A_FORM, WebError, came_by_proxy, plain_error

MAX_BODY = 1024 * 1024  # bytes, by somebody who is not known
MAX_AT_ONCE = 100

_OPERATION = Operation(
    summary="Call a webhook",
    description="200 and nothing, whether or not there is such a webhook, unless an automation answers.",
    answers={200: None, 405: None},
)

_log = logging.getLogger("nanobot.webhook")


class WebhookViews:
    """One address, four methods."""

    def __init__(self, entry: Entry) -> None:
        self._hub = entry.hub
        self._running = 0

    def views(self) -> list[View]:
        """All of them. HEAD has its own: many services look with it whether the address is there."""
        path = "/api/webhook/{webhook_id}"
        return [View(method, path, Access.PUBLIC, self.call, operation=_OPERATION) for method in METHODS]

    async def call(self, request: web.Request) -> web.Response:
        """Hand the call on."""
        webhook_id = request.match_info["webhook_id"]
        known = self._hub.webhooks.get(webhook_id)
        if not known:
            _log.info("a webhook was called that nobody has, by %s", request.remote)
            return web.Response()
        if not any(request.method in webhook.methods for webhook in known):
            if request.method == "HEAD":
                return web.Response()
            allowed = sorted({method for webhook in known for method in webhook.methods})
            return plain_error(405, headers={"Allow": ", ".join(allowed)})
        if self._running >= MAX_AT_ONCE:
            raise WebError(429, "too many webhooks are being called")
        self._running += 1
        try:
            read = await _read(request, webhook_id)
            answer = None if read is None else await self._hub.webhooks.call(read)
        finally:
            self._running -= 1
        if answer is None:
            return web.Response()
        return web.Response(body=answer.body, status=answer.status, content_type=answer.content_type)


async def _read(request: web.Request, webhook_id: str) -> WebhookRequest | None:
    """The call with its body parsed; None when it says that it is JSON and is not. Raises ``WebError`` 408 or 413."""
    if request.content_length is not None and request.content_length > MAX_BODY:
        raise WebError(413, f"the body of a webhook has at most {MAX_BODY} bytes")
    is_json = "json" in request.content_type
    body, data, parsed = b"", {}, None
    try:
        async with asyncio.timeout(BODY_LIMIT):
            if is_json or request.method not in ("POST", "PUT"):
                body = await _limited(request)
                parsed = orjson.loads(body) if is_json and body.strip() else None
            elif request.content_type in ("application/x-www-form-urlencoded", "multipart/form-data"):
                data = _fields(await request.post())
            else:
                body = await _limited(request)
    except TimeoutError as error:
        raise WebError(408, "the body took too long to arrive") from error
    except orjson.JSONDecodeError as error:
        _log.warning("the webhook %s… was called with something that is no JSON: %s", webhook_id[:4], error)
        return None
    except NOT_A_FORM as error:
        _log.warning("the webhook %s… was called with something that is no form: %s", webhook_id[:4], error)
        return None
    return WebhookRequest(
        webhook_id,
        request.method,
        query=dict(request.query),
        headers={name.lower(): value for name, value in request.headers.items()},
        body=body,
        json=parsed,
        is_json=is_json,
        data=data,
        remote=request.remote or "",
        local=_is_local(request),
    )


async def _limited(request: web.Request) -> bytes:
    body = bytearray()
    async for part in request.content.iter_any():
        body += part
        if len(body) > MAX_BODY:
            raise WebError(413, f"the body of a webhook has at most {MAX_BODY} bytes")
    return bytes(body)


def _fields(form: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value.file.read() if isinstance(value, FileField) else value for name, value in form.items()}


def _is_local(request: web.Request) -> bool:
    """From this machine or its own network. What came through a proxy came from outside, whatever the proxy says."""
    if came_by_proxy(request):
        return False
    try:
        address = ipaddress.ip_address((request.remote or "").partition("%")[0])
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    address = mapped or address
    return address.is_loopback or address.is_link_local or address.is_private
