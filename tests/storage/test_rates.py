"""How often a credential may ask: a burst at once, a rate in the long run, and each for itself."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nanobot.storage.credentials import rates as module
from nanobot.storage.credentials.rates import Rates


class Time:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_a_burst_passes_and_then_one_after_the_other() -> None:
    time = Time()
    rates = Rates(2.0, 5, time)
    assert [rates.take("a") for _ in range(5)] == [0.0] * 5
    assert rates.take("a") == pytest.approx(0.5)
    assert rates.take("a") == pytest.approx(0.5), "what was refused does not count"
    assert rates.take("b") == 0.0
    time.now += 0.5
    assert rates.take("a") == 0.0
    assert rates.take("a") > 0
    time.now += 100
    assert [rates.take("a") for _ in range(6)][4:] == [0.0, pytest.approx(0.5)]


@given(
    per_second=st.floats(0.01, 10_000),
    burst=st.integers(1, 1000),
    steps=st.lists(st.floats(0, 10), min_size=1, max_size=200),
)
def test_there_are_never_more_than_the_burst_and_what_time_has_brought(
    per_second: float, burst: int, steps: list[float]
) -> None:
    time = Time()
    rates = Rates(per_second, burst, time)
    taken = 0
    for step in steps:
        time.now += step
        wait = rates.take("a")
        taken += wait == 0.0
        assert taken <= burst + (time.now - 1000.0) * per_second + 1e-3
        if wait:
            time.now += wait + 1e-6
            assert rates.take("a") == 0.0, "it told the truth about the wait"
            taken += 1


def test_who_has_not_asked_for_long_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_KNOWN", 10)
    time = Time()
    rates = Rates(1.0, 5, time)
    for number in range(100):
        rates.take(str(number))
        time.now += 2
    assert len(rates._paid_until) <= 11
