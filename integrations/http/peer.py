"""Which address asks, and which addresses are trusted with what. A header counts only from a proxy that is named."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from nanobot.hub.web import came_by_proxy

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_Address = ipaddress.IPv4Address | ipaddress.IPv6Address

FORWARDED = "X-Forwarded-For"
MOST_HOPS = 20


@dataclass(frozen=True, slots=True)
class Proxies:
    """Those whose ``X-Forwarded-For`` is believed; empty: nobody's."""

    networks: tuple[Network, ...] = ()

    def peer_of(self, request: web.Request) -> str:
        """The address that asks: the nearest one that is no proxy of ours."""
        peer = request.remote or ""
        given = request.headers.getall(FORWARDED, []) if self.networks else []
        if not given or not _is_in(_address(peer), self.networks):
            return peer
        hops = [hop.strip() for hop in ",".join(given).split(",")][-MOST_HOPS:]
        for hop in reversed(hops):
            address = _address(hop)
            if address is None:
                return peer  # whoever writes such a header is not believed
            peer = str(address)
            if not _is_in(address, self.networks):
                break
        return peer


@dataclass(frozen=True, slots=True)
class Trust:
    """Networks from which some people sign in without a password: ``[(networks, user names)]``."""

    rules: tuple[tuple[tuple[Network, ...], tuple[str, ...]], ...] = ()

    @classmethod
    def of(cls, options: Iterable[Mapping[str, Any]]) -> Trust:
        """From the options ``networks`` and ``users``."""
        return cls(tuple((tuple(one["networks"]), tuple(one["users"])) for one in options))

    def usernames(self, request: web.Request, peer: str) -> list[str]:
        """Who may sign in from there. Nobody behind a proxy that is not named: its address is not theirs."""
        address = _address(peer)
        if address is None or (peer == request.remote and came_by_proxy(request)):
            return []
        found = [
            name
            for networks, names in self.rules
            # "everywhere" does not mean this computer: any web page and program comes from there
            if _is_in(address, [one for one in networks if one.is_loopback or not address.is_loopback])
            for name in names
        ]
        return list(dict.fromkeys(found))


def network_of(peer: str) -> str:
    """Whom a peer counts as. One home of IPv6 has 2^64 addresses; they count as one."""
    address = _address(peer)
    if address is None:
        return peer
    return str(ipaddress.ip_network((address, 64), strict=False)) if address.version == 6 else str(address)


def _address(text: str) -> _Address | None:
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


def _is_in(address: _Address | None, networks: Iterable[Network]) -> bool:
    return address is not None and any(address in network for network in networks)
