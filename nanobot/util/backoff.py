"""How long to wait before the next try."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Backoff:
    """Waits of ``first * 2^n`` seconds, at most ``limit``, plus up to ``jitter`` of that by chance.

    The chance part keeps many that failed together from coming back together.
    """

    first: float = 1.0
    limit: float = 300.0
    jitter: float = 0.1
    chance: Callable[[], float] = random.random

    def delay(self, failures: int) -> float:
        """Seconds to wait after that many failures in a row (from 1)."""
        wait = min(self.first * 2.0 ** min(max(failures, 1) - 1, 30), self.limit)
        return wait * (1 + self.jitter * self.chance())
