"""Which Host and which Origin a request may have: what keeps foreign web pages away from a hub on localhost.

A browser takes any page to 127.0.0.1. The ``Host`` list stops a foreign name that resolves to this machine (DNS
rebinding), the ``Origin`` check stops foreign pages from acting with the owner's cookie.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import unquote

from aiohttp import web

from nanobot.hub.web import WebError

_HOST = re.compile(r"(\[[0-9a-f:.]{2,45}\]|[a-z0-9](?:[a-z0-9._-]{0,252}))(?::([0-9]{1,5}))?", re.ASCII)
_ORIGIN = re.compile(r"(https?)://([^/?#@\s]+)", re.ASCII)
_SUSPICIOUS = re.compile(
    r"[\x00-\x1f\x7f]|(?:^|[/\\])\.\.(?:[/\\?]|$)|proc/self/|etc/passwd|<\s*script|union\s+(?:all\s+)?select\s",
    re.IGNORECASE,
)
_DEFAULT_PORTS = {"http": "80", "https": "443"}
_THIS_COMPUTER = frozenset({"localhost", "127.0.0.1", "[::1]"})
"""The usual names of the loopback, which need no look at the address behind them."""
MOST_KEPT = 512
LONGEST_KEPT = 128
"""Characters of a path that is remembered as good or bad."""
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


@dataclass(frozen=True, slots=True)
class Guard:
    """The configured lists, in small letters. ``hosts`` are names, ``origins`` like ``https://example.org``."""

    hosts: frozenset[str]
    origins: frozenset[str]

    @classmethod
    def of(cls, hosts: Iterable[str], origins: Iterable[str]) -> Guard:
        return cls(
            frozenset(host.lower().rstrip(".") for host in hosts),
            frozenset(origin.lower().rstrip("/") for origin in origins),
        )

    def check_host(self, request: web.Request) -> None:
        """Raises ``WebError``: 400 for a host that is none, 403 for one that is not ours."""
        if not request.raw_path.startswith("/"):
            raise WebError(400, "ask for a path, not for a whole address")
        given = request.headers.getall("Host", [])
        name = _name_in(given[0]) if len(given) == 1 else None
        if name is None:
            raise WebError(400, "the Host header is missing or malformed")
        if name in _THIS_COMPUTER or name in self.hosts:
            return
        try:
            address = ipaddress.ip_address(name.strip("[]"))
        except ValueError:
            address = None
        if address is not None and (address.is_loopback or str(address) == _own_address(request)):
            return
        raise WebError(
            403, f"this hub does not answer to the name {name}; if it should, add the name to http > trusted_hosts"
        )

    def check_origin(self, request: web.Request, *, acts: bool, by_cookie: bool) -> None:
        """Raises ``WebError`` 403 when another site is behind a request that ``acts``."""
        if not acts:
            return
        origin = request.headers.get("Origin")
        if origin is None:
            # every browser sends it with what acts; without it only a program may, and programs have tokens
            if by_cookie or request.headers.get("Sec-Fetch-Site", "none") not in ("none", "same-origin"):
                raise WebError(403, "a request of a browser has to say where it comes from (Origin)")
            return
        if not (self.is_own(origin, request) or origin.lower() in self.origins):
            raise WebError(
                403, "another site may not do that here; if it may, add its origin to http > allowed_origins"
            )

    def check_link(self, request: web.Request) -> None:
        """Raises ``WebError`` 403 when a page of another site, and not a person, has a signed address opened.

        A page could try many, as pictures, and what it tries would count as guesses of this computer.
        """
        headers = request.headers
        if headers.get("Sec-Fetch-Site", "none") in ("none", "same-origin"):
            return
        is_followed = headers.get("Sec-Fetch-Dest") == "document" and headers.get("Sec-Fetch-User") == "?1"
        if not is_followed and headers.get("Origin", "").lower() not in self.origins:
            raise WebError(403, "a page of another site may not open that; a person who follows a link may")

    def is_own(self, origin: str, request: web.Request) -> bool:
        """Whether the page came from this server. Its scheme may differ: a proxy in front may do the encryption."""
        match = _ORIGIN.fullmatch(origin.lower())
        if match is None:
            return False
        port = _DEFAULT_PORTS[match[1]]
        return _with_port(match[2], port) == _with_port(request.headers["Host"].lower(), port)

    def cors_headers(self, request: web.Request) -> dict[str, str]:
        """What lets the pages of ``allowed_origins`` read the answer. They need a token: cookies are not for them."""
        origin = request.headers.get("Origin", "")
        if origin.lower() not in self.origins:
            return {}
        headers = {
            "Access-Control-Allow-Origin": origin,
            "Access-Control-Allow-Methods": "GET, POST, PUT, PATCH, DELETE",
            # clients add headers of their own, such as X-Stainless-Lang; "*" does not stand for Authorization
            "Access-Control-Allow-Headers": "Authorization, *",
            "Access-Control-Expose-Headers": "*",
            "Access-Control-Max-Age": "600",
            "Vary": "Origin",
        }
        if "Access-Control-Request-Private-Network" in request.headers:
            headers["Access-Control-Allow-Private-Network"] = "true"
        return headers


def check_path(request: web.Request) -> None:
    """Raises ``WebError`` 400 for an address below ``/api`` that only somebody who tries to break in would ask for."""
    if not request.path.startswith("/api"):
        return
    raw = request.raw_path
    if len(raw) > LONGEST_KEPT or "?" in raw:  # parameters differ from call to call, and signatures are secrets
        is_bad = _is_suspicious(request.path, request.query_string)
    else:
        is_bad = _is_suspicious_path(request.path)
    if is_bad:
        raise WebError(400, "this address looks like an attempt to break in")


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach what is bound to ``host``."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _is_suspicious(path: str, query: str) -> bool:
    return _SUSPICIOUS.search(unquote(f"{path}?{query}")) is not None


@lru_cache(maxsize=MOST_KEPT)
def _is_suspicious_path(path: str) -> bool:
    return _is_suspicious(path, "")


@lru_cache(maxsize=MOST_KEPT)
def _name_in(host: str) -> str | None:
    """The name in a ``Host`` header, None for what is none."""
    match = _HOST.fullmatch(host.lower())
    if match is None or (match[2] and int(match[2]) > 65535):
        return None
    return match[1].rstrip(".")


def _with_port(host: str, port: str) -> str:
    match = _HOST.fullmatch(host)
    return f"{match[1]}:{match[2] or port}" if match else ""


def _own_address(request: web.Request) -> str:
    """The address of ours that the client reached; an address, unlike a name, cannot be rebound."""
    name = request.transport.get_extra_info("sockname") if request.transport else None
    return str(name[0]).partition("%")[0] if isinstance(name, tuple) else ""
