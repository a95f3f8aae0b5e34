"""What is sent arrives at Telegram: whole, in order, once; and every failure says what is to be done."""

from __future__ import annotations

import asyncio
import base64
import socket
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from typing import Any

import aiohttp
import httpx
import pytest

from integrations.telegram import pace
from integrations.telegram.connection import Connection
from integrations.telegram.options import SCHEMA
from integrations.telegram.sending import Sender
from nanobot.contracts.channel import Attachment, Outgoing
from nanobot.errors import NanobotError, NotReady, Refused
from nanobot.hub.entry import Entry
from nanobot.hub.hub import Hub
from nanobot.testing.plugin import SetUp
from nanobot.util.ids import ulid
from nanobot.util.split import utf16_units
from tests.servers.running import Server, running

from .phone import Phone

REPEATED = "(perhaps again)"
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with running("telegram") as server:
        yield server


@pytest.fixture
async def phone(server: Server) -> AsyncIterator[Phone]:
    async with aiohttp.ClientSession() as session:
        yield Phone(server.info, session)


def sender_of(hub: Hub, entry: Entry, connection: Connection) -> Sender:
    sender = Sender(connection.bot, entry, hub, {"streaming": False})
    sender.start()
    return sender


@pytest.fixture
async def connection(hub: Hub, phone: Phone) -> AsyncIterator[Connection]:
    connection = Connection(SCHEMA(phone.config), hub.scrubber)
    yield connection
    await connection.close()


@pytest.fixture
async def sender(hub: Hub, entry: Entry, connection: Connection) -> Sender:
    return sender_of(hub, entry, connection)


def to(chat: str, text: str = "", **more: Any) -> Outgoing:
    return Outgoing(id=ulid(), chat=chat, text=text, **more)


async def kept(hub: Hub, name: str, data: bytes, media_type: str) -> Attachment:
    return await hub.media.keep("test", name, data, media_type)


# -- texts ------------------------------------------------------------------------------------------


async def test_markdown_is_seen_as_what_it_means(sender: Sender, phone: Phone) -> None:
    chat = await phone.new_chat()
    receipt = await sender.send(to(chat, "**bold** and `code`"))
    (message,) = await phone.chat(chat)
    assert receipt.message_id == str(message["message_id"])
    assert message["text"] == "bold and code"
    assert [entity["type"] for entity in message["entities"]] == ["bold", "code"]


async def test_a_text_that_telegram_cannot_read_as_html_is_sent_as_it_is(sender: Sender, phone: Phone) -> None:
    chat = await phone.new_chat()
    await phone.fault(
        chat=chat, status=400, description="Bad Request: can't parse entities: Unsupported start tag at byte 5"
    )
    await sender.send(to(chat, "**bold** <x>"))
    assert await phone.texts(chat) == ["**bold** <x>"]


@pytest.mark.parametrize(
    "text",
    ["| " + "wide " * 30 + "| b |\n|---|---|\n" + "| 1 | 2 |\n" * 300, "- a\nb\n" * 800, "😀" * 4096, "x" * 4096],
    ids=["a wide table", "many indents", "emoji", "exactly"],
)
async def test_a_text_that_is_longer_on_telegram_than_it_was_is_sent_all_the_same(
    sender: Sender, phone: Phone, text: str
) -> None:
    chat = await phone.new_chat()
    await sender.send(to(chat, text, repeated=True))
    texts = await phone.texts(chat)
    assert all(utf16_units(one) <= 4096 for one in texts)
    for letter in "wb2😀x":
        assert "".join(texts).count(letter) == text.count(letter)
    assert texts[0].startswith(REPEATED)


async def test_a_long_answer_arrives_in_order_with_its_code_blocks_whole(hub: Hub, set_up: SetUp, phone: Phone) -> None:
    chat = await phone.new_chat()
    await set_up("telegram", {**phone.config, "allow": [chat]})
    code = "\n".join(f"print({number:05}) # 😀" for number in range(600))
    await hub.conversations.send("telegram", chat, f"Here it is:\n\n```python\n{code}\n```\n\nThat is **all**.")
    messages = await phone.receives(chat, 3)
    assert all(utf16_units(message["text"]) <= 4096 for message in messages)
    for message in messages:
        assert any(entity["type"] == "pre" for entity in message["entities"])
        assert "```" not in message["text"]
    assert messages[-1]["text"].endswith("That is all.")
    read = "\n".join(message["text"] for message in messages)
    assert [line for line in read.split("\n") if line.startswith("print")] == code.split("\n")


