"""Sessions side by side, each in order; limits, stop, and agents that come and go."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from nanobot.contracts.agent import Agent, Part, Text, Turn
from nanobot.errors import Busy
from nanobot.util.dt import Clock
from tests.conversations.talk import Parrot, Says, Talk


@pytest.fixture
async def talk(tmp_path: Path) -> AsyncIterator[Talk]:
    async with Talk(tmp_path / "config") as talk:
        yield talk


# -- order and fairness -----------------------------------------------------------------------------


async def test_a_session_keeps_its_order_while_others_go_on(talk: Talk) -> None:
    parrot = Parrot()
    parrot.held = {"slow"}
    talk.add(parrot)
    await talk.chat.says("slow", chat="a")
    await talk.chat.says("after", chat="a")
    assert await talk.chat.types("quick", chat="b") == "quick"
    parrot.go.set()
    await talk.chat.wait_for(3)
    assert [m.text for m in talk.chat.sent if m.chat == "a"] == ["slow", "after"]


async def test_messages_handed_over_at_once_keep_their_order(talk: Talk) -> None:
    talk.add(Parrot())
    await asyncio.gather(*[talk.chat.says(str(number)) for number in range(90)])
    await talk.chat.wait_for(90)
    assert talk.chat.received == [str(number) for number in range(90)]


async def test_only_so_many_turns_run_at_once_and_sessions_take_turns(talk: Talk) -> None:
    talk.conversations.workers.max_turns = 2
    parrot = Parrot()
    parrot.held = {"first a", "first b"}
    talk.add(parrot)
    for text, chat in [("first a", "a"), ("first b", "b"), ("second a", "a"), ("third a", "a"), ("first c", "c")]:
        await talk.chat.says(text, chat=chat)
    assert [turn.text for turn in parrot.turns] == ["first a", "first b"]
    talk.conversations.workers.max_turns = 1
    parrot.go.set()
    await talk.chat.wait_for(5)
    order = [turn.text for turn in parrot.turns]
    assert order.index("first c") < order.index("third a")


async def test_an_idle_session_is_nothing(talk: Talk) -> None:
    talk.add(Parrot())
    for number in range(20):
        await talk.chat.types("hello", chat=f"chat{number}")
    await talk.until("message_sent", count=20)
    assert len(talk.conversations.sessions) == 0
    assert len(talk.conversations.delivery._lanes) == 0
    assert len(talk.conversations.workers) == 0


# -- too many ---------------------------------------------------------------------------------------


async def test_a_session_with_too_many_waiting_is_told_so_once_a_minute(tmp_path: Path) -> None:
    now = 1_000_000.0
    async with Talk(tmp_path, clock=Clock(lambda: now)) as talk:
        talk.conversations.sessions.max_waiting = 3
        for number in range(3):
            await talk.chat.says(f"waits {number}")
        for _ in range(5):
            with pytest.raises(Busy):
                await talk.chat.says("too many")
        await talk.until("message_sent")
        assert len(talk.chat.sent) == 1
        now += 61
        with pytest.raises(Busy):
            await talk.chat.says("too many")
        await talk.until("message_sent", count=2)
        await talk.chat.says("of another chat", chat="other")
        talk.add(Parrot())
        await talk.chat.wait_for(6)
        answers = [m.text for m in talk.chat.sent[2:]]
        assert sorted(answers) == ["of another chat", "waits 0", "waits 1", "waits 2"]
        assert await talk.chat.types("now there is room") == "now there is room"


async def test_many_at_once_cannot_slip_past_the_limit(talk: Talk) -> None:
    talk.conversations.sessions.max_waiting = 10
    results = await asyncio.gather(*[talk.chat.says(str(n)) for n in range(30)], return_exceptions=True)
    assert sum(isinstance(result, Busy) for result in results) == 20
    talk.add(Parrot())
    await talk.until("turn_finished", count=10)


async def test_all_sessions_together_have_a_limit(talk: Talk) -> None:
    talk.conversations.sessions.max_total = 5
    for number in range(5):
        await talk.chat.says("hello", chat=f"chat{number}")
    with pytest.raises(Busy):
        await talk.chat.says("hello", chat="one more")


async def test_all_that_waits_together_has_a_limit_in_bytes(talk: Talk) -> None:
    assert talk.conversations.sessions.max_bytes == 64 * 2**20
    talk.conversations.sessions.max_bytes = 5000
    await talk.chat.says("x" * 2000, chat="a")
    await talk.chat.says("x", chat="b", extra={"raw": "x" * 2000})
    with pytest.raises(Busy, match="the messages that wait have 4 kB already"):
        await talk.chat.says("x" * 2000, chat="c")
    with pytest.raises(Busy):
        await talk.chat.says("ж" * 1000, chat="d")
    await talk.chat.says("short", chat="e")
    talk.add(Parrot())
    await talk.until("turn_finished", count=3)
    assert talk.conversations.sessions.waiting_bytes == 0
    await talk.chat.says("x" * 4000, chat="c")
    await talk.until("turn_finished", count=4)


async def test_one_message_is_taken_however_long_it_is(talk: Talk) -> None:
    talk.conversations.sessions.max_bytes = 100
    await talk.chat.says("x" * 2000)
    with pytest.raises(Busy):
        await talk.chat.says("x")


async def test_bytes_are_counted_right_through_cuts_duplicates_and_restarts(tmp_path: Path) -> None:
    async with Talk(tmp_path) as talk:
        parrot = Parrot()
        parrot.held = {"long"}
        talk.add(parrot)
        await talk.chat.says("long")
        await talk.chat.says("x" * 1000, message_id="1")
        await talk.chat.says("x" * 1000, message_id="1")
        await parrot.until_turns(1)
        waiting = talk.conversations.sessions.waiting_bytes
        talk.conversations.drain_limit = 0.01
        await talk.remove("parrot")
        assert talk.conversations.sessions.waiting_bytes > waiting
        waiting = talk.conversations.sessions.waiting_bytes
    async with Talk(tmp_path) as talk:
        assert talk.conversations.sessions.waiting_bytes == waiting
        talk.add(Parrot())
        await talk.chat.wait_for(2)
        await talk.until("message_sent", count=2)
        assert talk.conversations.sessions.waiting_bytes == 0


async def test_duplicates_and_stop_leave_no_place_taken(talk: Talk) -> None:
    for _ in range(3):
        await talk.chat.says("hello", message_id="1")
    await talk.chat.says("stop")
    assert talk.conversations.sessions.waiting == 1
    talk.add(Parrot())
    await talk.until("turn_finished")
    assert talk.conversations.sessions.waiting == 0


# -- stop -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("word", ["stop", "/stop", "STOP", " Stop! "])
async def test_stop_ends_the_turn_at_once_and_keeps_what_waits(talk: Talk, word: str) -> None:
    parrot = Parrot()
    parrot.held = {"long story"}
    talk.add(parrot)
    await talk.chat.says("long story")
    await parrot.until_turns(1)
    await talk.chat.says("something else")
    await talk.chat.says(word)
    await talk.until("turn_finished", outcome="stopped")
    assert parrot.cancelled == ["long story"]
    await talk.chat.wait_for(2)
    assert "something else" in talk.chat.received
    assert "long story" not in talk.chat.received
    history = await talk.conversations.history("chat:test")
    assert {line.text: line.state for line in history if line.direction == "in"} == {
        "long story": "stopped",
        "something else": "answered",
        word: "stop",
    }


async def test_stop_says_when_nothing_runs_and_what_still_waits(talk: Talk) -> None:
    nothing = await talk.chat.types("stop")
    await talk.chat.says("waits for an agent")
    waiting = await talk.chat.types("stop")
    assert nothing is not None
    assert waiting is not None
    assert waiting.startswith(nothing)
    assert waiting != nothing
    assert nothing == "Nothing is running."
    assert waiting == "Nothing is running. Messages still waiting: 1."


async def test_a_repeated_stop_stops_nothing_else(talk: Talk) -> None:
    parrot = Parrot()
    parrot.held = {"long story"}
    talk.add(parrot)
    await talk.chat.types("stop", message_id="1")
    await talk.chat.says("long story")
    await talk.chat.says("stop", message_id="1")
    await parrot.until_turns(1)
    assert parrot.cancelled == []
    parrot.go.set()
    await talk.chat.wait_for(2)
    assert talk.chat.received[1] == "long story"


async def test_stop_within_a_sentence_is_a_message(talk: Talk) -> None:
    talk.add(Parrot())
    assert await talk.chat.types("stop the music") == "stop the music"


async def test_stop_understands_the_language_of_the_sender(talk: Talk) -> None:
    assert await talk.chat.types("Stopp", language="de") == "Es läuft nichts."


async def test_an_agent_that_does_not_stop_is_left_behind(talk: Talk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nanobot.conversations.turns.CUT_LIMIT", 0.05)
    release = asyncio.Event()

    class Stubborn(Agent):
        async def respond(self, turn: Turn) -> AsyncIterator[Part]:
            if turn.text != "hang":
                yield Text("fine")
                return
            while not release.is_set():
                try:
                    await release.wait()
                except asyncio.CancelledError:
                    continue
            yield Text("too late")

    talk.add(Stubborn("stubborn"))
    await talk.chat.says("hang")
    await talk.until("turn_started")
    await talk.chat.says("stop")
    await talk.until("turn_finished", outcome="stopped")
    assert await talk.chat.types("next") in ("fine", "Stopped.")
    release.set()
    await talk.until("message_sent", count=2)
    assert sorted(talk.chat.received) == ["Stopped.", "fine"]


# -- agents come and go -----------------------------------------------------------------------------


async def test_messages_wait_for_an_agent(talk: Talk) -> None:
    await talk.chat.says("anybody there?")
    talk.add(Parrot())
    await talk.chat.wait_for(1)
    assert talk.chat.received == ["anybody there?"]


@pytest.mark.parametrize(("name", "issue"), [(None, "issues.no_agent"), ("clever", "issues.agent_missing")])
async def test_a_person_is_told_when_messages_wait_too_long(
    talk: Talk, monkeypatch: pytest.MonkeyPatch, name: str | None, issue: str
) -> None:
    monkeypatch.setattr("nanobot.conversations.attendance.MISSED_AFTER", 0.01)
    object.__setattr__(talk.hub.config, "agent", name)
    told = asyncio.Event()
    talk.hub.bus.listen("issue_created", lambda event: told.set())
    await talk.chat.says("anybody there?")
    async with asyncio.timeout(5):
        await told.wait()
    [shown] = talk.hub.issues
    assert shown.text_key == issue
    assert talk.chat.sent == []
    talk.add(Parrot(name or "parrot"))
    await talk.chat.wait_for(1)
    assert len(talk.hub.issues) == 0


async def test_the_highest_rank_answers_unless_one_is_named(talk: Talk) -> None:
    talk.add(Says(Text("low"), name="low"))
    high = Parrot("high", rank=10)
    talk.add(high)
    assert await talk.chat.types("hello") == "hello"
    object.__setattr__(talk.hub.config, "agent", "low")
    assert await talk.chat.types("hello") == "low"


async def test_a_reloaded_agent_is_waited_for_before_a_lesser_one_answers(talk: Talk) -> None:
    talk.conversations.workers.attendance.grace = 0.05
    talk.add(Says(Text("lesser"), name="lesser"))
    talk.add(Parrot("best", rank=10))
    await talk.remove("best")
    await talk.chat.says("in between")
    talk.add(Parrot("best", rank=10))
    await talk.chat.wait_for(1)
    await talk.remove("best")
    await talk.chat.says("for good")
    await talk.chat.wait_for(2)
    assert talk.chat.received == ["in between", "lesser"]


async def test_a_turn_may_finish_while_its_agent_leaves(talk: Talk) -> None:
    parrot = Parrot()
    parrot.held = {"nearly done"}
    talk.add(parrot)
    await talk.chat.says("nearly done")
    await parrot.until_turns(1)
    leaving = asyncio.ensure_future(talk.remove("parrot"))
    await asyncio.sleep(0)
    await talk.chat.says("for the next one")
    parrot.go.set()
    await leaving
    await talk.chat.wait_for(1)
    talk.add(Says(Text("I am the next")))
    await talk.chat.wait_for(2)
    assert talk.chat.received == ["nearly done", "I am the next"]


async def test_a_turn_past_the_limit_starts_over_with_the_next_agent(talk: Talk) -> None:
    talk.conversations.drain_limit = 0.01
    parrot, another = Parrot(), Parrot("another")
    parrot.held = {"one"}
    talk.add(parrot)
    await talk.chat.says("one")
    await talk.chat.says("two")
    await parrot.until_turns(1)
    await talk.remove("parrot")
    assert parrot.cancelled == ["one"]
    assert talk.last("turn_finished")["outcome"] == "cut"
    talk.add(another)
    await talk.chat.wait_for(2)
    assert talk.chat.received == ["one", "two"]
    assert [(turn.text, turn.attempt) for turn in another.turns] == [("one", 2), ("two", 1)]
    assert another.turns[0].id == parrot.turns[0].id


async def test_a_message_that_every_agent_drops_is_given_up(talk: Talk) -> None:
    talk.conversations.drain_limit = 0.0
    parrot = Parrot()
    parrot.held = {"reload yourself"}
    talk.add(parrot)
    await talk.chat.says("reload yourself")
    for attempt in range(1, 11):
        await parrot.until_turns(attempt)
        await talk.remove("parrot")
        talk.add(parrot)
    await talk.until("turn_finished", outcome="given_up")
    await talk.chat.wait_for(1)
    assert len(parrot.turns) == 10
