"""An answer can be read while it is written, and in the end it is there exactly once."""

from __future__ import annotations

import asyncio
import base64
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import replace
from typing import Any

import aiohttp
import pytest

from integrations.telegram import drafts
from integrations.telegram.connection import Connection
from integrations.telegram.options import SCHEMA
from integrations.telegram.sending import Sender
from nanobot.contracts.agent import Agent, Part, Retract, Text, Turn
from nanobot.contracts.channel import Outgoing
from nanobot.errors import NanobotError
from nanobot.hub.entry import Entry, EntryState
from nanobot.hub.hub import Hub
from nanobot.testing.plugin import House, SetUp
from nanobot.util.ids import ulid
from tests.servers.running import Server, running

from .phone import Phone

FIRST = "This is the first sentence of a long answer."
SECOND = " This is **the second** one."
WHOLE = "This is the first sentence of a long answer. This is the second one."
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


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drafts, "FIRST_AFTER", 0.05)
    monkeypatch.setattr(drafts, "EVERY", 0.05)


class Talk:
    """A turn in one chat, said piece by piece to a sender: what the hub does, step by step."""

    def __init__(self, hub: Hub, sender: Sender, phone: Phone, chat: str, channel: str = "test", **more: Any) -> None:
        self.hub, self.sender, self.phone, self.chat = hub, sender, phone, chat
        self.turn = ulid()
        self._data = {"turn": self.turn, "channel": channel, "chat": chat, "thread": None, "message_id": None, **more}

    def begins(self) -> None:
        self.hub.bus.fire("turn_started", self._data)

    def says(self, text: str, kind: str = "text") -> None:
        self.hub.bus.fire("turn_progress", {**self._data, "kind": kind, "text": text})

    def ends(self, outcome: str) -> None:
        self.hub.bus.fire("turn_finished", {**self._data, "outcome": outcome})

    async def shows(self, text: str) -> None:
        """Until the person reads this draft."""
        await self.phone.until(self.chat, text + drafts.GOES_ON)

    def answer(self, text: str, **more: Any) -> Outgoing:
        return Outgoing(id=ulid(), chat=self.chat, text=text, turn=self.turn, **more)


@pytest.fixture
async def connection(hub: Hub, phone: Phone) -> AsyncIterator[Connection]:
    connection = Connection(SCHEMA(phone.config), hub.scrubber)
    yield connection
    await connection.close()


@pytest.fixture
async def sender(hub: Hub, entry: Entry, connection: Connection) -> Sender:
    sender = Sender(connection.bot, entry, hub, {"streaming": True})
    sender.start()
    return sender


@pytest.fixture
async def talk(hub: Hub, sender: Sender, phone: Phone) -> Talk:
    talk = Talk(hub, sender, phone, await phone.new_chat())
    talk.begins()
    return talk


# -- one turn ---------------------------------------------------------------------------------------


async def test_an_answer_grows_in_one_message_and_becomes_the_answer(talk: Talk, phone: Phone) -> None:
    talk.says(FIRST)
    await talk.shows(FIRST)
    talk.says(SECOND)
    await talk.shows(FIRST + SECOND)
    receipt = await talk.sender.send(talk.answer(FIRST + SECOND))
    talk.ends("answered")
    (message,) = await phone.chat(talk.chat)
    assert message["text"] == WHOLE
    assert [entity["type"] for entity in message["entities"]] == ["bold"]
    assert receipt.message_id == str(message["message_id"])
    assert len(await phone.calls(talk.chat, "sendMessage")) == 1


async def test_a_short_or_quick_answer_has_no_draft(talk: Talk, phone: Phone, monkeypatch: pytest.MonkeyPatch) -> None:
    talk.says("It is noon.")
    await asyncio.sleep(0.3)
    await talk.sender.send(talk.answer("It is noon."))
    monkeypatch.setattr(drafts, "FIRST_AFTER", 1.0)
    quick = Talk(talk.hub, talk.sender, phone, talk.chat)
    quick.begins()
    quick.says(FIRST)
    await quick.sender.send(quick.answer(FIRST))
    assert await phone.texts(talk.chat) == ["It is noon.", FIRST]
    assert await phone.calls(talk.chat, "editMessageText") == []