async def test_no_address_is_fetched_for_a_preview(sender: Sender, phone: Phone) -> None:
    """Telegram would ask for it at once: whatever talked a model into writing it would get what stands in it."""
    chat = await phone.new_chat()
    for text in ("see https://a.example/?secret=4711", "https://a.example and https://b.example", "README.md"):
        await sender.send(to(chat, text))
    options = [call["args"]["link_preview_options"] for call in await phone.calls(chat, "sendMessage")]
    assert [option.get("is_disabled", False) for option in options] == [True, True, True]


# -- where ------------------------------------------------------------------------------------------


async def test_in_a_group_an_answer_quotes_its_question_and_stays_in_its_topic(sender: Sender, phone: Phone) -> None:
    chat = await phone.new_chat(group=True)
    question = await phone.says(chat, "why?", thread_id=7)
    await sender.send(to(chat, "because", answers=str(question["message_id"]), thread="7"))
    await sender.send(to(chat, "of that", answers=str(question["message_id"]), thread="1", piece=2, pieces=2))
    first, second = await phone.chat(chat)
    assert first["reply_to_message"]["message_id"] == question["message_id"]
    assert first["message_thread_id"] == 7
    assert "reply_to_message" not in second, "one quote is enough"
    assert "message_thread_id" not in second, "the general topic has no thread"


async def test_in_a_private_chat_an_answer_quotes_only_where_it_is_not_clear_what_is_answered(
    hub: Hub, sender: Sender, phone: Phone
) -> None:
    chat = await phone.new_chat()
    question = await phone.says(chat, "why?")
    answers = str(question["message_id"])
    hub.bus.fire("message_received", {"channel": "test", "chat": chat, "id": "turn-1"})
    await sender.send(to(chat, "because", answers=answers, turn="turn-1"))
    hub.bus.fire("message_received", {"channel": "test", "chat": chat, "id": "turn-2"})
    await sender.send(to(chat, "late", answers=answers, turn="turn-1"))
    plain, quoting = await phone.chat(chat)
    assert "reply_to_message" not in plain
    assert quoting["reply_to_message"]["message_id"] == question["message_id"]


async def test_a_question_that_was_deleted_is_answered_all_the_same(sender: Sender, phone: Phone) -> None:
    chat = await phone.new_chat(group=True)
    await sender.send(to(chat, "because", answers="99999"))
    await phone.fault(chat=chat, status=400, description="Bad Request: message to be replied not found")
    await sender.send(to(chat, "and so", answers="99999"))
    assert await phone.texts(chat) == ["because", "and so"]


async def test_an_answer_to_a_topic_that_was_deleted_comes_outside_of_it(sender: Sender, phone: Phone) -> None:
    chat = await phone.new_chat(group=True)
    await phone.fault(chat=chat, status=400, description="Bad Request: message thread not found")
    await sender.send(to(chat, "because", thread="7"))
    (message,) = await phone.chat(chat)
    assert "message_thread_id" not in message


async def test_a_group_that_has_become_a_supergroup_is_followed(sender: Sender, phone: Phone) -> None:
    chat = await phone.new_chat(group=True)
    new = await phone.upgrades(chat)
    await sender.send(to(chat, "one"))
    await sender.send(to(chat, "two"))
    assert await phone.texts(new) == ["one", "two"]
    assert len(await phone.calls(chat, "sendMessage")) == 1, "the new id is remembered"


# -- failures ---------------------------------------------------------------------------------------


async def test_who_blocked_the_bot_gets_nothing_more(sender: Sender, phone: Phone) -> None:
    chat, group = await phone.new_chat(), await phone.new_chat(group=True)
    for one, sentence in ((chat, "the person has blocked the bot"), (group, "the bot was removed from the group")):
        await phone.removes_bot(one)
        with pytest.raises(Refused, match=sentence):
            await sender.send(to(one, "hello?"))
    with pytest.raises(Refused, match="Telegram knows no such chat, or the bot was never in it"):
        await sender.send(to("4711", "hello?"))


