"""Databases that something is recorded into, as people write them: ``postgresql://…`` and ``sqlite:///…``."""

from __future__ import annotations

import ipaddress
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import voluptuous as vol

from nanobot.config import validators as cv
from nanobot.util.secrets import Secret

_SERVERS = frozenset({"postgres", "postgresql", "postgresql+psycopg"})
_ENCRYPTED = frozenset({"require", "verify-ca", "verify-full"})
_OTHERWISE = "is no database that can be recorded into; write postgresql://user:password@host/name or sqlite:///path"


def database_url(value: Any) -> Secret:
    """A server or a file; it is hidden as a whole, since the password is in it."""
    url = cv.secret(value)
    try:
        parts = urlsplit(url.reveal())
        known = parts.scheme == "sqlite" or (parts.scheme in _SERVERS and bool(parts.path.strip("/")))
    except ValueError:
        known = False
    if not known:
        raise vol.Invalid(_OTHERWISE)
    return url


def place(url: Secret | None, config_dir: Path, otherwise: str) -> tuple[str, Path | None]:
    """What SQLAlchemy takes, and the file of SQLite, None for a server. ``otherwise``: the file where none is named, in
    the configuration folder."""
    text = "" if url is None else url.reveal()
    if not text or text.startswith("sqlite"):
        rest = unquote(urlsplit(text).path)[1:] if text else ""
        path = config_dir / (rest or otherwise)
        return f"sqlite+pysqlite:///{path}", path
    return f"postgresql+psycopg:{text.partition(':')[2]}", None


def password(url: Secret | None) -> str | None:
    """What of the URL is secret on its own."""
    return None if url is None else urlsplit(url.reveal()).password


def plain_host(url: Secret | None) -> str | None:
    """The server that a password may go to without encryption; None where it cannot, or there is none.

    Without ``sslmode`` PostgreSQL's clients take what the server offers, also nothing (libpq: ``prefer``).
    """
    parts = urlsplit("" if url is None else url.reveal())
    if not parts.hostname or not parts.password or _is_here(parts.hostname):
        return None
    mode = parse_qs(parts.query).get("sslmode", [""])[-1]
    return None if mode in _ENCRYPTED else parts.hostname


def _is_here(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.casefold() == "localhost"