async def test_a_draft_is_edited_at_a_measured_pace(talk: Talk, phone: Phone, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drafts, "EVERY", 0.6)
    talk.says(FIRST)
    for number in range(40):
        talk.says(f" {number}")
        await asyncio.sleep(0.05)
    await talk.sender.send(talk.answer(FIRST))
    calls = await phone.calls(talk.chat, "sendMessage", "editMessageText")
    times = [call["time"] for call in calls[:-1]]
    assert 2 <= len(times) <= 5
    assert all(later - earlier > 0.55 for earlier, later in itertools.pairwise(times))


async def test_a_draft_in_a_group_stands_where_its_answer_does(hub: Hub, sender: Sender, phone: Phone) -> None:
    chat = await phone.new_chat(group=True)
    question = await phone.says(chat, "@test_bot why?", thread_id=7)
    talk = Talk(hub, sender, phone, chat, thread="7", message_id=str(question["message_id"]))
    talk.begins()
    talk.says(FIRST)
    await talk.shows(FIRST)
    await sender.send(talk.answer(FIRST, thread="7", answers=str(question["message_id"])))
    (message,) = await phone.chat(chat)
    assert message["text"] == FIRST
    assert message["message_thread_id"] == 7
    assert message["reply_to_message"]["message_id"] == question["message_id"]


async def test_what_is_void_is_replaced_by_what_comes_instead(talk: Talk, phone: Phone) -> None:
    talk.says(FIRST)
    await talk.shows(FIRST)
    talk.says("", "retract")
    talk.says("thoughts", "thinking")
    talk.says("clock", "tool")
    talk.says("Rather something else.")
    await talk.shows("Rather something else.")
    await talk.sender.send(talk.answer("Rather something else."))
    assert await phone.texts(talk.chat) == ["Rather something else."]


async def test_a_long_answer_goes_on_in_new_messages(hub: Hub, set_up: SetUp, phone: Phone) -> None:
    chat = await phone.new_chat()
    agent = await speaking(hub, set_up, phone, chat)
    await phone.says(chat, "tell me")
    agent.say(FIRST)
    await phone.until(chat, FIRST + drafts.GOES_ON)
    agent.say(" word" * 2000, None)
    messages = await phone.receives(chat, 3)
    assert (FIRST + " word" * 2000).split() == " ".join(message["text"] for message in messages).split()
    assert len(await phone.calls(chat, "sendMessage")) == 3


async def test_a_draft_that_would_become_too_long_waits_for_the_answer(talk: Talk, phone: Phone) -> None:
    talk.says(FIRST)
    await talk.shows(FIRST)
    talk.says(" word" * 900)
    await asyncio.sleep(0.3)
    assert await phone.texts(talk.chat) == [FIRST + drafts.GOES_ON]
    await talk.sender.send(talk.answer(FIRST))
    assert await phone.texts(talk.chat) == [FIRST]


async def test_without_streaming_there_is_no_draft(
    hub: Hub, entry: Entry, connection: Connection, phone: Phone
) -> None:
    sender = Sender(connection.bot, entry, hub, {"streaming": False})
    sender.start()
    talk = Talk(hub, sender, phone, await phone.new_chat())
    talk.begins()
    talk.says(FIRST)
    await asyncio.sleep(0.3)
    await sender.send(talk.answer(FIRST))
    assert [call["method"] for call in await phone.calls(talk.chat)] == ["sendMessage"]


async def test_typing_is_not_shown_where_the_answer_can_be_seen_growing(talk: Talk, phone: Phone) -> None:
    await talk.sender.typing(talk.chat)
    talk.says(FIRST)
    await talk.shows(FIRST)
    await talk.sender.typing(talk.chat)
    assert len(await phone.calls(talk.chat, "sendChatAction")) == 1


# -- answers of other kinds -------------------------------------------------------------------------


async def test_buttons_appear_below_what_was_the_draft(talk: Talk, phone: Phone) -> None:
    talk.says(FIRST)
    await talk.shows(FIRST)
    await talk.sender.send(talk.answer(FIRST, buttons=("Yes", "No")))
    (message,) = await phone.chat(talk.chat)
    assert [button["text"] for button in message["reply_markup"]["inline_keyboard"][0]] == ["Yes", "No"]


async def test_an_answer_with_a_picture_takes_the_place_of_the_draft(hub: Hub, talk: Talk, phone: Phone) -> None:
    talk.says(FIRST)
    await talk.shows(FIRST)
    picture = await hub.media.keep("test", "cat.png", PNG, "image/png")
    await talk.sender.send(talk.answer(FIRST, attachments=(picture,)))
    (message,) = await phone.chat(talk.chat)
    assert message["caption"] == FIRST


