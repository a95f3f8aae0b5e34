"""The supervisor: what failed, returned or fell silent runs again, later and later."""

from __future__ import annotations

import asyncio
import logging

import pytest

from nanobot.errors import AuthFailed, NotReady
from nanobot.hub.supervisor import Health, Supervised
from nanobot.util.backoff import Backoff

pytestmark = pytest.mark.looptime

EXACT = Backoff(jitter=0)


class Watched:
    """A piece of work, when it was attempted, and what its owner was told."""

    def __init__(self, work: object, **options: object) -> None:
        self.attempts: list[float] = []
        self.told: list[tuple[float, Health, str]] = []
        self._work = work

        async def attempt() -> None:
            self.attempts.append(round(asyncio.get_running_loop().time(), 1))
            await self._work(self)  # type: ignore[operator]

        self.supervised = Supervised(
            attempt,
            name="work",
            log=logging.getLogger("test"),
            told=lambda s, health, error: self.told.append(
                (round(asyncio.get_running_loop().time(), 1), health, str(error))
            ),
            backoff=EXACT,
            **options,  # type: ignore[arg-type]
        )

    async def run_for(self, seconds: float) -> None:
        task = asyncio.create_task(self.supervised.run())
        await asyncio.sleep(seconds)
        task.cancel()
        await asyncio.wait([task])


async def fail(_: Watched) -> None:
    raise ConnectionError("no line")


async def test_failing_work_waits_longer_each_time() -> None:
    watched = Watched(fail)
    await watched.run_for(16)
    assert watched.attempts == [0, 1, 3, 7, 15]


async def test_the_wait_is_never_longer_than_300_s() -> None:
    watched = Watched(fail)
    await watched.run_for(3000)
    gaps = [b - a for a, b in zip(watched.attempts, watched.attempts[1:], strict=False)]
    assert max(gaps) == 300


async def test_work_that_returns_is_run_again() -> None:
    async def returns(_: Watched) -> None:
        return

    watched = Watched(returns)
    await watched.run_for(4)
    assert watched.attempts == [0, 1, 3]
    assert watched.told[0][2] == "it ended without being told to"


async def test_an_hour_of_health_makes_the_next_failure_the_first_again() -> None:
    async def lasts(watched: Watched) -> None:
        if len(watched.attempts) == 4:
            await asyncio.sleep(3600)
        raise ConnectionError("no line")

    watched = Watched(lasts)
    await watched.run_for(3620)
    assert watched.attempts == [0, 1, 3, 7, 3608, 3610, 3614]


async def test_silence_counts_as_failure_and_a_beat_as_life() -> None:
    async def beats_three_times(watched: Watched) -> None:
        for _ in range(3):
            await asyncio.sleep(2)
            watched.supervised.beat()
        await asyncio.sleep(1000)

    watched = Watched(beats_three_times, silent_for=5)
    await watched.run_for(13)
    assert watched.attempts == [0, 12]
    assert watched.told[0] == (11, Health.RETRYING, "no sign of life for 5 s")


async def test_work_that_has_to_beat_is_not_running_again_before_it_does() -> None:
    async def late(watched: Watched) -> None:
        if len(watched.attempts) == 1:
            raise ConnectionError("no line")
        await asyncio.sleep(8)
        watched.supervised.beat()
        await asyncio.sleep(1000)

    watched = Watched(late, silent_for=10)
    await watched.run_for(15)
    assert watched.told == [(0, Health.RETRYING, "no line"), (9, Health.RUNNING, "None")]


async def test_whoever_asks_to_be_left_alone_is() -> None:
    async def asked(_: Watched) -> None:
        raise NotReady("too many requests", retry_after=30)

    watched = Watched(asked)
    await watched.run_for(70)
    assert watched.attempts == [0, 30, 60]


async def test_work_without_beats_counts_as_running_again_after_five_seconds() -> None:
    async def second_time_lucky(watched: Watched) -> None:
        if len(watched.attempts) == 1:
            raise ConnectionError("no line")
        await asyncio.sleep(1000)

    watched = Watched(second_time_lucky)
    await watched.run_for(20)
    assert watched.told == [(0, Health.RETRYING, "no line"), (6, Health.RUNNING, "None")]


async def test_refused_credentials_are_not_tried_again() -> None:
    async def refused(_: Watched) -> None:
        raise AuthFailed("the token is wrong")

    watched = Watched(refused)
    await watched.run_for(100)
    assert watched.attempts == [0]
    assert watched.told == [(0, Health.FAILED, "the token is wrong")]


async def test_cancelling_is_a_clean_stop(caplog: pytest.LogCaptureFixture) -> None:
    async def forever(_: Watched) -> None:
        await asyncio.sleep(10_000)

    watched = Watched(forever)
    await watched.run_for(5)
    assert watched.told == []
    assert caplog.text == ""


async def test_work_that_will_not_end_is_left_behind_with_a_word(caplog: pytest.LogCaptureFixture) -> None:
    async def stubborn(_: Watched) -> None:
        while True:
            try:
                await asyncio.sleep(1000)
            except asyncio.CancelledError:
                if asyncio.get_running_loop().time() > 100:
                    raise

    watched = Watched(stubborn, silent_for=5)
    await watched.run_for(17)
    assert "does not end although it was told to" in caplog.text
    assert watched.attempts == [0, 16]


async def test_the_same_failure_has_a_traceback_only_once(caplog: pytest.LogCaptureFixture) -> None:
    async def buggy(_: Watched) -> None:
        raise KeyError("missing")

    watched = Watched(buggy)
    await watched.run_for(4)
    assert caplog.text.count("Traceback") == 1
    assert caplog.text.count("trying again in") == 3


async def test_a_failure_that_lasts_does_not_fill_the_log(caplog: pytest.LogCaptureFixture) -> None:
    async def away(_: Watched) -> None:
        raise NotReady("cannot be reached" if asyncio.get_running_loop().time() < 4000 else "is in repair")

    watched = Watched(away)
    caplog.set_level("INFO", "test")
    await watched.run_for(3900)
    assert len(watched.attempts) > 10
    assert len(caplog.messages) == 5
    assert caplog.messages[-1] == "work: cannot be reached; trying again in 16 s and so on"
    await watched.run_for(600)
    assert "is in repair" in caplog.messages[5]
