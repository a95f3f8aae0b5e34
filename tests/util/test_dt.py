"""Times as clients read them."""

from __future__ import annotations

import random
from datetime import UTC, datetime

import pytest

from nanobot.util.dt import iso

CHANCE = random.Random(7)
MOMENTS = [
    0.0,
    -0.5,
    -1.5,
    0.9999996,
    1.4999995,
    1763764000.0,
    1763764000.9999998,
    *(CHANCE.uniform(-1e9, 4e9) for _ in range(200)),
]


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_time_has_six_digits_and_an_offset_and_is_rounded_as_datetime_rounds(moment: float) -> None:
    assert iso(moment) == datetime.fromtimestamp(moment, UTC).isoformat(timespec="microseconds")
