"""Programs that sign people in call themselves by an address, and are sent back to that address alone (IndieAuth)."""

from __future__ import annotations

import ipaddress
from urllib.parse import SplitResult, urlsplit

MAX_URL = 2048
APPS = {
    "https://home-assistant.io/android": frozenset({"homeassistant://auth-callback"}),
    "https://home-assistant.io/iOS": frozenset({"homeassistant://auth-callback"}),
}
"""The apps of Home Assistant, whose ids are pages but which come back by an address of their own."""


def is_client_id(text: str) -> bool:
    """Whether it is an address of the web: no fragment, no password in it, and no bare address of the internet."""
    parts = _split(text)
    if parts is None or parts.fragment or parts.username is not None or parts.password is not None:
        return False
    if any(part in (".", "..") for part in parts.path.split("/")):
        return False
    try:
        address = ipaddress.ip_address(parts.hostname or "")
    except ValueError:
        return True
    return address.is_private or address.is_loopback or address.is_link_local


def may_go_back(client_id: str, redirect_uri: str) -> bool:
    """Whether a client may have the code sent there: to its own scheme, host and port, or where its app listens."""
    if redirect_uri in APPS.get(client_id, ()):
        return True
    client, target = _split(client_id), _split(redirect_uri)
    if client is None or target is None or not is_client_id(client_id) or target.username is not None:
        return False
    return (client.scheme, client.netloc.lower()) == (target.scheme, target.netloc.lower())


def _split(text: str) -> SplitResult | None:
    if len(text) > MAX_URL or not text.isascii() or not text.isprintable() or " " in text or "\\" in text:
        return None
    try:
        parts = urlsplit(text)
        parts.port  # noqa: B018 - raises for one that is none
    except ValueError:
        return None
    return parts if parts.scheme in ("http", "https") and parts.hostname else None
