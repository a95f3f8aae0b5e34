"""``trigger: message``, and sentences in chats, with real conversations around them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from nanobot.contracts.agent import Turn
from nanobot.contracts.channel import Attachment
from nanobot.hub.bus import Event
from nanobot.hub.entry import Entry
from nanobot.hub.hub import Hub, Phase
from nanobot.testing.chat import Chat, Echo
from nanobot.testing.plugin import House, SetUp


class Heard:
    """What the automation of a test says: ``message`` and ``match`` of its trigger."""

    def __init__(self, hub: Hub, set_up: SetUp) -> None:
        self.hub = hub
        self._set_up = set_up
        self.events: asyncio.Queue[Event] = asyncio.Queue()
        hub.bus.listen("heard", self.events.put_nowait)

    async def listen(self, *actions: dict[str, Any], **trigger: Any) -> None:
        told = {"message": "{{ trigger.message }}", "match": "{{ trigger.match | default(none) }}"}
        automation = {
            "alias": "a",
            "triggers": {"trigger": "message", **trigger},
            "actions": [{"event": "heard", "event_data": told}, *actions],
        }
        await self._set_up("automation", [json.loads(json.dumps(automation))])

    async def next(self) -> dict[str, Any]:
        async with asyncio.timeout(10):
            return dict((await self.events.get()).data)


@pytest.fixture
def heard(hub: Hub, set_up: SetUp) -> Heard:
    return Heard(hub, set_up)


@pytest.fixture
async def echo(hub: Hub) -> AsyncIterator[Entry]:
    entry = Entry(hub, "echo", "echo", {})
    entry.add(Echo("echo"))
    yield entry
    await entry.release()


async def test_it_tells_who_wrote_what_and_the_agent_answers_all_the_same(
    heard: Heard, chat: Chat, echo: Entry
) -> None:
    await heard.listen(channel="chat")
    assert await chat.types("Hello", sender_name="Anna", group=False) == "Hello"
    message = (await heard.next())["message"]
    assert message["attachments"] == []
    assert {key: message[key] for key in ("channel", "chat", "sender", "sender_name", "owner", "group", "text")} == {
        "channel": "chat",
        "chat": "test",
        "sender": "tester",
        "sender_name": "Anna",
        "owner": True,
        "group": False,
        "text": "Hello",
    }


@pytest.mark.parametrize(
    ("options", "fires"),
    [
        ({}, True),
        ({"channel": ["other", "chat"]}, True),
        ({"channel": "other"}, False),
        ({"chat": "test"}, True),
        ({"chat": "elsewhere"}, False),
        ({"sender": ["tester"]}, True),
        ({"sender": "somebody"}, False),
        ({"owner": True}, True),
        ({"owner": False}, False),
        ({"group": True}, False),
        ({"text": ["no", "MILK  is out!"]}, True),
        ({"text": "milk"}, False),
        ({"pattern": "^milk"}, True),
        ({"pattern": "(?P<what>bread|butter)"}, False),
        ({"media": False}, True),
        ({"media": True}, False),
        ({"media": "image"}, False),
    ],
    ids=str,
)
async def test_what_it_has_to_be(heard: Heard, chat: Chat, options: dict[str, Any], fires: bool) -> None:
    await heard.listen(**options)
    await chat.says("Milk is out.")
    await asyncio.sleep(0.02)
    assert heard.events.qsize() == fires


async def test_media_and_groups(heard: Heard, chat: Chat) -> None:
    await heard.listen(media=["image", "audio"], group=True)
    files = [Attachment("media/x.jpg", "x.jpg", "image/jpeg", 12)]
    await chat.says("", attachments=tuple(files), group=True)
    message = (await heard.next())["message"]
    assert message["attachments"] == [
        {"path": "media/x.jpg", "name": "x.jpg", "media_type": "image/jpeg", "size_bytes": 12}
    ]


async def test_the_groups_of_a_pattern(heard: Heard, chat: Chat) -> None:
    await heard.listen(pattern=r"buy (\d+) (?P<what>\w+)")
    await chat.says("please BUY 12 eggs")
    match = (await heard.next())["match"]
    assert match == {0: "BUY 12 eggs", 1: "12", 2: "eggs", "what": "eggs"}


async def test_with_answer_false_no_agent_sees_it(heard: Heard, chat: Chat, echo: Entry) -> None:
    await heard.listen(pattern="^secret", answer=False)
    await chat.says("secret plan")
    await heard.next()
    assert await chat.types("hello") == "hello"
    assert chat.received == ["hello"]


async def test_a_command_is_no_message(heard: Heard, chat: Chat) -> None:
    await heard.listen()
    assert await chat.types("/status")
    await chat.says("hello")
    assert (await heard.next())["message"]["text"] == "hello"


async def test_a_hostile_text_does_not_hold_up_the_house(heard: Heard, chat: Chat, caplog: Any) -> None:
    await heard.listen(pattern="^(a+)+$")
    began = asyncio.get_running_loop().time()
    await chat.says("a" * 60 + "b")
    await asyncio.sleep(0)
    assert asyncio.get_running_loop().time() - began < 2
    assert heard.events.empty()


async def test_a_sentence_in_a_chat_is_answered_before_any_agent_is_asked(
    hub: Hub, set_up: SetUp, chat: Chat, echo: Entry
) -> None:
    await set_up(
        "automation",
        [
            {
                "alias": "paint",
                "triggers": {"trigger": "conversation", "command": "paint [the] {thing}"},
                "actions": [
                    {"set_conversation_response": "{{ trigger.message.sender }} paints {{ trigger.slots.thing }}"}
                ],
            }
        ],
    )
    assert await chat.types("Paint the fence!") == "tester paints fence"
    assert await chat.types("something else") == "something else"


async def test_no_agent_is_asked(hub: Hub, set_up: SetUp, chat: Chat) -> None:
    class Never(Echo):
        def respond(self, turn: Turn) -> Any:
            raise AssertionError("nobody should ask it")

    entry = Entry(hub, "never", "never", {})
    entry.add(Never("never"))
    sentence = {"trigger": "conversation", "command": "good night"}
    await set_up("automation", [{"alias": "a", "triggers": sentence, "actions": [{"event": "x"}]}])
    assert await chat.types("Good night!") == "Done"
    await entry.release()


async def test_what_is_written_while_the_hub_starts_is_heard_when_it_has(
    house: House, hub: Hub, chat: Chat, echo: Entry
) -> None:
    hub.phase, hub.settled = Phase.STARTING, False
    await house.start(
        "automation: [{alias: a, triggers: {trigger: message, answer: false, text: mine},"
        " actions: {event: heard, event_data: {text: '{{ trigger.message.text }}'}}}]"
    )
    heard: asyncio.Queue[Event] = asyncio.Queue()
    hub.bus.listen("heard", heard.put_nowait)
    await chat.says("mine")
    await chat.says("yours")
    hub.phase = Phase.RUNNING
    await hub.bus.fire_and_wait("homeassistant_started", limit=5)
    hub.settled = True
    hub.conversations.started()
    async with asyncio.timeout(10):
        assert (await heard.get()).data == {"text": "mine"}
        await chat.wait_for(1)
        await chat.types("more")
    assert chat.received == ["yours", "more"]
    assert heard.empty()
    await house.close()
