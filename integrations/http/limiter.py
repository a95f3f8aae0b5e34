"""Slows down whoever guesses, and bans who goes on. It stands before every check of a credential and excepts nobody,
loopback neither."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable

from nanobot.hub.web import WebError
from nanobot.storage.credentials import Bans

from .peer import network_of

GUESSES = 10
WINDOW = 60.0  # s in which that many wrong guesses are allowed
REMEMBERED = 86400.0  # s without a wrong guess, and those before count no more towards a ban
MAX_PEERS = 4096


class Limiter:
    """Wrong guesses by network: of the last minute, and since when a ban is due.

    ``threshold`` wrong ones end in ``ban(network)``; None: never.
    """

    def __init__(
        self,
        time: Callable[[], float],
        bans: Bans | None = None,
        ban: Callable[[str], None] = lambda network: None,
    ) -> None:
        self._time = time
        self._banned = bans
        self._ban = ban
        self._wrong: dict[str, deque[float]] = {}
        self._strikes: dict[str, tuple[int, float]] = {}
        self.threshold: int | None = None
        self.bans = False
        """Whether anybody is banned at all."""

    def check_ban(self, peer: str) -> None:
        """Raises ``WebError`` 403 for somebody who is banned."""
        if self.bans and self._banned and self._banned.has(network_of(peer)):
            raise WebError(403, "this address is banned; 'nanobot user unban' lets it in again")

    def check(self, peer: str) -> None:
        """Raises ``WebError`` 429 for somebody who has to wait before another try."""
        wait = self.wait(peer)
        if wait > 0:
            raise too_many(wait)

    def wait(self, peer: str) -> float:
        """Seconds until this peer may try again, 0 when it may now."""
        times = self._wrong.get(network_of(peer)) if self._wrong else None
        if times is None or len(times) < GUESSES:
            return 0.0
        return max(0.0, times[0] + WINDOW - self._time())

    def failed(self, peer: str) -> None:
        """Note a wrong guess."""
        self.reserve(peer)
        self.strike(peer)

    def reserve(self, peer: str) -> None:
        """Note a try whose outcome takes a while: others at the same time must not get past it."""
        key = network_of(peer)
        # the peer moves to the end, so that those who were quiet the longest are forgotten first
        times = self._wrong.pop(key, None) or deque(maxlen=GUESSES)
        times.append(self._time())
        self._wrong[key] = times
        if len(self._wrong) > MAX_PEERS:
            del self._wrong[next(iter(self._wrong))]

    def forgive(self, peer: str) -> None:
        """What was reserved was right."""
        times = self._wrong.get(network_of(peer))
        if times:
            times.pop()

    def strike(self, peer: str) -> None:
        """What was reserved was wrong."""
        if self.threshold is None or not self.bans:
            return
        key, now = network_of(peer), self._time()
        count, last = self._strikes.pop(key, (0, now))
        count = 1 if now - last > REMEMBERED else count + 1
        if count >= self.threshold:
            self._ban(key)
            return
        self._strikes[key] = (count, now)
        if len(self._strikes) > MAX_PEERS:
            del self._strikes[next(iter(self._strikes))]


def too_many(wait: float) -> WebError:
    """The answer to somebody who guesses."""
    return _later("too many wrong tokens", wait)


def too_often(wait: float) -> WebError:
    """The answer to a token, or an address without one, that asks more often than any client has to."""
    return _later("too many requests", wait)


def _later(what: str, wait: float) -> WebError:
    seconds = max(1, math.ceil(wait))
    return WebError(429, f"{what}; try again in {seconds} s", headers={"Retry-After": str(seconds)})
