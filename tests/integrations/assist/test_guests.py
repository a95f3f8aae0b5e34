"""What a guest hears and does: the things of the house, and what is of their own chat."""

from __future__ import annotations

from typing import Any

import pytest

ONLY = "Only the people who run nanobot can ask me for that."
GUEST = {"sender": "guest", "chat": "guests"}


@pytest.fixture
async def guests(home: Any) -> Any:
    home.chat.allow = frozenset({"tester", "*"})
    await home.begin(reminder=None)
    return home


@pytest.mark.parametrize(
    "said",
    ["what is running?", "what failed?", "how is timer?", "reload everything", "reload counter", "reload telegrm"],
)
async def test_what_is_about_nanobot_is_for_its_owners(guests: Any, said: str) -> None:
    assert await guests.says(said, **GUEST) == ONLY
    assert await guests.says(said) != ONLY


async def test_guests_are_not_offered_it_either(guests: Any) -> None:
    helped = await guests.says("help", **GUEST)
    assert "turn on" in helped
    assert "reload" not in helped
    assert "running" not in helped
    assert "running" not in await guests.says("blub blub", **GUEST)
    assert "reload" in await guests.says("help")


async def test_the_timers_of_another_chat_are_no_business_of_a_guest(guests: Any) -> None:
    await guests.says("start a pasta timer for an hour")
    for said in ("how long is left on the timer", "cancel the timer", "cancel all timers", "cancel the pasta timer"):
        assert await guests.says(said, **GUEST) == "No timer is running."
    assert "pasta" not in await guests.says("which timers are active?", **GUEST)
    assert guests.state("timer.pasta") == "active"
    assert "left" in await guests.says("how long is left on the timer")


async def test_their_own_are(guests: Any) -> None:
    await guests.says("set a timer for 5 minutes", **GUEST)
    assert "left" in await guests.says("how long is left on the timer", **GUEST)
    assert (await guests.says("cancel all timers", **GUEST)).startswith("Cancelled:")
    assert (await guests.says("turn on the coffee machine", **GUEST)).startswith("Coffee machine is now on")
