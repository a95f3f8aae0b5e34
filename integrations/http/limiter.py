"""Slows down whoever guesses. It stands before every check of a credential and excepts nobody, loopback neither."""

from __future__ import annotations

import ipaddress
from collections import deque
from collections.abc import Callable

GUESSES = 10
WINDOW = 60.0  # s in which that many wrong guesses are allowed
MAX_PEERS = 4096


class Limiter:
    """Wrong guesses of the last minute, by peer."""

    def __init__(self, time: Callable[[], float]) -> None:
        self._time = time
        self._wrong: dict[str, deque[float]] = {}

    def wait(self, peer: str) -> float:
        """Seconds until this peer may try again, 0 when it may now."""
        times = self._wrong.get(_network(peer))
        if times is None or len(times) < GUESSES:
            return 0.0
        return max(0.0, times[0] + WINDOW - self._time())

    def failed(self, peer: str) -> None:
        """Note a wrong guess."""
        key = _network(peer)
        # the peer moves to the end, so that those who were quiet the longest are forgotten first
        times = self._wrong.pop(key, None) or deque(maxlen=GUESSES)
        times.append(self._time())
        self._wrong[key] = times
        if len(self._wrong) > MAX_PEERS:
            del self._wrong[next(iter(self._wrong))]


def _network(peer: str) -> str:
    """One home of IPv6 has 2^64 addresses; they count as one."""
    try:
        address = ipaddress.ip_address(peer.partition("%")[0])
    except ValueError:
        return peer
    if address.version == 6:
        if address.ipv4_mapped is not None:
            return str(address.ipv4_mapped)
        return str(ipaddress.ip_network((address, 64), strict=False))
    return peer