@pytest.mark.parametrize(
    ("fault", "error", "sentence"),
    [
        ({"status": 429, "retry_after": 30}, NotReady, "Telegram wants to be left alone for 30 s"),
        ({"status": 400, "description": "Bad Request: have no rights to send"}, Refused, "the bot may not write there"),
        ({"status": 400, "description": "Bad Request: WHATEVER"}, Refused, "Telegram does not take it: Whatever"),
        ({"status": 401, "description": "Unauthorized"}, NotReady, "Telegram refuses the token of the bot"),
        ({"status": 500, "description": "Internal Server Error"}, NanobotError, "did not say whether it took"),
        ({"status": 502, "description": "Bad Gateway"}, NanobotError, "did not say whether it took"),
        ({"drop": True}, NanobotError, "did not say whether it took the message: the connection broke off"),
    ],
    ids=["429", "no rights", "400", "401", "500", "502", "dropped"],
)
async def test_a_failure_says_whether_the_message_may_have_arrived(
    sender: Sender, phone: Phone, fault: dict[str, Any], error: type[NanobotError], sentence: str
) -> None:
    chat = await phone.new_chat()
    await phone.fault(chat=chat, **fault)
    with pytest.raises(NanobotError, match=sentence) as raised:
        await sender.send(to(chat, "text"))
    assert type(raised.value) is error
    assert getattr(raised.value, "retry_after", None) == fault.get("retry_after")
    assert await phone.texts(chat) == []


async def test_a_telegram_that_cannot_be_reached_surely_got_nothing(hub: Hub, entry: Entry) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        config = {"token": "1:SECRET-TOKEN", "base_url": f"http://127.0.0.1:{nobody.getsockname()[1]}"}
        connection = Connection(SCHEMA(config), hub.scrubber)
        with pytest.raises(NotReady, match="Telegram cannot be reached: no connection"):
            await sender_of(hub, entry, connection).send(to("5", "text"))
        await connection.close()
        with pytest.raises(NotReady, match="the connection to Telegram is closed"):
            await sender_of(hub, entry, connection).send(to("5", "text"))


async def test_a_telegram_that_hangs_may_have_the_message(sender: Sender, phone: Phone, connection: Connection) -> None:
    chat = await phone.new_chat()
    connection._calls._client.timeout = httpx.Timeout(5, read=0.2)
    await phone.fault(chat=chat, delay=0.5, drop=True)
    with pytest.raises(NanobotError, match="did not say whether it took the message: no answer in time") as raised:
        await sender.send(to(chat, "text"))
    assert type(raised.value) is NanobotError


@pytest.mark.parametrize(
    "cause",
    [httpx.InvalidURL("bad: http://t/bot{token}/x"), httpx.ReadError("GET http://t/bot{token}/x"), OSError("{token}")],
)
async def test_the_token_is_in_no_error(
    sender: Sender, phone: Phone, connection: Connection, monkeypatch: pytest.MonkeyPatch, cause: Exception
) -> None:
    async def fail(*_: Any, **__: Any) -> Any:
        raise type(cause)(str(cause).replace("{token}", token))

    token = connection.bot.token
    monkeypatch.setattr(connection._calls._client, "request", fail)
    with pytest.raises(NanobotError) as raised:
        await sender.send(to("5", "text"))
    assert token not in str(raised.value)
    with pytest.raises(NanobotError) as raised:
        await sender.typing("5")
    assert token not in str(raised.value)


async def test_what_may_have_arrived_is_marked_when_it_comes_again(hub: Hub, set_up: SetUp, phone: Phone) -> None:
    chat = await phone.new_chat()
    await set_up("telegram", {**phone.config, "allow": [chat]})
    await phone.fault(chat=chat, drop=True)
    await hub.conversations.send("telegram", chat, "**important**")
    await phone.receives(chat, 1)
    assert await phone.texts(chat) == [f"{REPEATED}\nimportant"]
    await phone.fault(chat=chat, status=429, retry_after=1)
    await hub.conversations.send("telegram", chat, "more")
    await phone.receives(chat, 2)
    assert await phone.texts(chat) == [f"{REPEATED}\nimportant", "more"]


