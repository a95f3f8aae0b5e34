"""How often each credential may ask, over every way in together: REST, WebSocket, and whatever else speaks for it."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic

PER_SECOND = 1000
BURST = 250_000
"""Well above what a working client does. It ends what a broken one does without an end."""
MAX_KNOWN = 4096


class Rates:
    """``burst`` requests at once, and ``per_second`` in the long run (the generic cell rate algorithm)."""

    def __init__(
        self, per_second: float = PER_SECOND, burst: int = BURST, time: Callable[[], float] = monotonic
    ) -> None:
        self._time = time
        self._paid_until: dict[str, float] = {}
        self._each = self._ahead = 0.0
        self.limit(per_second, burst)

    def limit(self, per_second: float, burst: int) -> None:
        """Set both, for what is asked from now on: other limits begin anew."""
        each = 1.0 / per_second
        ahead = (burst - 1) * each
        if (each, ahead) != (self._each, self._ahead):
            self._each, self._ahead = each, ahead
            self._paid_until.clear()

    def take(self, who: str) -> float:
        """Count a request. Gives the seconds to wait when there were too many, and does not count it then; else 0."""
        now = self._time()
        paid = self._paid_until.get(who, 0.0)
        if paid <= now:
            self._paid_until[who] = now + self._each
            if len(self._paid_until) > MAX_KNOWN:
                self._paid_until = {key: until for key, until in self._paid_until.items() if until > now}
            return 0.0
        wait = paid - now - self._ahead
        if wait > 1e-9:
            return wait
        self._paid_until[who] = paid + self._each
        return 0.0
