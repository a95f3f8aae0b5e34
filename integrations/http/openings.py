"""What the web server leaves open, for `nanobot audit`."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping
from typing import Any

from nanobot.contracts.audit import Finding


def audit(config: Mapping[str, Any]) -> Iterator[Finding]:
    """Addresses beyond this machine, networks that are trusted, and guessing that nobody stops."""
    for host in config["host"]:
        if not _is_loopback(host):
            encrypted = "ssl_certificate" in config
            yield Finding(
                "remote" if encrypted else "remote_plain",
                "warning" if encrypted or config["trusted_proxies"] else "error",
                ("host",),
                {"host": host},
            )
    for number, trusted in enumerate(config["trusted_networks"]):
        networks = ", ".join(map(str, trusted["networks"]))
        yield Finding("trusted_network", "warning", ("trusted_networks", number), {"networks": networks})
    if not config["ip_ban_enabled"]:
        yield Finding("no_bans", "warning", ("ip_ban_enabled",))
    if any(network.prefixlen == 0 for network in config["trusted_proxies"]):
        yield Finding("any_proxy", "error", ("trusted_proxies",))


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.casefold() == "localhost"
