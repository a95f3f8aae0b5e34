"""``trigger: homeassistant`` and ``trigger: nanobot``."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from nanobot.hub.bus import Event
from nanobot.testing.plugin import House
from tests.automation.triggers.bench import Bench


@pytest.mark.parametrize("word", ["homeassistant", "nanobot"])
async def test_start_fires_when_the_hub_starts_and_not_after_an_edit(bench: Bench, word: str) -> None:
    await bench.attach({"trigger": word, "event": "start"}, starting=True)
    await bench.attach({"trigger": word, "event": "start"})
    assert await bench.said("description") == ["Home Assistant starting"]
    assert (bench.fired[0]["platform"], bench.fired[0]["event"]) == ("homeassistant", "start")


async def test_shutdown_is_waited_for(bench: Bench) -> None:
    await bench.attach({"trigger": "nanobot", "event": "shutdown"})
    assert await bench.said() == []
    await bench.hub.farewells.say()
    assert [one["description"] for one in bench.fired] == ["Home Assistant stopping"]


@pytest.mark.looptime
async def test_a_shutdown_that_takes_too_long_is_not_waited_for(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    async def hang() -> None:
        await asyncio.sleep(100)

    bench.hub.farewells.add(hang)()
    remove = bench.hub.farewells.add(hang)
    began = asyncio.get_running_loop().time()
    await bench.hub.farewells.say()
    assert asyncio.get_running_loop().time() - began == pytest.approx(20)
    assert "took more than 20 s" in caplog.text
    remove()


YAML = """
automation:
  - alias: Good bye
    triggers: [{trigger: nanobot, event: shutdown}]
    actions:
      - delay: 0.05
      - event: good_bye
"""


async def test_the_actions_run_to_their_end_before_anything_is_undone(house: House) -> None:
    await house.start(YAML)
    house.hub.bus.fire("homeassistant_started")
    await asyncio.sleep(0)
    told: list[str] = []
    house.hub.bus.listen("good_bye", lambda event: told.append(house.hub.phase.value))
    await house.close()
    assert told == ["RUNNING"]


WAITING = """
input_boolean:
  door:
automation:
  - alias: Too long
    triggers: [{trigger: state, entity_id: input_boolean.door, to: "on", for: {milliseconds: 700}}]
    actions:
      - event: too_long
        event_data: {was: "{{ trigger.from_state.state }}", lasted: "{{ trigger.for.total_seconds() }}"}
"""


async def test_a_pending_for_goes_on_after_a_restart_of_nanobot(
    house: House, restart: Callable[[], Awaitable[House]]
) -> None:
    await house.start(WAITING)
    await house.hub.services.call("input_boolean", "turn_on", {"entity_id": "input_boolean.door"})
    began = asyncio.get_running_loop().time()
    house = await restart()
    told: asyncio.Queue[Event] = asyncio.Queue()
    house.hub.bus.listen("too_long", told.put_nowait)
    async with asyncio.timeout(10):
        event = await told.get()
    assert dict(event.data) == {"was": "off", "lasted": 0.7}
    assert asyncio.get_running_loop().time() - began >= 0.65
