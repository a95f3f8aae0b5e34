"""The console: seats at chats, taken from any terminal."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from nanobot.contracts.agent import Agent, Retract, Text, Turn
from nanobot.contracts.command import Connection
from nanobot.errors import NanobotError
from nanobot.hub.context import Context
from nanobot.hub.entry import Entry
from nanobot.lifecycle.control import run_command
from nanobot.testing.chat import Echo
from nanobot.testing.plugin import House, SetUp
from tests.conversations.talk import Says


class Client(Connection):
    """A connected client that remembers what it is sent."""

    def __init__(self, house: House) -> None:
        self.hub = house.hub
        self.context = Context(actor="user")
        self.events: asyncio.Queue[Mapping[str, Any]] = asyncio.Queue()
        self._undo: list[Any] = []

    async def send(self, message: Mapping[str, Any]) -> None:
        await self.events.put(message)

    def on_close(self, undo: Any) -> None:
        self._undo.append(undo)

    def close(self) -> None:
        for undo in self._undo:
            undo()

    async def call(self, name: str, **data: Any) -> Any:
        command = self.hub.commands.get(name)
        assert command is not None
        return await run_command(command, self, data)

    async def next(self, kind: str) -> Mapping[str, Any]:
        """The next event of that kind."""
        async with asyncio.timeout(10):
            while True:
                event = await self.events.get()
                if event["kind"] == kind:
                    return event


class Slow(Agent):
    """Says a word, and the next one when it is let go."""

    def __init__(self) -> None:
        super().__init__("slow")
        self.let_go = asyncio.Event()

    async def respond(self, turn: Turn) -> Any:
        yield Text("one ")
        await self.let_go.wait()
        yield Text("two")


@pytest.fixture
async def console(set_up: SetUp) -> Entry:
    return await set_up("console")


async def test_what_is_said_is_answered_at_the_same_seat(house: House, console: Entry, entry: Entry) -> None:
    entry.add(Echo("echo"))
    client = Client(house)
    seat = await client.call("chat")
    assert (seat["chat"], seat["session"], seat["language"]) == ("terminal", "console:terminal", "en")
    sent = await client.call("chat/send", seat=seat["seat"], text="hello")
    assert (await client.next("turn"))["state"] == "started"
    assert (await client.next("text"))["text"] == "hello"
    message = await client.next("message")
    assert (message["text"], message["answers"]) == ("hello", sent["id"])


async def test_a_seat_hears_what_is_no_part_of_the_answer(house: House, console: Entry, entry: Entry) -> None:
    entry.add(Says(Text("Let me see."), Retract(), Text("Noon.")))
    client = Client(house)
    seat = await client.call("chat")
    await client.call("chat/send", seat=seat["seat"], text="what time is it?")
    heard = [(await client.next(kind))["text"] for kind in ("text", "retract", "text", "message")]
    assert heard == ["Let me see.", "", "Noon.", "Noon."]


async def test_each_terminal_has_a_chat_of_its_own(house: House, console: Entry, entry: Entry) -> None:
    entry.add(Echo("echo"))
    one, other = Client(house), Client(house)
    first, second = await one.call("chat"), await other.call("chat")
    assert (first["chat"], second["chat"]) == ("terminal", "terminal 2")
    await other.call("chat/send", seat=second["seat"], text="mine")
    assert (await other.next("message"))["text"] == "mine"
    assert one.events.empty()
    one.close()
    assert (await Client(house).call("chat"))["chat"] == "terminal"


async def test_a_chat_can_be_looked_at_from_two_terminals(house: House, console: Entry, entry: Entry) -> None:
    entry.add(Echo("echo"))
    one, other = Client(house), Client(house)
    await one.call("chat", chat="work")
    seat = await other.call("chat", chat="work")
    await other.call("chat/send", seat=seat["seat"], text="both")
    assert (await one.next("message"))["text"] == (await other.next("message"))["text"] == "both"


async def test_a_message_for_an_empty_seat_waits_also_over_a_restart(
    house: House, console: Entry, entry: Entry
) -> None:
    outbox_id = await house.hub.conversations.send("console", "terminal", "tea is ready")
    assert await house.hub.conversations.delivered(outbox_id, 10)
    await house.edits.wait(house.edits.request(restart=["console"]))
    client = Client(house)
    await client.call("chat")
    assert (await client.next("message"))["text"] == "tea is ready"
    client.close()
    again = Client(house)
    await again.call("chat")
    assert again.events.empty()


async def test_an_answer_that_nobody_waits_for_any_more_is_dropped(house: House, console: Entry, entry: Entry) -> None:
    agent = Slow()
    entry.add(agent)
    client = Client(house)
    seat = await client.call("chat", once=True)
    await client.call("chat/send", seat=seat["seat"], text="hello")
    await client.next("text")
    client.close()
    finished = asyncio.Event()
    entry.listen("message_sent", lambda event: finished.set())
    agent.let_go.set()
    async with asyncio.timeout(10):
        await finished.wait()
    channel = house.hub.channels.get("console")
    assert channel._mailbox._kept == {}  # type: ignore[union-attr]


async def test_an_answer_can_be_stopped(house: House, console: Entry, entry: Entry) -> None:
    entry.add(Slow())
    client = Client(house)
    seat = await client.call("chat")
    await client.call("chat/send", seat=seat["seat"], text="hello")
    await client.next("text")
    assert await client.call("chat/stop", seat=seat["seat"]) == {"stopped": True}
    assert (await client.next("turn"))["outcome"] == "stopped"
    assert await client.call("chat/stop", seat=seat["seat"]) == {"stopped": False}


async def test_an_edit_is_one_line_while_chatting(house: House, set_up: SetUp, console: Entry) -> None:
    client, once = Client(house), Client(house)
    await client.call("chat")
    await once.call("chat", once=True)
    await set_up("input_boolean", {"lamp": None})
    assert (await client.next("note"))["text"] == "configuration applied: added input_boolean"
    good = (house.config_dir / "configuration.yaml").read_text()
    await house.apply("a: [1\n")
    assert (await client.next("problem"))["text"] == "the configuration cannot be read; everything runs on as before"
    assert "configuration.yaml" in (await client.next("problem"))["text"]
    await house.apply(good)
    assert (await client.next("note"))["text"] == "the configuration is in order again"
    assert once.events.empty()


async def test_the_names_of_things_are_offered(house: House, set_up: SetUp, console: Entry) -> None:
    await set_up("input_boolean", {"lamp": {"name": "Desk lamp"}})
    words = await Client(house).call("chat/words")
    assert words["Desk lamp"] == "input_boolean.lamp"
    assert words["input_boolean.lamp"] == "Desk lamp"


async def test_nobody_is_let_in_by_an_empty_list_and_the_edit_is_made_in_place(
    house: House, set_up: SetUp, console: Entry, entry: Entry
) -> None:
    entry.add(Echo("echo"))
    client = Client(house)
    seat = await client.call("chat")
    assert await set_up("console", {"allow": []}) is console
    with pytest.raises(NanobotError, match="owner"):
        await client.call("chat/send", seat=seat["seat"], text="hello")
    await set_up("console", {"allow": ["owner"]})
    await client.call("chat/send", seat=seat["seat"], text="hello again")
    assert (await client.next("message"))["text"] == "hello again"


async def test_a_seat_of_before_a_restart_is_closed(house: House, console: Entry) -> None:
    client = Client(house)
    seat = await client.call("chat")
    await house.edits.wait(house.edits.request(restart=["console"]))
    await client.next("closed")
    with pytest.raises(NanobotError, match="open it anew"):
        await client.call("chat/send", seat=seat["seat"], text="hello")


@pytest.mark.parametrize("chat", ["", "a/b", "x" * 65, "a\nb"])
async def test_the_name_of_a_chat_is_short_and_plain(house: House, console: Entry, chat: str) -> None:
    with pytest.raises(NanobotError):
        await Client(house).call("chat", chat=chat)


async def test_there_is_one_console(house: House, console: Entry) -> None:
    await house.apply("console:\nconsole two:\n")
    assert "one is enough" in (house.entry("console two").error or "")


@pytest.mark.parametrize("allow", [["owner"], ["*"]])
async def test_whoever_sits_at_a_terminal_is_an_owner(house: House, set_up: SetUp, allow: list[str]) -> None:
    await set_up("console", {"allow": allow})
    client = Client(house)
    seat = await client.call("chat")
    await client.call("chat/send", seat=seat["seat"], text="/status")
    message = await client.next("message")
    assert "\nMessages: " in message["text"]  # owners alone are told so much
    assert message["turn"] is None
    client.close()
