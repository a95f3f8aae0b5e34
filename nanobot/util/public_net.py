"""What is on the internet, and what is in somebody's own network: for requests whose address a stranger may choose."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from typing import Any

NAT64 = ipaddress.ip_network("64:ff9b::/96")  # RFC 6052: the last 32 bits are an address of IPv4

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class NotPublic(Exception):
    """A name or an address that leads into somebody's network, or to this machine. ``host`` is how it was written."""

    def __init__(self, host: str) -> None:
        super().__init__(f"{host} is not a public address")
        self.host = host


def is_public(address: Address) -> bool:
    """Whether it is on the internet, and not in somebody's network or on this machine."""
    inner: Address | None = getattr(address, "ipv4_mapped", None) or getattr(address, "sixtofour", None)
    if address in NAT64:
        inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.is_global and not address.is_multicast and (inner is None or is_public(inner))


def check_literal(host: str) -> None:
    """Raises ``NotPublic`` for an address, written as one, that is not public. Names are checked when resolved."""
    try:
        address = ipaddress.ip_address(host.strip("[]").partition("%")[0])
    except ValueError:
        return
    if not is_public(address):
        raise NotPublic(host)


def public_resolver(exempt: Callable[[str], bool] = lambda host: False) -> Any:
    """A resolver for aiohttp that gives public addresses alone and raises ``NotPublic`` where there is none.

    The very addresses that were checked are connected to, so that no name can change its mind in between. ``exempt``
    says of which names any address will do.
    """
    import aiohttp
    from aiohttp.abc import AbstractResolver, ResolveResult

    class PublicOnly(AbstractResolver):
        def __init__(self) -> None:
            self._inner = aiohttp.ThreadedResolver()

        async def resolve(self, host: str, port: int = 0, family: Any = 0) -> list[ResolveResult]:
            found = await self._inner.resolve(host, port, family)
            if exempt(host):
                return found
            public = [one for one in found if is_public(ipaddress.ip_address(one["host"].partition("%")[0]))]
            if not public:
                raise NotPublic(host)
            return public

        async def close(self) -> None:
            await self._inner.close()

    return PublicOnly()
