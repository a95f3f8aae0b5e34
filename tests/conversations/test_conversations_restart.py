"""A restart, in order or not, takes up everything where it was."""

from __future__ import annotations

import asyncio
from pathlib import Path

from nanobot.contracts.channel import Outgoing, Receipt
from nanobot.hub.hub import Phase
from nanobot.testing.chat import Chat
from tests.conversations.talk import Parrot, Talk


async def test_what_waits_is_answered_after_a_restart_in_order(tmp_path: Path) -> None:
    async with Talk(tmp_path) as talk:
        for number in range(30):
            await talk.chat.says(str(number), chat=str(number % 3), message_id=str(number))
    async with Talk(tmp_path) as talk:
        parrot = Parrot()
        talk.add(parrot)
        await talk.chat.wait_for(30)
        for chat in range(3):
            assert [int(m.text) for m in talk.chat.sent if m.chat == str(chat)] == list(range(chat, 30, 3))
        assert {turn.attempt for turn in parrot.turns} == {1}


async def test_what_waits_is_left_to_the_best_agent_although_another_one_is_set_up_before_it(tmp_path: Path) -> None:
    async with Talk(tmp_path) as talk:
        await talk.chat.says("hello")
    async with Talk(tmp_path) as talk:
        talk.hub.phase = Phase.STARTING
        lesser, best = Parrot("lesser"), Parrot("best", rank=10)
        talk.add(lesser)
        await talk.chat.says("more", message_id="m")
        talk.add(best)
        talk.hub.phase = Phase.RUNNING
        talk.hub.bus.fire("homeassistant_started")
        await talk.chat.wait_for(2)
        assert [turn.text for turn in best.turns] == ["hello", "more"]
        assert not lesser.turns


async def test_nothing_is_answered_twice_after_a_restart(tmp_path: Path) -> None:
    async with Talk(tmp_path) as talk:
        talk.add(Parrot())
        await talk.chat.types("hello")
    async with Talk(tmp_path) as talk:
        parrot = Parrot()
        talk.add(parrot)
        assert await talk.chat.types("after", message_id="x") == "after"
        assert [turn.text for turn in parrot.turns] == ["after"]


async def test_a_turn_in_progress_may_end_before_the_stop(tmp_path: Path) -> None:
    parrot = Parrot()
    parrot.held = {"nearly done"}
    async with Talk(tmp_path) as talk:
        talk.add(parrot)
        await talk.chat.says("nearly done")
        await talk.chat.says("next")
        await parrot.until_turns(1)
        settling = asyncio.ensure_future(talk.conversations.settle())
        await asyncio.sleep(0)
        await talk.chat.says("taken in while stopping")
        parrot.go.set()
        await settling
        assert talk.chat.received == ["nearly done"]
    async with Talk(tmp_path) as talk:
        again = Parrot()
        talk.add(again)
        await talk.chat.wait_for(2)
        assert talk.chat.received == ["next", "taken in while stopping"]


async def test_a_turn_past_the_limit_is_cut_and_starts_over_after_the_restart(tmp_path: Path) -> None:
    parrot, again = Parrot(), Parrot()
    parrot.held = {"long"}
    async with Talk(tmp_path) as talk:
        talk.conversations.close_limit = 0.01
        talk.add(parrot)
        await talk.chat.says("long")
        await parrot.until_turns(1)
    assert parrot.cancelled == ["long"]
    async with Talk(tmp_path) as talk:
        talk.add(again)
        await talk.chat.wait_for(1)
    assert [turn.attempt for turn in again.turns] == [2]
    assert again.turns[0].id == parrot.turns[0].id


async def test_after_a_crash_an_attempt_is_not_the_first(tmp_path: Path) -> None:
    parrot, again = Parrot(), Parrot()
    parrot.held = {"one"}
    async with Talk(tmp_path / "config") as talk:
        talk.add(parrot)
        await talk.chat.says("one")
        await talk.chat.says("two")
        await parrot.until_turns(1)
        image = talk.image()
        async with Talk(image) as after:
            after.add(again)
            await after.chat.wait_for(2)
            assert after.chat.received == ["one", "two"]
        parrot.go.set()
    assert [(turn.text, turn.attempt) for turn in again.turns] == [("one", 2), ("two", 1)]


async def test_a_message_that_crashes_the_process_again_and_again_is_given_up(tmp_path: Path) -> None:
    folder = tmp_path / "0"
    async with Talk(folder) as talk:
        await talk.chat.says("poison")
        await talk.chat.says("fine")
        folder = talk.image("1")
    attempts = []
    for crash in range(2, 6):
        async with Talk(folder) as talk:
            parrot = Parrot()
            parrot.held = {"poison"}
            talk.add(parrot)
            await parrot.until_turns(1)
            attempts.append(parrot.turns[0].attempt)
            folder = talk.image(str(crash))
            parrot.go.set()
            if parrot.turns[0].text == "fine":
                await talk.chat.wait_for(2)
                assert talk.chat.received == [
                    "Each time I worked on this message I was cut off, so I leave it. Please ask in another way.",
                    "fine",
                ]
                break
    assert attempts == [2, 3, 4, 1]


async def test_what_was_being_sent_in_a_crash_is_sent_again_with_a_mark(tmp_path: Path) -> None:
    class Hangs(Chat):
        hang = asyncio.Event()
        tried = asyncio.Event()

        async def send(self, message: Outgoing) -> Receipt:
            self.tried.set()
            await self.hang.wait()
            return Receipt()

    async with Talk(tmp_path / "config", chat=False) as talk:
        hangs = Hangs()
        talk.add(hangs)
        sent = await talk.conversations.send("chat", "1", "was it sent?")
        await talk.conversations.send("chat", "1", "not yet")
        await hangs.tried.wait()
        async with Talk(talk.image()) as after:
            await after.chat.wait_for(2)
            assert [(m.text, m.repeated) for m in after.chat.sent] == [("was it sent?", True), ("not yet", False)]
            assert after.chat.sent[0].id == sent
        hangs.hang.set()