async def test_a_stopped_answer_stays_as_far_as_it_got(hub: Hub, set_up: SetUp, phone: Phone) -> None:
    chat = await phone.new_chat()
    agent = await speaking(hub, set_up, phone, chat)
    await phone.says(chat, "tell me")
    agent.say(FIRST)
    await phone.until(chat, FIRST + drafts.GOES_ON)
    agent.say(SECOND)
    await asyncio.sleep(0)
    await phone.says(chat, "/stop")
    await phone.until(chat, FIRST + SECOND + drafts.GOES_ON)
    await phone.receives(chat, 2)


async def test_a_turn_without_an_answer_leaves_nothing_behind(talk: Talk, phone: Phone) -> None:
    talk.says(FIRST)
    await talk.shows(FIRST)
    talk.ends("empty")
    async with asyncio.timeout(5):
        while await phone.texts(talk.chat):
            await asyncio.sleep(0.02)


# -- failures ---------------------------------------------------------------------------------------


async def test_a_draft_that_the_person_deleted_comes_back_as_the_answer(
    talk: Talk, phone: Phone, connection: Connection
) -> None:
    talk.says(FIRST)
    await talk.shows(FIRST)
    (message,) = await phone.chat(talk.chat)
    await connection.bot.delete_message(int(talk.chat), message["message_id"])
    await talk.sender.send(talk.answer(FIRST))
    assert await phone.texts(talk.chat) == [FIRST]


async def test_an_answer_whose_last_edit_is_uncertain_is_there_once_and_unmarked(talk: Talk, phone: Phone) -> None:
    talk.says(FIRST)
    await talk.shows(FIRST)
    answer = talk.answer(FIRST + SECOND)
    await phone.fault("editMessageText", chat=talk.chat, drop=True)
    with pytest.raises(NanobotError):
        await talk.sender.send(answer)
    again = replace(answer, repeated=True)
    await talk.sender.send(again)
    await talk.sender.send(again)
    assert await phone.texts(talk.chat) == [WHOLE]


async def test_a_draft_that_cannot_be_read_as_html_becomes_the_plain_answer(talk: Talk, phone: Phone) -> None:
    talk.says(FIRST)
    await talk.shows(FIRST)
    await phone.fault(
        "editMessageText", chat=talk.chat, status=400, description="Bad Request: can't parse entities: whatever"
    )
    await talk.sender.send(talk.answer(FIRST + SECOND))
    assert await phone.texts(talk.chat) == [FIRST + SECOND]


async def test_a_draft_whose_sending_is_uncertain_is_not_tried_again_and_the_answer_marked(
    talk: Talk, phone: Phone
) -> None:
    await phone.fault("sendMessage", chat=talk.chat, drop=True)
    talk.says(FIRST)
    await asyncio.sleep(0.3)
    talk.says(SECOND)
    await asyncio.sleep(0.3)
    await talk.sender.send(talk.answer(FIRST + SECOND))
    assert await phone.texts(talk.chat) == [f"(perhaps again)\n{WHOLE}"]


async def test_a_draft_that_telegram_surely_did_not_take_leaves_no_mark(talk: Talk, phone: Phone) -> None:
    await phone.fault("sendMessage", chat=talk.chat, status=429, retry_after=1)
    talk.says(FIRST)
    await asyncio.sleep(0.3)
    await talk.sender.send(talk.answer(FIRST + SECOND))
    assert await phone.texts(talk.chat) == [WHOLE]


async def test_telegram_wanting_to_be_left_alone_holds_drafts_not_answers(talk: Talk, phone: Phone) -> None:
    talk.says(FIRST)
    await talk.shows(FIRST)
    await phone.fault("editMessageText", chat=talk.chat, status=429, retry_after=1)
    for _ in range(10):
        talk.says(" and more")
        await asyncio.sleep(0.05)
    await talk.sender.send(talk.answer(FIRST + SECOND))
    assert await phone.texts(talk.chat) == [WHOLE]


async def test_a_draft_that_is_slow_to_arrive_does_not_come_after_the_answer(talk: Talk, phone: Phone) -> None:
    await phone.fault("sendMessage", chat=talk.chat, delay=0.6)
    talk.says(FIRST)
    await asyncio.sleep(0.3)
    await talk.sender.send(talk.answer(FIRST + SECOND))
    assert await phone.texts(talk.chat) == [WHOLE]