async def test_a_message_is_marked_once_however_often_it_fails(sender: Sender, phone: Phone) -> None:
    chat = await phone.new_chat()
    await phone.fault(chat=chat, drop=True, times=2)
    message = to(chat, "text")
    for _ in range(2):
        with pytest.raises(NanobotError):
            await sender.send(message)
    await sender.send(message)
    assert await phone.texts(chat) == [f"{REPEATED}\ntext"]


async def test_a_429_in_the_middle_keeps_the_order(hub: Hub, set_up: SetUp, phone: Phone) -> None:
    chat = await phone.new_chat()
    await set_up("telegram", {**phone.config, "allow": [chat]})
    await hub.conversations.send("telegram", chat, "0")
    await phone.receives(chat, 1)
    await phone.fault(chat=chat, status=429, retry_after=1)
    for number in range(1, 4):
        await hub.conversations.send("telegram", chat, str(number))
    await phone.receives(chat, 4)
    assert await phone.texts(chat) == ["0", "1", "2", "3"]


# -- pace -------------------------------------------------------------------------------------------


async def test_many_messages_go_at_once_until_telegram_refuses_one_and_then_as_fast_as_it_allows(
    hub: Hub, set_up: SetUp
) -> None:
    with running("telegram", "--flood") as server:
        async with aiohttp.ClientSession() as session:
            phone = Phone(server.info, session)
            chats = [await phone.new_chat() for _ in range(3)]
            await set_up("telegram", {**phone.config, "allow": chats})
            for number in range(6):
                for chat in chats:
                    await hub.conversations.send("telegram", chat, str(number))
            for chat in chats:
                await phone.receives(chat, 6)
                assert await phone.texts(chat) == [str(number) for number in range(6)]
                assert len(await phone.calls(chat, "sendMessage")) <= 8, "it learned from the first refusal"


@pytest.mark.looptime
async def test_answers_are_not_held_back_before_telegram_has_refused_one(looptime: Any) -> None:
    pacer = pace.Pace()
    for _ in range(40):
        async with pacer.turn("-5"):
            pass
    assert float(looptime) == 0
    assert pacer.delay("-5", spare=True) > 30, "what may be left out never is the one that is refused"


@pytest.mark.looptime
async def test_a_group_that_was_refused_one_gets_20_messages_a_minute(looptime: Any) -> None:
    pacer = pace.Pace()
    pacer.hold("-5", 0)
    times = []
    for _ in range(20):
        async with pacer.turn("-5"):
            pass
        times.append(float(looptime))
    assert times[:3] == [0, 0, 0], "a burst"
    assert times[3:5] == pytest.approx([1.05, 2.1])
    assert times[19] < 20
    with pytest.raises(NotReady) as raised:
        async with pacer.turn("-5"):
            pass
    assert raised.value.retry_after == pytest.approx(61 - times[19])
    async with pacer.turn("5"):
        pass
    assert float(looptime) == times[19], "others do not wait"


@pytest.mark.looptime
async def test_what_telegram_asks_for_is_kept_to(looptime: Any) -> None:
    pacer = pace.Pace()
    pacer.hold("5", 4)
    for chat in ("5", "6"):
        async with pacer.turn(chat):
            assert float(looptime) == 4
    pacer.hold("5", 40)
    with pytest.raises(NotReady):
        async with pacer.turn("5"):
            pass


@pytest.mark.looptime
async def test_a_slow_line_counts_as_the_time_of_the_message(looptime: Any) -> None:
    pacer = pace.Pace()
    pacer.hold("5", 0)
    for _ in range(3):
        async with pacer.turn("5"):
            await asyncio.sleep(1)
    async with pacer.turn("5"):
        assert float(looptime) == pytest.approx(3)
    async with pacer.turn("5"):
        await asyncio.sleep(60)
    async with pacer.turn("5"):
        assert float(looptime) < 65, "a long upload is one message like any other"


