"""Chat commands: answered at once, past the queue and the agents; once, whatever happens in between."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from nanobot.contracts.channel import Attachment
from nanobot.contracts.chat_command import ChatCommand, CommandCall
from nanobot.conversations.conversations import FILE
from nanobot.errors import NotReady, Refused, StorageError
from nanobot.hub.entry import Entry, EntryState
from nanobot.testing.chat import Chat
from tests.conversations.talk import Parrot, Talk

FILE_OF_A_CAT = Attachment("media/cat.png", "cat.png", "image/png", 3)


class Counter:
    """``/count`` says how often it was called, and with what; ``held`` makes it wait for ``go``."""

    def __init__(self) -> None:
        self.calls: list[CommandCall] = []
        self.held = False
        self.called = asyncio.Event()
        self.go = asyncio.Event()
        self.fails: BaseException | None = None

    @property
    def command(self) -> ChatCommand:
        return ChatCommand("count", self.handle, "chat.commands.help")

    async def handle(self, call: CommandCall) -> str:
        self.calls.append(call)
        self.called.set()
        if self.held:
            await self.go.wait()
        if self.fails is not None:
            raise self.fails
        return f"{len(self.calls)}: {call.arguments}".strip()


@pytest.fixture
async def talk(tmp_path: Path) -> AsyncIterator[Talk]:
    async with Talk(tmp_path / "config") as talk:
        talk.add(Parrot())
        yield talk


@pytest.fixture
def parrot(talk: Talk) -> Parrot:
    parrot = talk.hub.agents.get("parrot")
    assert isinstance(parrot, Parrot)
    return parrot


@pytest.fixture
def counter(talk: Talk) -> Counter:
    counter = Counter()
    talk.hub.chat_commands.add("count", counter.command)
    return counter


@pytest.fixture
async def guest(talk: Talk) -> Chat:
    """A channel that lets everybody in, so nobody there is an owner."""
    guest = Chat("guest", allow=frozenset({"*"}))
    talk.add(guest)
    return guest


def rows(folder: Path) -> list[tuple[Any, ...]]:
    """Texts, outcomes and answers, as they are on disk."""
    connection = sqlite3.connect(folder / ".storage" / FILE)
    try:
        inbox = connection.execute("SELECT text, outcome, done IS NOT NULL FROM inbox ORDER BY seq").fetchall()
        return [*inbox, *connection.execute("SELECT text FROM outbox ORDER BY seq").fetchall()]
    finally:
        connection.close()


# -- what is a command ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "arguments"),
    [
        ("/count", ""),
        ("/COUNT", ""),
        ("  /count  ", ""),
        ("/count to ten", "to ten"),
        ("/count\n two lines \nof it ", "two lines \nof it"),
        ("/count\u3000wide", "wide"),
    ],
)
async def test_a_slash_and_a_known_name_is_a_command(
    talk: Talk, parrot: Parrot, counter: Counter, text: str, arguments: str
) -> None:
    assert await talk.chat.types(text, language="de", thread="5", sender_name="Tess") == f"1: {arguments}".strip()
    [call] = counter.calls
    assert (call.name, call.arguments) == ("count", arguments)
    assert (call.session, call.channel, call.chat, call.thread) == ("chat:test:5", "chat", "test", "5")
    assert (call.sender, call.sender_name, call.language, call.owner) == ("tester", "Tess", "de", True)
    assert parrot.turns == []
    received = talk.last("message_received")
    assert (received["text"], received["id"]) == (text, call.context.id)
    [sent] = talk.chat.sent
    assert (sent.thread, sent.answers, sent.session, sent.turn) == ("5", "t1", "chat:test:5", None)


@pytest.mark.parametrize(
    "text", ["/unknown", "/", "/ count", "count", "please /count", "/counting", "//count", "/usr/bin"]
)
async def test_everything_else_goes_to_the_agent_as_it_is(talk: Talk, counter: Counter, text: str) -> None:
    assert await talk.chat.types(text) == text
    assert counter.calls == []


async def test_a_message_with_a_file_goes_to_the_agent(talk: Talk, parrot: Parrot, counter: Counter) -> None:
    await talk.chat.says("/count", attachments=(FILE_OF_A_CAT,))
    await parrot.until_turns(1)
    assert counter.calls == []


async def test_it_is_answered_while_a_turn_runs_and_others_wait(talk: Talk, parrot: Parrot, counter: Counter) -> None:
    parrot.held = {"long story"}
    await talk.chat.says("long story")
    await talk.chat.says("waits")
    await parrot.until_turns(1)
    assert await talk.chat.types("/count") == "1:"
    assert parrot.cancelled == []
    parrot.go.set()
    await talk.chat.wait_for(3)
    assert talk.chat.received[1:] == ["long story", "waits"]


async def test_it_is_answered_when_there_is_no_agent_and_when_the_queue_is_full(talk: Talk, counter: Counter) -> None:
    await talk.remove("parrot")
    talk.conversations.sessions.max_waiting = 1
    await talk.chat.says("waits")
    assert await talk.chat.types("/count") == "1:"


async def test_an_integration_brings_and_takes_its_command(talk: Talk, counter: Counter) -> None:
    entry = Entry(talk.hub, "lamp", "lamp", {})
    entry.add(ChatCommand("lamp", counter.handle, "component.lamp.commands.lamp"))
    assert await talk.chat.types("/lamp on") == "1: on"
    with pytest.raises(ValueError, match="there is already a chat command named 'lamp'"):
        talk.hub.chat_commands.add("lamp", counter.command)
    await entry.release()
    assert await talk.chat.types("/lamp on") == "/lamp on"


@pytest.mark.parametrize("name", ["", "Lamp", "two words", "1st", "über", "x" * 33, "a/b"])
def test_a_name_has_to_be_one_that_platforms_take(name: str) -> None:
    with pytest.raises(ValueError, match="cannot be the name of a chat command"):
        ChatCommand(name, Counter().handle, "")


# -- what comes of it -------------------------------------------------------------------------------


async def test_an_error_made_for_people_is_the_answer_without_secrets(talk: Talk, counter: Counter) -> None:
    talk.hub.scrubber.add("hunter22")
    counter.fails = NotReady("the lamp at hunter22 cannot be reached")
    assert await talk.chat.types("/count") == "the lamp at •••• cannot be reached"


@pytest.mark.parametrize("error", [KeyError("internals"), asyncio.CancelledError()], ids=["breaks", "cancels itself"])
async def test_a_command_that_breaks_gives_a_sentence_and_a_traceback_and_the_next_one_works(
    talk: Talk, counter: Counter, caplog: pytest.LogCaptureFixture, error: BaseException
) -> None:
    counter.fails = error
    assert await talk.chat.types("/count") == "Something went wrong with /count. The details are in the log."
    assert any(record.exc_info for record in caplog.records)
    counter.fails = None
    assert await talk.chat.types("/count") == "2:"


async def test_a_command_that_hangs_is_given_up(talk: Talk, counter: Counter, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nanobot.conversations.commands.LIMIT", 0.02)
    counter.held = True
    assert await talk.chat.types("/count") == "Something went wrong with /count. The details are in the log."


async def test_a_command_may_have_nothing_to_say(talk: Talk) -> None:
    async def silent(call: CommandCall) -> str:
        return " "

    talk.hub.chat_commands.add("hush", ChatCommand("hush", silent, ""))
    await talk.chat.says("/hush")
    assert rows(talk.folder) == [("/hush", "hush", 1)]


async def test_it_stays_in_the_history_with_its_answer_and_is_no_part_of_the_transcript(
    talk: Talk, counter: Counter
) -> None:
    await talk.chat.types("hello")
    await talk.until("message_sent", text="hello")
    await talk.chat.types("/count")
    lines = await talk.conversations.history("chat:test")
    assert [(line.direction, line.text) for line in lines] == [
        ("in", "hello"),
        ("out", "hello"),
        ("in", "/count"),
        ("out", "1:"),
    ]
    assert lines[2].state == "count"
    assert [exchange.text for exchange in await talk.conversations.transcript("chat:test")] == ["hello"]


# -- once -------------------------------------------------------------------------------------------


async def test_a_repetition_is_not_run_again_not_even_after_a_restart(tmp_path: Path) -> None:
    counter = Counter()
    for _ in range(2):
        async with Talk(tmp_path) as talk:
            talk.hub.chat_commands.add("count", counter.command)
            await talk.chat.says("/count", message_id="7")
            await talk.chat.says("/count", message_id="7")
    assert len(counter.calls) == 1
    assert rows(tmp_path) == [("/count", "count", 1), ("1:",)]


async def test_a_repetition_that_comes_while_it_runs_waits_for_the_same_answer(talk: Talk, counter: Counter) -> None:
    counter.held = True
    first = asyncio.ensure_future(talk.chat.says("/count", message_id="7"))
    await counter.called.wait()
    second = asyncio.ensure_future(talk.chat.says("/count", message_id="7"))
    await asyncio.sleep(0)
    counter.go.set()
    await asyncio.gather(first, second)
    assert len(counter.calls) == 1
    assert rows(talk.folder) == [("/count", "count", 1), ("1:",)]


async def test_without_ids_nothing_is_a_repetition(talk: Talk, counter: Counter) -> None:
    assert await talk.chat.types("/count", message_id=None) == "1:"
    assert await talk.chat.types("/count", message_id=None) == "2:"


async def test_a_kill_leaves_the_message_and_its_answer_or_neither(talk: Talk, counter: Counter) -> None:
    counter.held = True
    talk.chat.open.clear()  # what is sent already is not brought again by the revived one
    taking = asyncio.ensure_future(talk.chat.says("/count", message_id="7"))
    await counter.called.wait()
    during = talk.image("during")
    assert rows(during) == []
    assert not taking.done()  # so the platform keeps it, and brings it again
    counter.go.set()
    await taking
    after = talk.image("after")
    talk.chat.open.set()
    assert rows(after) == [("/count", "count", 1), ("1:",)]
    async with Talk(after) as revived:
        await revived.chat.wait_for(1)
        assert revived.chat.received == ["1:"]
        await revived.chat.says("/count", message_id="7")
        assert len(revived.chat.sent) == 1


async def test_a_disk_that_takes_the_message_but_not_the_answer_keeps_neither(
    talk: Talk, counter: Counter, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise StorageError("the disk is full")

    with monkeypatch.context() as broken:
        broken.setattr(talk.conversations.outbox, "add", full)
        for _ in range(3):
            with pytest.raises(StorageError):
                await talk.chat.says("/count", message_id="7")
    assert rows(talk.folder) == []
    assert "messages.storage" in talk.hub.issues
    await talk.chat.says("/count", message_id="7")
    await talk.chat.wait_for(1)
    assert talk.chat.received == ["1:"]
    assert len(counter.calls) == 1  # however often the platform had to bring it
    assert "messages.storage" not in talk.hub.issues


async def test_a_stop_is_obeyed_when_nothing_can_be_read_and_still_answered_once(
    talk: Talk, parrot: Parrot, counter: Counter, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(message: object) -> None:
        raise StorageError("the disk is broken")

    await talk.chat.types("stop", message_id="7")
    monkeypatch.setattr(talk.conversations.inbox, "knows", broken)
    parrot.held = {"long story"}
    await talk.chat.says("long story")
    await parrot.until_turns(1)
    await talk.chat.says("stop", message_id="7")
    await talk.until("turn_finished", outcome="stopped")
    assert rows(talk.folder)[2:] == [("Nothing is running.",)]
    with pytest.raises(StorageError):
        await talk.chat.says("/count")
    assert counter.calls == []


async def test_a_channel_that_is_unloaded_meanwhile_leaves_it_whole(talk: Talk, counter: Counter) -> None:
    counter.held = True
    taking = asyncio.ensure_future(talk.chat.says("/count"))
    await counter.called.wait()
    taking.cancel()
    counter.go.set()
    await talk.chat.wait_for(1)
    assert rows(talk.folder)[0] == ("/count", "count", 1)


# -- help, status, new ------------------------------------------------------------------------------


async def test_help_has_a_line_for_each_command_that_one_may_use(talk: Talk, guest: Chat) -> None:
    async def nothing(call: CommandCall) -> str:
        return ""

    talk.hub.chat_commands.add("lamp", ChatCommand("lamp", nothing, "the lamp"))
    assert await guest.types("/help") == (
        "/stop – end what is running in this chat\n"
        "/new – begin anew, without what was said before\n"
        "/help – show these lines\n"
        "/status – show whether all is well\n"
        "/undo – forget the last message and its answer\n"
        "/retry – answer the last message again\n"
        "/compact – sum up what was said longer ago\n"
        "/model – show which model answers here, or choose one: /model NAME\n"
        "/agent – show which agent answers here, or choose one: /agent NAME\n"
        "/lamp – the lamp"
    )
    answer = await talk.chat.types("/help", language="de")
    assert answer is not None
    assert "/pair – jemanden einlassen" in answer


async def test_status_tells_owners_what_is_wrong_and_others_that_it_runs(talk: Talk, guest: Chat) -> None:
    broken = talk.hub.entries["lamp"] = Entry(talk.hub, "lamp", "lamp", {})
    broken.turn(EntryState.RETRYING, "cannot be reached")
    talk.hub.issues.create("x", "issues.no_agent")
    assert await guest.types("/status") == "I am running."
    await talk.until("message_sent")
    assert await talk.chat.types("/status") == (
        "I am running.\n"
        "lamp: retrying (cannot be reached)\n"
        "To be repaired: 1.\n"
        "Messages: 0 waiting, 0 being answered, 0 to be sent.\n"
        "This conversation: chat:test, 0 messages answered, 0 waiting.\n"
        "parrot answers here."
    )


async def test_new_ends_the_turn_and_what_was_said_before_counts_no_more(talk: Talk, parrot: Parrot) -> None:
    await talk.chat.types("my name is Tess")
    parrot.held = {"long story"}
    await talk.chat.says("long story")
    await parrot.until_turns(2)
    assert await talk.chat.types("/new") == "We begin anew: what was said before counts no more."
    await talk.until("turn_finished", outcome="stopped")
    assert parrot.cancelled == ["long story"]
    assert await talk.conversations.transcript("chat:test") == []
    assert await talk.chat.types("who am I?") == "who am I?"
    assert [one.text for one in await talk.conversations.transcript("chat:test")] == ["who am I?"]
    assert len(await talk.conversations.history("chat:test")) == 7


async def test_new_concerns_this_chat_alone(talk: Talk) -> None:
    await talk.chat.types("hello", chat="other")
    await talk.chat.types("/new")
    assert [one.text for one in await talk.conversations.transcript("chat:other")] == ["hello"]


async def test_what_waits_behind_new_is_answered_without_what_was_before(talk: Talk, parrot: Parrot) -> None:
    await talk.chat.types("my name is Tess")
    parrot.held = {"long story", "waits"}
    await talk.chat.says("long story")
    await parrot.until_turns(2)
    await talk.chat.says("waits")
    await talk.conversations.send("chat", "test", "by the way")
    await talk.until("message_sent", text="by the way")
    answer = await talk.chat.types("/new")
    assert answer is not None
    assert answer.endswith("Messages still waiting: 1.")
    await parrot.until_turns(3)
    seen = await talk.conversations.transcript("chat:test", parrot.turns[2].id)
    assert [one.text for one in seen] == ["waits"]
    parrot.go.set()
    await talk.until("turn_finished", outcome="answered", count=2)


# -- pair -------------------------------------------------------------------------------------------


class Platform(Chat):
    pairing = True


async def code_of(talk: Talk, sender: str, **more: Any) -> str:
    """An unknown sender gets a code on the platform "open"."""
    platform = talk.hub.channels.get("open")
    if platform is None:
        platform = Platform("open", allow=frozenset())
        talk.add(platform)
    assert isinstance(platform, Platform)
    with pytest.raises(Refused):
        await platform.says("hello", sender=sender, chat=sender, **more)
    await talk.until("message_sent", chat=sender)
    [letter] = [message.text for message in platform.sent if message.chat == sender]
    return letter.split("`")[1].removeprefix("nanobot pair ")


async def test_an_owner_lets_somebody_in_from_a_chat(talk: Talk, parrot: Parrot) -> None:
    code = await code_of(talk, "42", sender_name="Ann")
    assert await talk.chat.types(f"/pair {code.lower()}") == "`Ann (42)` may write on open now."
    platform = talk.hub.channels.get("open")
    assert isinstance(platform, Platform)
    await platform.says("hello", sender="42", chat="42")
    await parrot.until_turns(1)
    assert parrot.turns[0].owner is False


async def test_an_owner_sees_who_waits_but_no_codes(talk: Talk) -> None:
    assert await talk.chat.types("/pair") == "Nobody waits to be let in."
    code = await code_of(talk, "42", sender_name="[Ann](https://evil.example) `x`")
    answer = await talk.chat.types("/pair")
    assert answer == (
        "`[Ann](https://evil.example) x (42)` on open, 0 min ago\n"
        "Let them in with /pair and the code that they tell you."
    )
    assert code not in answer


async def test_a_wrong_code_is_a_sentence(talk: Talk) -> None:
    assert await talk.chat.types("/pair AAAA-AAAA") == "This code is wrong, or older than an hour."


async def test_nobody_but_an_owner_can_let_anybody_in_or_use_up_the_attempts(talk: Talk, guest: Chat) -> None:
    code = await code_of(talk, "42")
    for _ in range(30):
        assert await guest.types("/pair AAAA-AAAA") == "/pair is only for those who run me."
    assert await guest.types(f"/pair {code}") == "/pair is only for those who run me."
    assert talk.conversations.pairing.members() == []
    answer = await talk.chat.types(f"/pair {code}")
    assert answer is not None
    assert answer.endswith("may write on open now.")


async def test_a_paired_owner_can_let_others_in(talk: Talk) -> None:
    await talk.conversations.door.pair(await code_of(talk, "first"), "boss", language="en", owner=True)
    code = await code_of(talk, "second")
    platform = talk.hub.channels.get("open")
    assert isinstance(platform, Platform)
    await platform.says(f"/pair {code}", sender="first", chat="first")
    assert talk.conversations.pairing.member("open", "second") is not None


async def test_a_confirmation_cut_by_a_kill_is_repeated_without_harm(talk: Talk) -> None:
    code = await code_of(talk, "42")
    before = talk.image()
    await talk.conversations.door.pair(code, "chat:tester", language="en")
    list_on_disk = (talk.folder / ".storage" / "pairing.json").read_bytes()
    (before / ".storage" / "pairing.json").write_bytes(list_on_disk)  # killed before the answer was written
    async with Talk(before) as revived:
        assert await revived.chat.types(f"/pair {code}", message_id="7") == "`42` may write on open now."