async def test_drafts_keep_clear_of_the_limits_of_telegram(hub: Hub, set_up: SetUp) -> None:
    with running("telegram", "--flood") as server:
        async with aiohttp.ClientSession() as session:
            phone = Phone(server.info, session)
            chat = await phone.new_chat()
            agent = await speaking(hub, set_up, phone, chat)
            await phone.says(chat, "tell me")
            for number in range(60):
                agent.say(f"This is sentence {number}. ")
                await asyncio.sleep(0.05)
            agent.say(None)
            whole = "".join(f"This is sentence {number}. " for number in range(60)).strip()
            await phone.until(chat, whole)
            assert await phone.texts(chat) == [whole]
            calls = await phone.calls(chat, "sendMessage", "editMessageText")
            assert 4 <= len(calls) <= 8, "three at once, then one a second"


# -- restarts ---------------------------------------------------------------------------------------


Killed = Callable[..., Awaitable[Sender]]


@pytest.fixture
async def killed(hub: Hub, entry: Entry, phone: Phone) -> AsyncIterator[Killed]:
    """Another sender that finds what the first one has on disk, as after a kill: the first one does nothing more.

    With ``noted``, that is after the number of each message in the chat is on disk.
    """
    left: list[tuple[Entry, Connection]] = []
    kept = hub.config_dir / ".storage" / "test.drafts.json"

    async def killed(*, noted: bool = True) -> Sender:
        async with asyncio.timeout(5):
            while noted and '"message_id":null' in kept.read_text(encoding="utf-8").replace(" ", ""):
                await asyncio.sleep(0.01)
        for event in ("turn_started", "turn_progress", "turn_finished"):
            hub.bus._listeners.pop(event, None)
        hub.bus._routes.clear()
        await entry.tasks.cancel()
        another = Entry(hub, "test", "test", {})
        another.turn(EntryState.LOADED)
        connection = Connection(SCHEMA(phone.config), hub.scrubber)
        left.append((another, connection))
        sender = Sender(connection.bot, another, hub, {"streaming": True})
        sender.start()
        return sender

    yield killed
    for another, connection in left:
        await another.release()
        await connection.close()


async def test_after_a_kill_the_answer_takes_the_draft(talk: Talk, phone: Phone, killed: Killed) -> None:
    talk.says(FIRST)
    await talk.shows(FIRST)
    await (await killed()).send(talk.answer(FIRST + SECOND, repeated=True))
    assert await phone.texts(talk.chat) == [WHOLE]


async def test_after_a_kill_while_a_draft_was_sent_the_answer_is_marked_and_no_other_draft_is_shown(
    talk: Talk, phone: Phone, killed: Killed, monkeypatch: pytest.MonkeyPatch
) -> None:
    still_on_its_way = asyncio.Event()
    monkeypatch.setattr(talk.sender._drafts._kept, "arrived", lambda *_: still_on_its_way.wait())
    talk.says(FIRST)
    await talk.shows(FIRST)
    sender = await killed(noted=False)
    talk.begins()
    talk.says(FIRST)
    await asyncio.sleep(0.3)
    await sender.send(talk.answer(FIRST + SECOND))
    assert await phone.texts(talk.chat) == [FIRST + drafts.GOES_ON, f"(perhaps again)\n{WHOLE}"]
    await sender.send(talk.answer("And more."))
    assert (await phone.texts(talk.chat))[-1] == "And more."


async def test_after_a_kill_the_turn_goes_on_in_its_draft(talk: Talk, phone: Phone, killed: Killed) -> None:
    talk.says(FIRST)
    await talk.shows(FIRST)
    sender = await killed()
    talk.begins()
    talk.says("Something else.")
    await talk.shows("Something else.")
    await sender.send(talk.answer("Something else."))
    assert await phone.texts(talk.chat) == ["Something else."]


async def test_after_a_kill_an_answer_that_was_sent_is_neither_repeated_nor_deleted(
    talk: Talk, phone: Phone, killed: Killed
) -> None:
    talk.says(FIRST)
    await talk.shows(FIRST)
    answer = talk.answer(FIRST + SECOND)
    await talk.sender.send(answer)
    sender = await killed()
    assert await phone.texts(talk.chat) == [WHOLE]
    await sender.send(replace(answer, repeated=True))
    assert await phone.texts(talk.chat) == [WHOLE]


