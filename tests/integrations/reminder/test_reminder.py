"""Reminders: set, shown, said in the chat, kept over a restart."""

from __future__ import annotations

import asyncio
import json
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from integrations.reminder.reminders import moment
from nanobot.errors import InvalidServiceData
from nanobot.hub.entry import Entry
from nanobot.hub.hub import Hub
from nanobot.testing.chat import Chat
from nanobot.testing.plugin import House, SetUp

BERLIN = ZoneInfo("Europe/Berlin")
HERE = {"channel": "chat", "chat": "test"}


def wall(hub: Hub, shows: str = "2026-06-01T07:00:00+00:00") -> None:
    """Have the hub's clock show this and go with the loop."""
    loop = asyncio.get_running_loop()
    offset = datetime.fromisoformat(shows).timestamp() - loop.time()
    hub.clock.time = lambda: offset + loop.time()


async def remind(hub: Hub, **data: Any) -> dict[str, Any]:
    told = await hub.services.call("reminder", "set", data, return_response=True)
    assert told is not None
    return dict(told)


async def pending(hub: Hub, **data: Any) -> list[str]:
    told = await hub.services.call("reminder", "list", data, return_response=True)
    assert told is not None
    return [reminder["text"] for reminder in told["reminders"]]


@pytest.mark.looptime
async def test_a_reminder_is_shown_until_it_is_due(hub: Hub, set_up: SetUp) -> None:
    wall(hub)
    await set_up("reminder")
    events: list[tuple[float, str]] = []
    begin = hub.clock.time()
    hub.bus.listen("reminder_due", lambda event: events.append((round(hub.clock.time() - begin), event.data["text"])))
    told = await remind(hub, text="Water the plants", **{"in": 600})
    assert told["due"] == "2026-06-01T07:10:00+00:00"
    state = hub.states.get("reminder.water_the_plants")
    assert state is not None
    assert state.state == "2026-06-01T07:10:00+00:00"
    assert state.attributes["text"] == "Water the plants"
    assert state.attributes["id"] == told["id"]
    await remind(hub, text="First", **{"in": {"minutes": 5}})
    assert await pending(hub) == ["First", "Water the plants"]
    await asyncio.sleep(601)
    assert events == [(300, "First"), (600, "Water the plants")]
    assert not hub.states.all("reminder")
    assert await pending(hub) == []


async def test_it_is_said_in_the_chat_that_asked(hub: Hub, chat: Chat, set_up: SetUp) -> None:
    await set_up("reminder")
    await remind(hub, text="Tea", **HERE, **{"in": 0.05})
    async with asyncio.timeout(5):
        await chat.wait_for(1)
    assert chat.received == ["🔔 Tea"]


@pytest.mark.parametrize(
    ("now", "at", "due"),
    [
        ("2026-06-01T07:00", "07:30", "2026-06-01T07:30+02:00"),
        ("2026-06-01T07:00", "7:30", "2026-06-01T07:30+02:00"),
        ("2026-06-01T08:00", "07:30", "2026-06-02T07:30+02:00"),
        ("2026-06-01T08:00", "2026-06-03 09:15", "2026-06-03T09:15+02:00"),
        ("2026-06-01T08:00", "2026-06-03T09:15:00+00:00", "2026-06-03T11:15+02:00"),
        ("2026-03-28T20:00", "07:30", "2026-03-29T07:30+02:00"),
        ("2026-10-24T20:00", "07:30", "2026-10-25T07:30+01:00"),
        ("2026-03-28T20:00", "02:30", "2026-03-29T03:30+02:00"),
    ],
    ids=["today", "one digit", "tomorrow", "date", "offset", "into summer time", "out of it", "left out"],
)
def test_when_a_time_is(now: str, at: str, due: str) -> None:
    found = moment(at, datetime.fromisoformat(now).replace(tzinfo=BERLIN))
    assert datetime.fromtimestamp(found.timestamp(), BERLIN).isoformat(timespec="minutes") == due


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ({}, "needs 'at' \\(a time\\) or 'in'"),
        ({"at": "soon"}, "'soon' is not a time; write it like '18:30' or '2025-12-24 18:30'"),
        ({"at": "2001-01-01 10:00"}, "2001-01-01 10:00 is in the past"),
        ({"at": "10:00", "in": 5}, "either 'at' or 'in'"),
        ({"in": 5, "chat": "x"}, "needs 'channel' and 'chat' together"),
    ],
)
async def test_what_is_refused(hub: Hub, set_up: SetUp, data: dict[str, Any], text: str) -> None:
    await set_up("reminder")
    with pytest.raises(InvalidServiceData, match=text):
        await remind(hub, text="x", **data)