@pytest.mark.looptime
async def test_all_chats_together_get_30_messages_a_second_after_a_refusal(looptime: Any) -> None:
    pacer = pace.Pace()
    pacer.hold("999", 0)

    async def send(chat: int) -> None:
        async with pacer.turn(str(chat)):
            pass

    await asyncio.gather(*map(send, range(1, 91)))
    assert float(looptime) == pytest.approx(2, abs=0.1)


@pytest.mark.looptime
async def test_idle_chats_are_forgotten(looptime: Any) -> None:
    pacer = pace.Pace()
    for chat in range(1, 2000):
        async with pacer.turn(str(chat)):
            await asyncio.sleep(0.5)
    assert len(pacer._chats) <= pace.FORGET_ABOVE


# -- files ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "media_type", "method"),
    [
        ("cat.png", "image/png", "sendPhoto"),
        ("cat.gif", "image/gif", "sendAnimation"),
        ("cat.mp4", "video/mp4", "sendVideo"),
        ("note.ogg", "audio/ogg", "sendVoice"),
        ("song.mp3", "audio/mpeg", "sendAudio"),
        ("list.pdf", "application/pdf", "sendDocument"),
        ("drawing.svg", "image/svg+xml", "sendDocument"),
    ],
)
async def test_a_file_is_shown_as_what_it_is(
    hub: Hub, sender: Sender, phone: Phone, name: str, media_type: str, method: str
) -> None:
    chat = await phone.new_chat()
    file = await kept(hub, name, PNG, media_type)
    attachment = Attachment(file.path, name, media_type, file.size_bytes)
    await sender.send(to(chat, "**Look**", attachments=(attachment,)))
    (call,) = await phone.calls(chat, method)
    assert list(call["uploads"].values()) == [[name, len(PNG)]]
    (message,) = await phone.chat(chat)
    assert message["caption"] == "Look"
    assert message["caption_entities"][0]["type"] == "bold"


async def test_photos_and_videos_come_as_an_album_and_the_rest_behind_it(
    hub: Hub, sender: Sender, phone: Phone
) -> None:
    chat = await phone.new_chat()
    pictures = [await kept(hub, f"{number}.png", PNG, "image/png") for number in range(3)]
    text = await kept(hub, "list.txt", b"milk", "text/plain")
    await sender.send(to(chat, "Look", attachments=(pictures[0], text, *pictures[1:])))
    messages = await phone.chat(chat)
    assert [message.get("caption", "") for message in messages] == ["Look", "", "", ""]
    assert len({message.get("media_group_id") for message in messages[:3]}) == 1
    assert messages[3]["document"]["file_name"].endswith("list.txt")


async def test_a_text_that_is_no_caption_comes_before_the_file(hub: Hub, sender: Sender, phone: Phone) -> None:
    chat = await phone.new_chat()
    picture = await kept(hub, "cat.png", PNG, "image/png")
    await sender.send(to(chat, "x" * 1024, attachments=(picture,)))
    await sender.send(to(chat, "y" * 1025, attachments=(picture,)))
    with_caption, text, alone = await phone.chat(chat)
    assert with_caption["caption"] == "x" * 1024
    assert text["text"] == "y" * 1025
    assert "caption" not in alone


async def test_a_photo_that_telegram_cannot_show_comes_as_a_document(hub: Hub, sender: Sender, phone: Phone) -> None:
    chat = await phone.new_chat()
    pictures = tuple([await kept(hub, f"{number}.png", PNG, "image/png") for number in range(2)])
    await phone.fault("sendPhoto", chat=chat, status=400, description="Bad Request: PHOTO_INVALID_DIMENSIONS")
    await sender.send(to(chat, "one", attachments=pictures[:1]))
    await phone.fault("sendMediaGroup", chat=chat, status=400, description="Bad Request: PHOTO_INVALID_DIMENSIONS")
    await sender.send(to(chat, "two", attachments=pictures))
    messages = await phone.chat(chat)
    assert ["document" in message for message in messages] == [True, True, True]
    assert [message.get("caption") for message in messages] == ["one", "two", None]


