"""Large answers made small for whoever takes gzip."""

from __future__ import annotations

import gzip

from aiohttp import web

from nanobot.util.aio import in_thread

LARGE = 16 * 1024  # bytes; what is smaller is sent faster than it is packed
HUGE = 128 * 1024  # bytes; what is smaller is packed within a millisecond, which a thread is not worth
LEVEL = 3


async def compress(request: web.Request, response: web.StreamResponse) -> None:
    """Pack JSON that was asked for with a token in a header.

    Nothing else: the length of a packed page would tell a stranger, who has the browser send the owner's cookie, of
    what stands in it (BREACH).
    """
    if not isinstance(response, web.Response):
        return
    body = response.body
    if not isinstance(body, bytes) or len(body) < LARGE or "Content-Encoding" in response.headers:
        return
    if "Authorization" not in request.headers or not _takes_gzip(request.headers.get("Accept-Encoding", "")):
        return
    if response.content_type != "application/json":
        return
    response.body = gzip.compress(body, LEVEL) if len(body) < HUGE else await in_thread(gzip.compress, body, LEVEL)
    response.headers["Content-Encoding"] = "gzip"
    response.headers["Vary"] = "Accept-Encoding"


def _takes_gzip(accepted: str) -> bool:
    if "gzip" not in accepted.lower():
        return False
    for one in accepted.lower().split(","):
        name, _, quality = one.partition(";")
        if name.strip() == "gzip":
            return quality.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return False
