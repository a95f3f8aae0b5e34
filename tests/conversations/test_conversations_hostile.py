"""What outsiders, agents and platforms may do to conversations without anybody else noticing it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from nanobot.contracts.agent import Agent, Part, Retract, Text, Thinking, ToolUse, Turn
from nanobot.conversations.message import LONGEST_TEXT, session_of
from nanobot.conversations.receipts import MOST_ISSUES
from nanobot.errors import Busy, Refused
from nanobot.util.secrets import MASK
from tests.conversations.talk import Door, Parrot, Says, Talk


@pytest.fixture
async def talk(tmp_path: Path) -> AsyncIterator[Talk]:
    async with Talk(tmp_path / "config") as talk:
        yield talk


async def test_an_agent_that_goes_on_after_a_stop_is_ended_at_its_next_word(talk: Talk) -> None:
    class Stubborn(Agent):
        words = 0
        closed = False

        async def respond(self, turn: Turn) -> AsyncIterator[Part]:
            try:
                with contextlib.suppress(asyncio.CancelledError):
                    await asyncio.sleep(60)
                while True:
                    self.words += 1
                    yield Text("and another thing: ")
                    await asyncio.sleep(0.01)
            finally:
                self.closed = True

    agent = Stubborn("stubborn")
    talk.add(agent)
    await talk.chat.says("hello")
    await talk.until("turn_started")
    began = asyncio.get_running_loop().time()
    await talk.chat.says("stop")
    await talk.until("turn_finished", outcome="stopped")
    assert asyncio.get_running_loop().time() - began < 1
    assert agent.closed
    assert agent.words == 1


# -- ids that outsiders choose ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("matrix", "a:b", None), ("matrix", "a", "b")),
        (("matrix", "a%3Ab", None), ("matrix", "a:b", None)),
        (("matrix", "a", "b:c"), ("matrix", "a:b", "c")),
        (("matrix a:b", "c", None), ("matrix a", "b", "c")),
        (("telegram", "1", None), ("telegram work", "1", None)),
    ],
)
def test_no_two_chats_have_the_same_session(
    one: tuple[str, str, str | None], other: tuple[str, str, str | None]
) -> None:
    assert session_of(*one) != session_of(*other)


async def test_a_chat_whose_id_looks_like_the_thread_of_another_reads_nothing_of_it(talk: Talk) -> None:
    talk.add(Parrot())
    talk.chat.allow = frozenset({"*"})
    await talk.chat.types("my secret", chat="room", thread="7")
    await talk.chat.types("hello", chat="room:7")
    told = await talk.conversations.transcript(talk.last("turn_started")["session"])
    assert [exchange.text for exchange in told] == ["hello"]


async def test_what_is_sent_without_being_asked_belongs_to_the_session_of_its_chat(talk: Talk) -> None:
    talk.add(Parrot())
    talk.chat.allow = frozenset({"*"})
    await talk.chat.types("hello", chat="a:b", thread="c:d")
    await talk.conversations.send("chat", "a:b", "The washing machine is done.", thread="c:d")
    told = await talk.conversations.transcript(talk.last("turn_started")["session"])
    assert [exchange.answer for exchange in told] == ["hello", "The washing machine is done."]


# -- a crowd ----------------------------------------------------------------------------------------


async def test_a_crowd_that_takes_no_answers_makes_few_issues(talk: Talk) -> None:
    crowd = 3 * MOST_ISSUES
    talk.add(Parrot())
    door = Door(*[Refused("the person has blocked the bot")] * crowd)
    talk.add(door)
    for number in range(crowd):
        await door.says("hello", sender=f"s{number}", chat=f"c{number}")
    await talk.until("message_failed", count=crowd)
    assert 0 < len(talk.hub.issues) <= MOST_ISSUES
    # and those that there are go by as before
    first = next(iter(talk.hub.issues)).placeholders["chat"]
    before = len(talk.hub.issues)
    await door.says("hello again", sender="s", chat=first)
    await talk.until("message_sent")
    assert len(talk.hub.issues) == before - 1


async def test_a_message_of_gigantic_size_is_cut_where_it_comes_in(talk: Talk) -> None:
    parrot = Parrot()
    talk.add(parrot)
    await talk.chat.says("begin " + "x" * 50_000_000 + " end")
    await parrot.until_turns(1)
    assert len(parrot.turns[0].text) < LONGEST_TEXT + 100
    assert parrot.turns[0].text.startswith("begin x")
    assert parrot.turns[0].text.endswith("x end")
    assert f"{50_000_010 - LONGEST_TEXT} characters left out" in parrot.turns[0].text


async def test_a_message_that_comes_again_leaves_no_files_behind(talk: Talk) -> None:
    talk.add(Parrot())
    media = talk.hub.media
    first, again = [await media.keep("chat", "a.txt", b"hello") for _ in range(2)]
    for file in (first, first, again):
        await talk.chat.says("look", message_id="7", attachments=(file,))
    async with asyncio.timeout(10):
        while Path(talk.folder, again.path).exists():
            await asyncio.sleep(0.01)
    assert media.path_of(first).read_bytes() == b"hello"


async def test_what_a_sender_is_called_is_one_short_line(talk: Talk) -> None:
    parrot = Parrot()
    talk.add(parrot)
    await talk.chat.types("hello", sender_name="Bob\n\n" + "\u202e" + "b" * 10_000_000)
    name = parrot.turns[0].sender_name
    assert name is not None
    assert name.startswith("Bob b")
    assert len(name) <= 128


async def test_what_pages_hear_of_a_turn_holds_no_secret(talk: Talk) -> None:
    talk.hub.scrubber.add("hunter2-and-more")
    talk.add(Says(Text("The password is hunter2-and-more.")))
    await talk.chat.types("?")
    assert talk.last("turn_progress")["text"] == f"The password is {MASK}."
    assert talk.chat.received == [f"The password is {MASK}."]


async def test_a_secret_in_several_pieces_is_seen_in_none_of_them(talk: Talk) -> None:
    talk.hub.scrubber.add("hunter2-and-more")
    talk.add(
        Says(
            Thinking("So: hunter2-"),
            Thinking("and-more. Or hun"),
            ToolUse("1", "look", "{}"),
            Text("It was hunter2-and"),
            Retract(),
            Text("It is hun"),
            Text("ter2-and-m"),
            Text("ore, says hunt"),
        )
    )
    await talk.chat.types("?")
    await talk.until("turn_finished")
    told = [(event.data["kind"], event.data["text"]) for event in talk.events if event.type == "turn_progress"]
    assert told == [
        ("thinking", "So: "),
        ("thinking", f"{MASK}. Or "),
        ("thinking", "hun"),
        ("tool", "look"),
        ("text", "It was "),
        ("retract", ""),
        ("text", "It is "),
        ("text", f"{MASK}, says "),
        ("text", "hunt"),
    ]
    kinds = [event.type for event in talk.events]
    assert kinds.index("turn_finished") > max(at for at, kind in enumerate(kinds) if kind == "turn_progress")
    assert talk.chat.received == [f"It is {MASK}, says hunt"]


async def test_a_crowd_of_guests_does_not_keep_an_owner_waiting(talk: Talk) -> None:
    parrot = Parrot()
    parrot.held = {f"{number}" for number in range(100)}
    talk.add(parrot)
    talk.chat.allow = frozenset({"tester", "*"})
    talk.conversations.workers.max_turns = 20
    talk.conversations.sessions.max_total = 50
    taken = 0
    for number in range(100):
        try:
            await talk.chat.says(f"{number}", sender=f"s{number}", chat=f"c{number}")
        except Busy:
            break
        taken += 1
    assert taken == 18 + 45
    await talk.chat.says("me", chat="mine")
    await talk.until("message_sent", text="me")
    parrot.go.set()
    await talk.until("message_sent", count=taken + 1)


async def test_among_themselves_all_take_turns(talk: Talk) -> None:
    parrot = Parrot()
    talk.chat.allow = frozenset({"tester", "*"})
    talk.conversations.workers.max_turns = 1
    for number in range(3):
        for guest in ("anna", "ben"):
            await talk.chat.says(f"{guest} {number}", sender=guest, chat=guest)
    await talk.chat.says("owner", chat="mine")
    talk.add(parrot)
    await parrot.until_turns(7)
    assert [turn.text for turn in parrot.turns] == ["owner", "anna 0", "ben 0", "anna 1", "ben 1", "anna 2", "ben 2"]
