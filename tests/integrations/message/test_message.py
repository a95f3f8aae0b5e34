"""What an agent and an automation say outside of an answer, and to whom they may."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from nanobot.contracts.agent import Agent, Part, Text, Turn
from nanobot.contracts.channel import Limits
from nanobot.errors import InvalidServiceData
from nanobot.hub.bus import Event
from nanobot.hub.entry import Entry
from nanobot.hub.hub import Hub
from nanobot.testing.chat import Chat, Echo
from nanobot.testing.plugin import House, SetUp
from nanobot.testing.tools import Hands


@pytest.fixture
async def message(set_up: SetUp, hands: Hands, chat: Chat) -> Hands:
    """The tool, in the chat "test" of the channel "chat"."""
    await set_up("message")
    return hands


class Phone(Chat):
    limits = Limits(characters=4096, attachments=2, attachment_bytes=1000, buttons=True)


@pytest.fixture
async def phone(entry: Entry) -> Phone:
    """Another channel, which carries files and buttons; Anna (42) has written in it."""
    phone = Phone("phone", allow=frozenset({"42"}))
    entry.add(phone)
    entry.add(Echo("echo"))
    await phone.types("hello", sender="42", chat="42", sender_name="Anna")
    phone.sent.clear()
    return phone


# -- to this chat ---------------------------------------------------------------------------------


async def test_progress_goes_to_the_chat_of_the_turn(message: Hands, chat: Chat) -> None:
    assert await message("message", text="One moment …") == "Sent."
    await chat.wait_for(1)
    (sent,) = chat.sent
    assert (sent.text, sent.chat, sent.thread, sent.session) == ("One moment …", "test", None, "chat:test")


async def test_progress_stays_in_the_topic_of_the_turn(message: Hands, chat: Chat) -> None:
    turn = message.of(thread="7", session="chat:test:7")
    await turn("message", text="here", channel="chat", chat="test")
    await chat.wait_for(1)
    assert (chat.sent[0].thread, chat.sent[0].session) == ("7", "chat:test:7")


async def test_progress_arrives_before_the_answer(message: Hands, chat: Chat, entry: Entry) -> None:
    class Busy(Agent):
        async def respond(self, turn: Turn) -> AsyncIterator[Part]:
            await Hands(message.hub, turn)("message", text="looking …")
            yield Text("found it")

    entry.add(Busy("busy"))
    assert await chat.types("look") == "looking …"
    await chat.wait_for(2)
    assert chat.received == ["looking …", "found it"]


async def test_a_message_is_kept_while_the_channel_is_away(message: Hands, restart: Any, chat: Chat) -> None:
    turn = message.of(channel="telegram", chat="1", session="telegram:1")
    assert await turn("message", text="hi") == "telegram is not there right now; it is sent when it is back."
    house: House = await restart()
    assert [line.text for line in await house.hub.conversations.history("telegram:1")] == ["hi"]


async def test_its_cause_is_the_turn(message: Hands, hub: Hub, chat: Chat) -> None:
    sent: asyncio.Queue[Event] = asyncio.Queue()
    hub.bus.listen("message_sent", sent.put_nowait)
    await message("message", text="hi")
    event = await asyncio.wait_for(sent.get(), 5)
    assert event.context is not None
    assert event.context.actor == "agent"


async def test_nothing_to_say_is_told(message: Hands) -> None:
    assert await message.fails("message", text=" ") == "a message without text and attachments cannot be sent"


# -- buttons and files ----------------------------------------------------------------------------


async def test_buttons_are_offered(message: Hands, phone: Phone, chat: Chat) -> None:
    await message("message", text="Now?", buttons=["Yes", "No"], channel="phone", chat="42")
    await phone.wait_for(1)
    assert phone.sent[0].buttons == ("Yes", "No")
    await message("message", text="Now?", buttons=["Yes", "No"])
    await chat.wait_for(1)
    assert chat.received == ["Now?\n\n1. Yes\n2. No"]


@pytest.mark.parametrize(
    "buttons",
    [[""], ["x" * 61], ["x"] * 11, "Yes", [" /pair ABCD-EFGH"]],
    ids=["empty", "long", "many", "no list", "a command"],
)
async def test_impossible_buttons_are_told(message: Hands, buttons: object) -> None:
    assert (await message.fails("message", text="?", buttons=buttons)).startswith("The arguments of message are wrong:")


async def test_a_file_of_the_workspace_is_sent_as_it_is_now(
    message: Hands, phone: Phone, set_up: SetUp, hub: Hub
) -> None:
    await set_up("files")
    await message("write_file", path="plan.md", content="# Plan")
    received = await hub.media.keep("phone", "photo.txt", b"a photo")
    await message("message", text="", files=["plan.md", received.path], channel="phone", chat="42")
    await message("write_file", path="plan.md", content="# Other")
    await phone.wait_for(1)
    files = phone.sent[0].attachments
    assert [file.name for file in files] == ["plan.md", "photo.txt"]
    assert [hub.media.path_of(file).read_text() for file in files] == ["# Plan", "a photo"]


async def test_what_cannot_be_sent_is_told(message: Hands, phone: Phone, chat: Chat, set_up: SetUp) -> None:
    to_anna = {"text": "look", "channel": "phone", "chat": "42"}
    told = await message.fails("message", files=["plan.md"], **to_anna)
    assert told == "Files cannot be sent: the integration 'files' is not configured."
    await set_up("files")
    await message("write_file", path="plan.md", content="x" * 1001)
    told = await message.fails("message", files=["plan.mdx"], **to_anna)
    assert told == "There is no 'plan.mdx'. Did you mean 'plan.md'?"
    assert (
        await message.fails("message", files=["plan.md"], **to_anna)
        == "plan.md has 1001 B; phone carries 1000 B at most."
    )
    assert await message.fails("message", text="look", files=["plan.md"]) == "chat cannot carry files."
    assert "leads out of the workspace" in await message.fails("message", files=["../secrets.yaml"], **to_anna)
    assert phone.sent == chat.sent == []


async def test_a_guest_is_sent_nothing_of_the_workspace(message: Hands, phone: Phone, set_up: SetUp) -> None:
    await set_up("files")
    await message("write_file", path="diary", content="private")
    guest = message.of(owner=False, channel="phone", chat="42")
    assert "Only the people who run nanobot may use files" in await guest.fails("message", text="", files=["diary"])


# -- to others ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "whereto",
    [
        {"channel": "phone", "chat": "42"},
        {"channel": "phone", "chat": " 42 "},
        {"channel": "phone", "chat": "anna"},
        {"channel": "phone"},
    ],
    ids=["id", "blanks", "name", "the only one"],
)
async def test_a_chat_that_is_known_is_written_to(message: Hands, phone: Phone, whereto: dict[str, str]) -> None:
    assert await message("message", text="Dinner!", **whereto) == "Sent to 42 on phone."
    await phone.wait_for(1)
    assert (phone.sent[0].chat, phone.sent[0].text) == ("42", "Dinner!")


async def test_whom_the_list_of_a_channel_names_may_be_written_to(message: Hands, chat: Chat) -> None:
    await message("message", text="hi", chat="tester")
    await chat.wait_for(1)
    assert chat.sent[0].chat == "tester"


@pytest.mark.parametrize(
    ("whereto", "told"),
    [
        (
            {"channel": "phone", "chat": "666"},
            "There is no chat '666' that may be written to. There are: phone 42 (Anna).",
        ),
        ({"chat": "666"}, "Nobody on 'chat' has written to nanobot. There are: phone 42 (Anna)."),
        (
            {"channel": "phnoe", "chat": "42"},
            "Nobody on 'phnoe' has written to nanobot. Did you mean phone? There are: phone 42 (Anna).",
        ),
        ({"channel": "phone", "chat": "*"}, "There is no chat '*' that may be written to. There are: phone 42 (Anna)."),
    ],
    ids=["stranger", "stranger on this channel", "no such channel", "everybody"],
)
async def test_strangers_are_not_written_to(
    message: Hands, phone: Phone, chat: Chat, whereto: dict[str, str], told: str
) -> None:
    assert await message.fails("message", text="the secret", **whereto) == told
    assert phone.sent == chat.sent == []


async def test_two_of_the_same_name_are_told_apart(message: Hands, phone: Phone) -> None:
    phone.allow = frozenset({"42", "43"})
    await phone.types("me too", sender="43", chat="43", sender_name="Anna")
    told = await message.fails("message", text="hi", channel="phone", chat="Anna")
    assert told == "There is no chat 'Anna' that may be written to. There are: phone 43 (Anna); phone 42 (Anna)."
    assert await message.fails("message", text="hi", channel="phone") == (
        "Which chat is meant? There are: phone 43 (Anna); phone 42 (Anna)."
    )


async def test_a_stranger_at_the_door_does_not_become_a_contact(message: Hands, phone: Phone) -> None:
    with pytest.raises(Exception, match="not in"):
        await phone.says("let me in", sender="666", chat="666")
    assert "may be written to" in await message.fails("message", text="x", channel="phone", chat="666")


async def test_a_guest_writes_to_their_own_chat_alone(message: Hands, phone: Phone, chat: Chat) -> None:
    guest = message.of(owner=False)
    assert await guest("message", text="to me") == "Sent."
    for whereto in ({"channel": "phone", "chat": "42"}, {"channel": "phone"}, {"chat": "tester"}):
        told = await guest.fails("message", text="to others", **whereto)
        assert told == "Only the people who run nanobot may have it write to other chats."
    await chat.wait_for(1)
    assert chat.received == ["to me"]
    assert phone.sent == []


# -- the service ----------------------------------------------------------------------------------


async def test_an_automation_sends_a_message(house: House, chat: Chat) -> None:
    await house.start("""
