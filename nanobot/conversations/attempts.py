"""Attempts: whoever was wrong too often has to wait."""

from __future__ import annotations

from nanobot.util.dt import Clock

WITHIN = 3600.0  # s
MOST_OF_ONE = 5
MOST_OF_ALL = 20


class Attempts:
    """Counts what went wrong within the last hour: for each asker, and for all of them together."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._wrong: list[tuple[float, str]] = []

    def failed(self, asker: str) -> None:
        """One more."""
        self._wrong.append((self._clock.time(), asker))

    def wait(self, asker: str) -> float:
        """Seconds until this asker may try again; 0: now."""
        now = self._clock.time()
        self._wrong = [(at, who) for at, who in self._wrong if abs(now - at) < WITHIN]
        of_one = [at for at, who in self._wrong if who == asker]
        of_all = [at for at, _ in self._wrong]
        free = [
            times[-most] + WITHIN
            for times, most in ((of_one, MOST_OF_ONE), (of_all, MOST_OF_ALL))
            if len(times) >= most
        ]
        return max(free) - now if free else 0.0
