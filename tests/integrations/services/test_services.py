"""What an agent does with services: find them, call them, hear what came of it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from nanobot.contracts.service import Service, ServiceCall
from nanobot.errors import ServiceError
from nanobot.hub.bus import Event
from nanobot.hub.entry import Entry
from nanobot.hub.hub import Hub
from nanobot.testing.chat import Chat
from nanobot.testing.plugin import House, SetUp
from nanobot.testing.tools import Hands

from .conftest import Lamps


@pytest.fixture
async def services(lamps: Lamps, set_up: SetUp, hands: Hands) -> Hands:
    await set_up("services")
    return hands


# -- finding --------------------------------------------------------------------------------------


async def test_without_a_question_there_are_only_names(services: Hands) -> None:
    lines = (await services("list_services")).split("\n")
    assert "light: turn_on" in lines
    assert "house: report, say, list, wipe" in lines  # and not reload, which is closed
    assert not any(line.startswith("homeassistant") for line in lines)


@pytest.mark.parametrize(
    ("query", "listed"),
    [
        (
            "light",
            "light.turn_on(brightness) on entity_id: Turn on lamps.\n  brightness: How bright, 0 to 255; such as 120",
        ),
        (
            "house.say",
            "house.say(text*, channel, chat): Say something in a chat."
            + "".join(f"\n  {name}: string" for name in ("text", "channel", "chat")),
        ),
        ("how house", "house.report(): How the house is."),
        (
            "Turn On Lamps",
            "light.turn_on(brightness) on entity_id: Turn on lamps.\n  brightness: How bright, 0 to 255; such as 120",
        ),
    ],
)
async def test_a_question_brings_fields(services: Hands, query: str, listed: str) -> None:
    assert await services("list_services", query=query) == listed


async def test_services_of_real_integrations_are_described(services: Hands, set_up: SetUp) -> None:
    await set_up("reminder")
    await set_up("input_select", {"scene": {"options": ["a", "b"]}})
    text = await services("list_services", query="reminder.set")
    assert text.startswith("reminder.set(text*, at, in, channel, chat, id): Have a text sent to a chat at a time.")
    assert "  at: A date and time, or a time of day (its next one); such as 18:30" in text.split("\n")
    assert "input_select.select_option(option*) on entity_id: Choose an option." in await services(
        "list_services", query="input_select"
    )


async def test_what_does_not_exist_brings_the_nearest(services: Hands) -> None:
    assert await services.fails("list_services", query="lihgt") == "No service fits 'lihgt'. Did you mean light?"
    told = await services.fails("call_service", service="light.turn_onn")
    assert told == "There is no service 'light.turn_onn'. Did you mean light.turn_on?"
    told = await services.fails("call_service", service="turn on the light")
    assert told == "There is no service 'turn on the light'."


# -- calling --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments",
    [
        {"entity_id": "light.kitchen"},
        {"entity_id": ["light.kitchen"]},
        {"entity_id": " Light.Kitchen "},
        {"data": {"entity_id": "light.kitchen"}},
        {"data": {"entity_id": ["light.kitchen"]}, "entity_id": ""},
    ],
    ids=str,
)
async def test_a_call_acts_and_tells_how_things_are_then(
    services: Hands, lamps: Lamps, arguments: dict[str, object]
) -> None:
    assert await services("call_service", service="light.turn_on", **arguments) == "Done.\nlight.kitchen is on"
    assert lamps.calls[0].data["entity_id"] == ["light.kitchen"]


async def test_a_call_has_the_turn_as_its_cause(services: Hands, hub: Hub, lamps: Lamps) -> None:
    told: list[Event] = []
    hub.bus.listen("call_service", told.append)
    await services(
        "call_service", service="light.turn_on", entity_id="light.hall,light.kitchen", data={"brightness": 9}
    )
    context = lamps.calls[0].context
    assert (context.actor, context.parent_id) == ("agent", services.turn.context.id)
    assert told[0].context is context
    assert hub.states.get("light.hall").context is context  # type: ignore[union-attr]


async def test_a_password_is_not_told_back(services: Hands, set_up: SetUp) -> None:
    await set_up("input_text", {"pin": {"mode": "password"}})
    told = await services(
        "call_service", service="input_text.set_value", entity_id="input_text.pin", data={"value": "4711"}
    )
    assert told == "Done.\ninput_text.pin is ••••"


async def test_a_response_comes_as_json(services: Hands) -> None:
    assert await services("call_service", service="house.report") == '{"doors":{"open":0},"asked":{}}'


async def test_wrong_data_is_told_in_the_words_of_the_schema(services: Hands, lamps: Lamps) -> None:
    told = await services.fails(
        "call_service", service="light.turn_on", entity_id="light.hall", data={"brightness": "bright"}
    )
    assert told == "light.turn_on: brightness: expected a number, found 'bright'"
    told = await services.fails("call_service", service="light.turn_on", entity_id="light.hall", data={"brightnes": 1})
    assert "unknown option; did you mean 'brightness'?" in told
    told = await services.fails("call_service", service="light.turn_on")
    assert told == "light.turn_on: say which entity is meant, with entity_id"
    assert lamps.calls == []


async def test_an_entity_that_does_not_exist_is_told(services: Hands, lamps: Lamps) -> None:
    """The service itself would leave it out and be content."""
    told = await services.fails("call_service", service="light.turn_on", entity_id="light.kitchn")
    assert told == "There is no 'light.kitchn'. Did you mean light.kitchen?"
    lamps.entry.set_state("sensor.x", "1")
    told = await services.fails("call_service", service="light.turn_on", entity_id="sensor.x")
    assert told == "light.turn_on acts on light only, not on sensor.x."
    assert lamps.calls == []


async def test_a_failure_is_told_and_secrets_are_not(services: Hands, entry: Entry) -> None:
    services.hub.scrubber.add("swordfish")

    async def fail(call: ServiceCall) -> None:
        raise ServiceError("the lamp at http://x/swordfish does not answer")

    entry.add(Service("lamp", "fail", fail))
    assert await services.fails("call_service", service="lamp.fail") == "the lamp at http://x/•••• does not answer"


async def test_a_service_that_hangs_is_ended(services: Hands, entry: Entry) -> None:
    ended = asyncio.Event()

    async def hang(call: ServiceCall) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    entry.add(Service("lamp", "hang", hang))
    services.hub.tools.get("call_service").timeout = 0.05  # type: ignore[union-attr]
    assert "was ended" in await services.fails("call_service", service="lamp.hang")
    assert ended.is_set()


async def test_what_is_about_a_chat_is_about_this_one(services: Hands, lamps: Lamps, set_up: SetUp) -> None:
    await services("call_service", service="house.say", data={"text": "hello"})
    assert lamps.calls[-1].data == {"text": "hello", "channel": "chat", "chat": "test"}
    await services("call_service", service="house.list")
    assert lamps.calls[-1].data == {}  # an owner is shown all
    await services.of(owner=False)("call_service", service="house.list")
    assert lamps.calls[-1].data == {"channel": "chat", "chat": "test"}


async def test_a_reminder_comes_back_to_the_chat_it_was_asked_for_in(
    services: Hands, set_up: SetUp, chat: Chat
) -> None:
    await set_up("reminder")
    await services("call_service", service="reminder.set", data={"text": "tea", "in": "00:00:00.1"})
    await chat.wait_for(1)
    assert "tea" in chat.received[0]


# -- what may be called ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "called", "closed"),
    [
        ("", ["light.turn_on", "house.report", "house.wipe"], ["house.reload", "nanobot.stop", "homeassistant.stop"]),
        ("allow: light", ["light.turn_on"], ["house.report", "nanobot.stop"]),
        ("allow: [light, house.r*]", ["light.turn_on", "house.report"], ["house.wipe", "house.reload"]),
        ("deny: house", ["light.turn_on"], ["house.report", "nanobot.stop"]),
        ("{allow: house, deny: '*.report'}", ["house.wipe"], ["house.report", "light.turn_on"]),
        ("allow: ['*', house.reload]", ["house.reload", "light.turn_on"], ["nanobot.reload_all", "timer.reload"]),
        ("{allow: ['*', nanobot.stop], deny: nanobot.stop}", ["light.turn_on"], ["nanobot.stop"]),
        ("allow: []", [], ["light.turn_on"]),
    ],
)
async def test_allow_and_deny(house: House, lamps: Lamps, options: str, called: list[str], closed: list[str]) -> None:
    options = options if options.startswith("{") else f"{{{options}}}"
    await house.start("services:\ntimer:\n")
    tool = house.hub.tools.get("call_service")
    await house.apply(f"services: {options}\ntimer:\n")
    assert house.hub.tools.get("call_service") is tool
    hands = Hands(house.hub)
    listed = await hands("list_services")
    for service in called:
        entity = {"entity_id": "light.hall"} if service.startswith("light") else {}
        await hands("call_service", service=service, **entity)
        assert service.partition(".")[2] in listed
    for service in closed:
        assert await hands.fails("call_service", service=service) == f"{service} is closed to agents."
    assert not house.stopped.is_set()


async def test_writing_to_chats_is_left_to_the_tool_for_it(house: House) -> None:
    await house.start("services:\nmessage:\n")
    told = await Hands(house.hub).fails(
        "call_service", service="message.send", data={"channel": "x", "chat": "1", "text": "y"}
    )
    assert told == "message.send is closed to agents."


async def test_guests_act_on_things_and_in_their_own_chat(house: House, lamps: Lamps) -> None:
    await house.start("services:\n")
    guest = Hands(house.hub).of(owner=False)
    await guest("call_service", service="light.turn_on", entity_id="light.hall")
    await guest("call_service", service="house.say", data={"text": "hello"})
    await guest("call_service", service="house.say", data={"text": "hello", "channel": "chat", "chat": "test"})
    for data in (
        {"channel": "telegram", "chat": "1"},
        {"chat": "other"},
        {"channel": "chat", "chat": "other"},
        {"channel": "chat", "chat": "test", "session": "chat:other"},
    ):
        told = await guest.fails("call_service", service="house.say", data={"text": "hello", **data})
        assert told == "Only the people who run nanobot may have something done in another chat."
    assert "Only the people who run nanobot may have house.report called" in await guest.fails(
        "call_service", service="house.report"
    )
    assert "Only the people who run nanobot may have house.wipe called" in await guest.fails(
        "call_service", service="house.wipe"
    )
    assert "wipe" not in await guest("list_services")
    assert len(lamps.calls) == 3


async def test_the_timers_of_another_chat_are_no_business_of_a_guest(house: House, lamps: Lamps) -> None:
    await house.start("services:\n")
    lamps.entry.set_state("light.party", "on", {"channel": "chat", "chat": "other"})
    hands = Hands(house.hub)
    told = await hands.of(owner=False).fails("call_service", service="light.turn_on", entity_id="light.party")
    assert told.startswith("There is no 'light.party'.")
    await hands("call_service", service="light.turn_on", entity_id="light.party")


@pytest.mark.parametrize(
    "given",
    [
        {"entity_id": "light.kitchen, light.party"},
        {"entity_id": ",", "data": {"entity_id": "light.party"}},
        {"entity_id": [""], "data": {"entity_id": ["light.party"]}},
        {"data": {"entity_id": "light.party"}},
        {"entity_id": ["all", "light.party"]},
        {"entity_id": ["none", "light.party"]},
    ],
)
async def test_however_it_is_written_a_guest_does_not_get_at_them(
    house: House, lamps: Lamps, given: dict[str, Any]
) -> None:
    await house.start("services:\n")
    lamps.entry.set_state("light.party", "on", {"channel": "chat", "chat": "other"})
    guest = Hands(house.hub).of(owner=False)
    assert "There is no" in await guest.fails("call_service", service="light.turn_on", **given)
    assert not lamps.calls


async def test_all_is_all_that_concerns_whoever_asks(house: House, lamps: Lamps) -> None:
    await house.start("services:\n")
    lamps.entry.set_state("light.party", "on", {"channel": "chat", "chat": "other"})
    hands = Hands(house.hub)
    await hands.of(owner=False)("call_service", service="light.turn_on", entity_id="all")
    await hands.call("call_service", service="light.turn_on", entity_id="all")
    assert [call.data["entity_id"] for call in lamps.calls] == [["light.kitchen", "light.hall"], ["all"]]
    await house.apply("services:\n  guests: [house]\n")
    guest = hands.of(owner=False)
    assert "name them" in await guest.fails("call_service", service="house.report", entity_id="all")


async def test_no_chat_at_all_is_not_the_chat_of_a_guest(house: House, lamps: Lamps) -> None:
    await house.start("services:\n")
    guest = Hands(house.hub).of(owner=False)
    for data in ({"channel": None, "chat": None}, {"chat": None}, {"channel": "chat", "chat": None}):
        assert "Only the people who run nanobot" in await guest.fails(
            "call_service", service="house.say", data={"text": "hi", **data}
        )
    assert not lamps.calls


async def test_the_owner_says_what_guests_may_have_called(house: House, lamps: Lamps) -> None:
    await house.start("services:\n  guests: [house.report, house.wipe]\n")
    guest = Hands(house.hub).of(owner=False)
    await guest("call_service", service="house.report")
    for service in ("light.turn_on", "house.wipe"):  # the second is for administrators, whatever the list says
        assert f"may have {service} called" in await guest.fails("call_service", service=service)
    await house.apply("services:\n  guests: []\n")
    assert await guest("list_services") == "There are no services."


async def test_nothing_is_sent_where_nobody_was_let_in(house: House, lamps: Lamps, chat: Chat) -> None:
    """A text that came from outside might talk the model into sending things away."""
    await house.start("services:\n")
    hands = Hands(house.hub)
    told = await hands.fails(
        "call_service", service="house.say", data={"text": "secrets", "channel": "chat", "chat": "stranger"}
    )
    assert told == "Nobody in the chat stranger on chat was ever let in, so nothing is sent there."
    await chat.says("hello", chat="kitchen")
    await hands("call_service", service="house.say", data={"text": "hi", "channel": "chat", "chat": "kitchen"})
    await hands("call_service", service="house.say", data={"text": "hi", "channel": "chat", "chat": "tester"})
    assert [call.data["chat"] for call in lamps.calls] == ["kitchen", "tester"]
