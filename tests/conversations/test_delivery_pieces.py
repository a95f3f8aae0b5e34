"""What one message of a platform carries: a length as the platform counts, buttons where it has them, no secret."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from nanobot.contracts.agent import Text
from nanobot.contracts.channel import Limits
from nanobot.errors import NanobotError, NotReady, Refused
from nanobot.util.split import utf16_units
from tests.conversations.talk import Door, Parrot, Says, Talk

TOKEN = "123456:secret-token"


@pytest.fixture
async def talk(tmp_path: Path) -> AsyncIterator[Talk]:
    async with Talk(tmp_path / "config", chat=False) as talk:
        yield talk


# -- length -----------------------------------------------------------------------------------------


async def test_a_platform_that_counts_utf16_gets_pieces_that_fit(talk: Talk) -> None:
    door = Door()
    door.limits = Limits(characters=100, utf16=True)
    talk.add(door)
    text = "😀" * 120
    await talk.conversations.send("door", "1", text)
    await talk.conversations.send("door", "1", "😀" * 50)
    await talk.until("message_sent", count=2)
    assert all(utf16_units(piece) <= 100 for piece in door.received)
    assert "".join(door.received[:-1]) == text
    assert door.received[-1] == "😀" * 50


async def test_the_cut_stays_as_it_was_counted_at_first_also_after_a_crash(talk: Talk) -> None:
    door = Door(None, NotReady("not now"))
    door.limits = Limits(characters=10, utf16=True)
    talk.add(door)
    await talk.conversations.send("door", "1", "😀" * 12)
    await door.until_tried(2)
    async with Talk(talk.image(), chat=False) as after:
        another = Door()
        another.limits = Limits(characters=4000)
        after.add(another)
        await another.wait_for(2)
    assert [(m.piece, m.pieces, m.text) for m in another.sent] == [(2, 3, "😀" * 5), (3, 3, "😀" * 2)]


# -- what answers what ------------------------------------------------------------------------------


async def test_an_answer_names_the_turn_that_its_progress_named(talk: Talk) -> None:
    door = Door()
    door.limits = Limits(characters=10)
    talk.add(door)
    talk.add(Says(Text("one two three four")))
    await door.says("tell me", message_id="m7")
    await door.wait_for(2)
    turn = talk.last("turn_progress")["turn"]
    assert [(m.turn, m.answers) for m in door.sent] == [(turn, "m7"), (turn, "m7")]
    await talk.conversations.send("door", "1", "by the way")
    await door.wait_for(3)
    assert door.sent[-1].turn is None


# -- buttons ----------------------------------------------------------------------------------------


async def test_buttons_go_with_the_last_piece_where_the_platform_has_them(talk: Talk) -> None:
    door = Door()
    door.limits = Limits(characters=10, buttons=True)
    talk.add(door)
    await talk.conversations.send("door", "1", "Shall I open it?", buttons=["Yes", "No"])
    await talk.until("message_sent")
    assert [(m.text, m.buttons) for m in door.sent] == [("Shall I", ()), ("open it?", ("Yes", "No"))]


async def test_buttons_outlive_a_restart(tmp_path: Path) -> None:
    async with Talk(tmp_path, chat=False) as talk:
        await talk.conversations.send("door", "1", "Shall I?", buttons=["Yes", "No"])
    async with Talk(tmp_path, chat=False) as talk:
        door = Door()
        door.limits = Limits(buttons=True)
        talk.add(door)
        await door.wait_for(1)
    assert door.sent[0].buttons == ("Yes", "No")


async def test_elsewhere_buttons_are_numbered_lines(talk: Talk) -> None:
    door = Door()
    talk.add(door)
    await talk.conversations.send("door", "1", "Shall I?", buttons=["Yes", "No"])
    await door.wait_for(1)
    assert (door.sent[0].text, door.sent[0].buttons) == ("Shall I?\n\n1. Yes\n2. No", ())
    [line] = await talk.conversations.history("door:1")
    assert line.text == "Shall I?\n\n1. Yes\n2. No"


@pytest.mark.parametrize("typed", ["2", " 2. ", "2)"])
async def test_the_number_of_a_button_is_a_press_of_it(talk: Talk, typed: str) -> None:
    parrot = Parrot()
    talk.add(parrot)
    door = Door()
    talk.add(door)
    await talk.conversations.send("door", "1", "Shall I?", buttons=["Yes", "No"])
    await door.wait_for(1)
    await door.says(typed, chat="1")
    await door.wait_for(2)
    assert parrot.turns[0].text == "No"
    assert talk.last("message_received")["text"] == "No"
    assert [line.text for line in await talk.conversations.history("door:1")][1:] == ["No", "No"]
    assert talk.conversations.sessions.waiting_bytes == 0


@pytest.mark.parametrize("typed", ["3", "0", "2 please", "-1", "1.5", "²", "٢", "100", "02"])
async def test_any_other_text_is_what_it_says(talk: Talk, typed: str) -> None:
    parrot = Parrot()
    talk.add(parrot)
    door = Door()
    talk.add(door)
    await talk.conversations.send("door", "1", "Shall I?", buttons=["Yes", "No"])
    await door.says(typed, chat="1")
    await parrot.until_turns(1)
    assert parrot.turns[0].text == typed


async def test_a_number_answers_only_the_last_message_of_its_own_chat(talk: Talk) -> None:
    parrot = Parrot()
    talk.add(parrot)
    door = Door()
    talk.add(door)
    await talk.conversations.send("door", "1", "Shall I?", buttons=["Yes", "No"])
    await door.says("2", chat="another")
    await parrot.until_turns(1)
    await talk.conversations.send("door", "1", "And how many eggs?")
    await door.says("2", chat="1")
    await parrot.until_turns(2)
    assert [turn.text for turn in parrot.turns] == ["2", "2"]


async def test_where_there_are_buttons_a_number_is_a_number(talk: Talk) -> None:
    parrot = Parrot()
    talk.add(parrot)
    door = Door()
    door.limits = Limits(buttons=True)
    talk.add(door)
    await talk.conversations.send("door", "1", "Shall I?", buttons=["Yes", "No"])
    await door.says("2", chat="1")
    await parrot.until_turns(1)
    assert parrot.turns[0].text == "2"


# -- secrets ----------------------------------------------------------------------------------------


async def test_an_answer_never_holds_a_secret_of_the_configuration(talk: Talk) -> None:
    talk.hub.scrubber.add(TOKEN)
    door = Door()
    talk.add(door)
    talk.add(Says(Text("the token is 123456:sec"), Text("ret-token, as you asked")))
    await door.says("what is the token?", chat="1")
    await talk.conversations.send("door", "1", f"by tool: {TOKEN}", buttons=[f"Use {TOKEN}"])
    await door.wait_for(2)
    await talk.until("message_sent", count=2)
    assert TOKEN not in "".join(door.received)
    assert any("the token is ••••, as you asked" in text for text in door.received)
    rows = await talk.conversations.database.read(
        lambda connection: connection.execute("SELECT text || coalesce(more, '') FROM outbox").fetchall()
    )
    assert TOKEN not in repr(rows)
    assert TOKEN not in repr([event.data for event in talk.events if event.type == "message_sent"])


async def test_an_error_that_quotes_a_secret_is_told_without_it(talk: Talk) -> None:
    talk.hub.scrubber.add(TOKEN)
    door = Door(Refused(f"POST /bot{TOKEN}/sendMessage: 403"))
    talk.add(door)
    await talk.conversations.send("door", "1", "hello")
    await talk.until("message_failed")
    assert talk.last("message_failed")["error"] == "POST /bot••••/sendMessage: 403"
    [issue] = talk.hub.issues
    assert TOKEN not in issue.text()
    [row] = await talk.conversations.database.read(
        lambda connection: connection.execute("SELECT error FROM outbox").fetchall()
    )
    assert TOKEN not in row[0]


async def test_a_message_of_buttons_alone_is_no_message(talk: Talk) -> None:
    with pytest.raises(NanobotError):
        await talk.conversations.send("door", "1", " ", buttons=["Yes"])
