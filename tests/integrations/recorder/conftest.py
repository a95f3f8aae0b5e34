"""What the tests of the recorder share."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator

import pytest

from nanobot.contracts.history import History
from nanobot.hub.hub import Hub
from nanobot.testing.plugin import House
from nanobot.util.dt import Clock

START = 1_700_000_000.0


class Hands:
    """A clock that stands still until it is set."""

    def __init__(self) -> None:
        self.time = START

    def __call__(self) -> float:
        return self.time


Recorded = Callable[..., Awaitable[History]]


@pytest.fixture
def hands(house: House) -> Iterator[Hands]:
    """The hub's clock."""
    hands = Hands()
    before = house.hub.clock.time
    house.hub.clock.time = hands  # type: ignore[method-assign, assignment, unused-ignore]
    yield hands
    house.hub.clock.time = before  # type: ignore[method-assign, unused-ignore]


@pytest.fixture
def clock(house: House) -> Clock:
    return house.hub.clock


@pytest.fixture
def recorded(house: House) -> Recorded:
    """``history = await recorded("options")``: a hub that records."""

    async def start(options: str = "", more: str = "") -> History:
        await house.start(f"nanobot:\n  name: Home\nrecorder:\n{options}\n{more}")
        history = house.hub.history
        assert history is not None, house.entry("recorder").error
        return history

    return start


@pytest.fixture
def write(hub: Hub, hands: Hands) -> Callable[..., None]:
    """``write(10, "light.a", "on")``: a state so many seconds after the start."""

    def write(at: float, entity_id: str, state: str | None, **attributes: object) -> None:
        hands.time = START + at
        if state is None:
            hub.states.remove(entity_id)
        else:
            hub.states.set(entity_id, state, attributes)

    return write


@pytest.fixture
def run_python() -> Callable[[str], str]:
    """Run a line in a process of its own, where the bundled integrations are mounted; gives what it prints."""

    def run(line: str) -> str:
        mount = "from pathlib import Path; from nanobot.lifecycle.loader import Loader; Loader(Path('x')).mount()"
        command = [sys.executable, "-c", f"{mount}; {line}"]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    return run
