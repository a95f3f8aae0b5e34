"""The cookie that keeps a browser signed in. No script can read it, and no other site can have it sent."""

from __future__ import annotations

from aiohttp import web

LASTS = 400 * 86400  # s; the longest that browsers keep one. The hub itself forgets a session earlier.


def cookie_of(request: web.Request) -> str | None:
    """The session that the browser presents, or None."""
    return request.cookies.get(_name(request)) or None


def set_cookie(request: web.Request, response: web.StreamResponse, session: str) -> None:
    """Sign the browser in."""
    response.set_cookie(
        _name(request), session, max_age=LASTS, path="/", httponly=True, samesite="Strict", secure=_is_secure(request)
    )


def forget_cookie(request: web.Request, response: web.StreamResponse) -> None:
    """Sign the browser out."""
    response.del_cookie(_name(request), path="/", httponly=True, samesite="Strict", secure=_is_secure(request))


def _name(request: web.Request) -> str:
    # cookies do not know ports: two hubs on one machine must not sign each other's browsers out
    port = request.headers.get("Host", "").rpartition(":")[2]
    return f"nanobot_session_{port}" if port.isdigit() else "nanobot_session"


def _is_secure(request: web.Request) -> bool:
    return request.secure or request.headers.get("Origin", "").startswith("https://")