async def test_after_a_kill_what_was_to_be_deleted_is_deleted(
    hub: Hub, talk: Talk, phone: Phone, killed: Killed
) -> None:
    talk.says(FIRST)
    await talk.shows(FIRST)
    kept = hub.config_dir / ".storage" / "test.drafts.json"
    talk.sender._calls._pace.hold(talk.chat, 60)
    talk.ends("empty")
    async with asyncio.timeout(5):
        while '"void":true' not in kept.read_text(encoding="utf-8").replace(" ", ""):
            await asyncio.sleep(0.02)
    assert len(await phone.texts(talk.chat)) == 1
    await killed()
    async with asyncio.timeout(5):
        while await phone.texts(talk.chat):
            await asyncio.sleep(0.02)


async def test_a_channel_that_is_reloaded_goes_on_in_the_draft(
    house: House, hub: Hub, set_up: SetUp, phone: Phone
) -> None:
    chat = await phone.new_chat()
    agent = await speaking(hub, set_up, phone, chat)
    await phone.says(chat, "tell me")
    agent.say(FIRST)
    await phone.until(chat, FIRST + drafts.GOES_ON)
    await house.edits.wait(house.edits.request(restart=["telegram"]))
    agent.say(SECOND, None)
    await phone.until(chat, WHOLE)
    assert await phone.texts(chat) == [WHOLE]


async def test_a_draft_does_not_come_before_an_earlier_answer_that_is_slow_to_arrive(
    hub: Hub, set_up: SetUp, phone: Phone
) -> None:
    chat = await phone.new_chat()
    agent = await speaking(hub, set_up, phone, chat)
    await phone.fault(chat=chat, delay=0.5)
    await phone.says(chat, "a question")
    await phone.says(chat, "tell me")
    agent.say("a quick answer", None, FIRST)
    await phone.until(chat, "a quick answer")
    agent.say(SECOND)
    await phone.until(chat, FIRST + SECOND + drafts.GOES_ON)
    agent.say(None)
    await phone.until(chat, WHOLE)
    assert await phone.texts(chat) == ["a quick answer", WHOLE]


async def test_a_draft_that_waits_for_an_earlier_answer_comes_without_any_more_words(
    hub: Hub, set_up: SetUp, phone: Phone
) -> None:
    chat = await phone.new_chat()
    agent = await speaking(hub, set_up, phone, chat)
    await phone.fault(chat=chat, delay=0.5)
    await phone.says(chat, "a question")
    await phone.says(chat, "tell me")
    agent.say("a quick answer", None, FIRST + SECOND)
    await phone.until(chat, FIRST + SECOND + drafts.GOES_ON)
    agent.say(None)
    await phone.until(chat, WHOLE)
    assert await phone.texts(chat) == ["a quick answer", WHOLE]


async def test_a_stop_of_nanobot_in_the_middle_is_made_up_for_in_the_same_message(
    house: House, hub: Hub, set_up: SetUp, phone: Phone, restart: Callable[[], Awaitable[House]]
) -> None:
    chat = await phone.new_chat()
    agent = await speaking(hub, set_up, phone, chat)
    hub.conversations.close_limit = 0.1
    await phone.says(chat, "tell me")
    agent.say(FIRST)
    await phone.until(chat, FIRST + drafts.GOES_ON)
    house = await restart()
    agent = Speaker()
    owner = Entry(house.hub, "speaker", "speaker", {})
    owner.add(agent)
    agent.say(FIRST, SECOND, None)
    await phone.until(chat, WHOLE)
    assert await phone.texts(chat) == [WHOLE]
    await owner.release()


class Speaker(Agent):
    """Says what it is told to say, piece by piece; None ends the answer."""

    def __init__(self) -> None:
        super().__init__("speaker")
        self._pieces: asyncio.Queue[str | None] = asyncio.Queue()

    def say(self, *pieces: str | None) -> None:
        for piece in pieces:
            self._pieces.put_nowait(piece)

    async def respond(self, turn: Turn) -> AsyncIterator[Part]:
        if turn.text == "hello":
            return
        while (piece := await self._pieces.get()) is not None:
            yield Text(piece) if piece else Retract()


async def speaking(hub: Hub, set_up: SetUp, phone: Phone, chat: str) -> Speaker:
    """Telegram, with an agent that a test lets speak."""
    agent = Speaker()
    hub.entries["test"] = entry = Entry(hub, "test", "test", {})
    entry.add(agent)
    await set_up("telegram", {**phone.config, "allow": [chat], "pairing": False})
    return agent