async def test_cancel_and_list(hub: Hub, set_up: SetUp) -> None:
    await set_up("reminder")
    first = await remind(hub, text="One", **{"in": 600}, **HERE)
    await remind(hub, text="One", **{"in": 700}, channel="chat", chat="other")
    again = await remind(hub, text="Whatever", id=first["id"], **{"in": 5})
    assert again["text"] == "One"
    assert sorted(s.entity_id for s in hub.states.all("reminder")) == ["reminder.one", "reminder.one_2"]
    assert await pending(hub, chat="test") == ["One"]
    await hub.services.call("reminder", "cancel", {"id": first["id"]})
    assert [s.entity_id for s in hub.states.all("reminder")] == ["reminder.one_2"]
    with pytest.raises(InvalidServiceData, match="there is no reminder"):
        await hub.services.call("reminder", "cancel", {"id": first["id"]})
    await hub.services.call("reminder", "cancel", {"id": "reminder.one_2"})
    assert await pending(hub) == []


async def test_a_restart_loses_none_and_says_which_come_late(house: House, restart: Any) -> None:
    await house.start(json.dumps({"nanobot": {"time_zone": "Europe/Berlin"}, "reminder": None}))
    await remind(house.hub, text="Later", **{"in": 600}, **HERE)
    shown = house.hub.clock.time
    house.hub.clock.time = lambda: shown() - 7200
    await remind(house.hub, text="Missed", **{"in": 3600}, **HERE)
    house.hub.clock.time = shown
    hub = (await restart()).hub
    owner = Entry(hub, "chat", "chat", {})
    chat = Chat()
    owner.add(chat)
    async with asyncio.timeout(10):
        await chat.wait_for(1)
    assert len(chat.received) == 1
    assert chat.received[0].startswith("🔔 Missed (This comes late: it was due at ")
    assert await pending(hub) == ["Later"]
    await owner.release()


async def test_one_that_cannot_be_handed_over_is_tried_again(hub: Hub, set_up: SetUp, chat: Chat) -> None:
    entry = await set_up("reminder")
    send = hub.conversations.send
    failures = [OSError("full"), OSError("full")]

    async def failing(*args: Any, **more: Any) -> str:
        if failures:
            raise failures.pop()
        return await send(*args, **more)

    hub.conversations.send = failing  # type: ignore[method-assign]
    await remind(hub, text="Tea", **HERE, **{"in": 0.01})
    async with asyncio.timeout(20):
        await chat.wait_for(1)
    assert chat.received == ["🔔 Tea"]
    assert entry.restarts == 2


async def test_the_language_of_the_person(hub: Hub, set_up: SetUp, chat: Chat) -> None:
    await set_up("reminder")
    shown = hub.clock.time
    hub.clock.time = lambda: shown() - 7200
    await remind(hub, text="Tee", language="de", **HERE, **{"in": 3600})
    hub.clock.time = shown
    await remind(hub, text="Kaffee", language="de", **HERE, **{"in": 0})
    async with asyncio.timeout(5):
        await chat.wait_for(2)
    assert chat.received[0].startswith("🔔 Tee (Das kommt verspätet")
    assert chat.received[1] == "🔔 Kaffee"