message:
automation:
  - alias: Washing
    triggers: {trigger: event, event_type: washing_done}
    actions:
      - action: message.send
        data: {channel: chat, chat: 12345, text: "It is done.", buttons: [Thanks]}
""")
    house.hub.bus.fire("washing_done")
    await asyncio.wait_for(chat.wait_for(1), 5)
    assert (chat.sent[0].chat, chat.sent[0].text) == ("12345", "It is done.\n\n1. Thanks")


async def test_the_service_gives_the_id_of_the_message(message: Hands, hub: Hub, chat: Chat) -> None:
    data = {"channel": "chat", "chat": "1", "text": "hi", "thread": "7"}
    response = await hub.services.call("message", "send", data, return_response=True)
    assert response is not None
    assert await hub.conversations.delivered(response["id"], 5)
    assert chat.sent[0].thread == "7"
    service = hub.services.get("message", "send")
    assert service is not None
    assert service.admin


async def test_a_message_without_text_is_refused(message: Hands, hub: Hub) -> None:
    with pytest.raises(InvalidServiceData, match="text"):
        await hub.services.call("message", "send", {"channel": "chat", "chat": "1", "text": ""})


async def test_it_is_gone_when_it_is_not_configured(house: House) -> None:
    await house.start("message:\n")
    assert "message" in house.hub.tools
    await house.apply("nanobot:\n")
    assert "message" not in house.hub.tools
    assert not house.hub.services.has("message", "send")