async def test_a_large_photo_comes_as_a_document_and_a_larger_file_is_refused(
    hub: Hub, sender: Sender, phone: Phone
) -> None:
    chat = await phone.new_chat()
    file = await kept(hub, "large.png", PNG, "image/png")
    path = hub.media.path_of(file)
    with path.open("r+b") as handle:
        handle.truncate(11 * 1024 * 1024)
    await sender.send(to(chat, attachments=(file,)))
    assert len(await phone.calls(chat, "sendDocument")) == 1
    with path.open("r+b") as handle:
        handle.truncate(51 * 1024 * 1024)
    with pytest.raises(Refused, match=r"large\.png has 51 MB; Telegram takes 50"):
        await sender.send(to(chat, attachments=(file,)))


async def test_an_empty_file_is_named_and_the_text_arrives(hub: Hub, sender: Sender, phone: Phone) -> None:
    chat = await phone.new_chat()
    empty = await kept(hub, "empty.txt", b"", "text/plain")
    await sender.send(to(chat, "done", attachments=(empty,)))
    assert await phone.texts(chat) == ["done\n[empty.txt]"]


async def test_what_was_sent_of_a_message_is_not_sent_again(hub: Hub, sender: Sender, phone: Phone) -> None:
    chat = await phone.new_chat()
    picture = await kept(hub, "cat.png", PNG, "image/png")
    text = await kept(hub, "list.txt", b"milk", "text/plain")
    message = to(chat, "Look", attachments=(picture, text))
    await phone.fault("sendDocument", chat=chat, status=429, retry_after=1)
    with pytest.raises(NanobotError, match="a part of the message was sent; the rest waits") as raised:
        await sender.send(message)
    assert not isinstance(raised.value, NotReady), "a crash now would send the picture again, unmarked"
    assert getattr(raised.value, "retry_after", None) == 1
    await sender.send(replace(message, repeated=True))
    first, second = await phone.chat(chat)
    assert "photo" in first
    assert "document" in second
    assert REPEATED not in str(second)


async def test_a_message_whose_file_has_gone_meanwhile_is_planned_anew(hub: Hub, sender: Sender, phone: Phone) -> None:
    chat = await phone.new_chat()
    picture = await kept(hub, "cat.png", PNG, "image/png")
    message = to(chat, "Look", attachments=(picture,))
    await phone.fault("sendPhoto", chat=chat, status=429, retry_after=1)
    with pytest.raises(NotReady):
        await sender.send(message)
    hub.media.path_of(picture).unlink()
    await sender.send(replace(message, text="Look\n[cat.png is gone]", attachments=()))
    assert await phone.texts(chat) == ["Look\n[cat.png is gone]"]


# -- buttons and typing -------------------------------------------------------------------------------


async def test_buttons_stand_below_the_last_text(hub: Hub, sender: Sender, phone: Phone) -> None:
    chat = await phone.new_chat()
    labels = ("Yes", "No", "Maybe", "Ask me again tomorrow morning")
    await sender.send(to(chat, "Sure?", buttons=labels))
    (message,) = await phone.chat(chat)
    rows = message["reply_markup"]["inline_keyboard"]
    assert [[button["text"] for button in row] for row in rows] == [["Yes", "No", "Maybe"], [labels[3]]]
    assert [button["callback_data"] for row in rows for button in row] == ["b:0", "b:1", "b:2", "b:3"]


async def test_buttons_and_an_album_come_as_two_messages(hub: Hub, sender: Sender, phone: Phone) -> None:
    chat = await phone.new_chat()
    pictures = tuple([await kept(hub, f"{number}.png", PNG, "image/png") for number in range(2)])
    await sender.send(to(chat, "Which?", attachments=pictures, buttons=("Left", "Right")))
    await sender.send(to(chat, "This?", attachments=pictures[:1], buttons=("Yes",)))
    await sender.send(to(chat, attachments=pictures, buttons=("Yes",)))
    messages = await phone.chat(chat)
    assert ["reply_markup" in message for message in messages] == [True, False, False, True, True, False]
    assert messages[3]["caption"] == "This?"


async def test_typing_is_shown_in_the_topic(sender: Sender, phone: Phone) -> None:
    chat = await phone.new_chat(group=True)
    await sender.typing(chat, "7")
    (call,) = await phone.calls(chat, "sendChatAction")
    assert (call["args"]["action"], call["args"]["message_thread_id"]) == ("typing", 7)
