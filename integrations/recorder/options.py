"""What the recorder takes: the keys of Home Assistant's, and ours."""

from __future__ import annotations

import ipaddress
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import voluptuous as vol

from nanobot.config import validators as cv
from nanobot.config.choice import options
from nanobot.util.secrets import Secret

FILE = "history.db"
_SERVERS = frozenset({"postgres", "postgresql", "postgresql+psycopg"})
_ENCRYPTED = frozenset({"require", "verify-ca", "verify-full"})
_OTHERWISE = "is no database that can be recorded into; write postgresql://user:password@host/name or sqlite:///path"


def _db_url(value: Any) -> Secret:
    url = cv.secret(value)
    try:
        parts = urlsplit(url.reveal())
        known = parts.scheme == "sqlite" or (parts.scheme in _SERVERS and bool(parts.path.strip("/")))
    except ValueError:
        known = False
    if not known:
        raise vol.Invalid(_OTHERWISE)
    return url


_EVENT_TYPES: dict[vol.Marker, Any] = {vol.Optional("event_types", default=list): vol.All(cv.ensure_list, [cv.string])}

CONFIG_SCHEMA = vol.Schema(
    {
        vol.Optional("db_url"): _db_url,
        vol.Optional("commit_interval", default=5): vol.All(cv.number, vol.Range(min=0, max=3600)),
        vol.Optional("purge_keep_days", default=10): vol.All(cv.whole_number, vol.Range(min=1)),
        vol.Optional("auto_purge", default=True): cv.boolean,
        vol.Optional("auto_repack", default=True): cv.boolean,
        vol.Optional("messages", default=True): cv.boolean,
        # of Home Assistant: it is tried for ever here, so there is nothing to choose
        vol.Optional("db_max_retries"): cv.positive_int,
        vol.Optional("db_retry_wait"): cv.positive_float,
        **options(_EVENT_TYPES),
    }
)


def database(url: Secret | None, config_dir: Path) -> tuple[str, Path | None]:
    """What SQLAlchemy takes, and the file of SQLite, None for a server."""
    text = "" if url is None else url.reveal()
    if not text or text.startswith("sqlite"):
        rest = unquote(urlsplit(text).path)[1:] if text else ""
        path = config_dir / rest if rest else config_dir / ".storage" / FILE
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
