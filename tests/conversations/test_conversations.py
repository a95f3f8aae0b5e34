"""A message goes in, an answer comes out: the gate, the inbox, the turn."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from nanobot.contracts.agent import Attach, Part, Text, Thinking, ToolUse, Turn
from nanobot.contracts.channel import Attachment, Incoming, Limits
from nanobot.errors import NotReady, Refused
from nanobot.hub.context import ACTING
from nanobot.testing.chat import Chat
from nanobot.util.dt import Clock
from tests.conversations.talk import Parrot, Says, Talk


@pytest.fixture
async def talk(tmp_path: Path) -> AsyncIterator[Talk]:
    async with Talk(tmp_path / "config") as talk:
        yield talk


def incoming(text: str, *, sender: str = "tester", message_id: str | None = None, chat: str = "test") -> Incoming:
    return Incoming(chat=chat, sender=sender, text=text, message_id=message_id)


# -- the gate ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("allow", "let_in"),
    [
        (frozenset(), False),
        (frozenset({"somebody else"}), False),
        (frozenset({"42"}), True),
        (frozenset({"*"}), True),
        (frozenset({42}), True),
        (frozenset({"4"}), False),
    ],
    ids=["empty lets nobody in", "another", "the sender", "everybody", "a number from YAML", "no part of a name"],
)
async def test_the_list_decides_who_is_let_in(talk: Talk, allow: frozenset[str], let_in: bool) -> None:
    talk.add(Parrot())
    door = Chat("door", allow=allow)
    talk.add(door)
    if let_in:
        assert await door.types("hello", sender="42") == "hello"
        return
    with pytest.raises(Refused):
        await door.says("hello", sender="42")
    assert talk.names() == ["message_refused"]
    refused = talk.last("message_refused")
    assert (refused["channel"], refused["sender"]) == ("door", "42")
    assert await talk.conversations.history("door:test") == []
    assert door.sent == []


async def test_a_stranger_is_logged_once_an_hour(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    now = 1_000_000.0
    async with Talk(tmp_path, clock=Clock(lambda: now)) as talk:
        for seconds in (0, 10, 3599, 3601):
            now = 1_000_000.0 + seconds
            with pytest.raises(Refused):
                await talk.chat.says("let me in", sender="stranger")
        with pytest.raises(Refused):
            await talk.chat.says("me too", sender="another")
    lines = [r.getMessage() for r in caplog.records if "was refused" in r.getMessage()]
    assert [("stranger" in line, "another" in line) for line in lines] == [(True, False), (True, False), (False, True)]


@pytest.mark.parametrize(
    ("pairing", "group", "how"),
    [
        (False, False, "add it to 'allow' to let it in"),
        (True, False, "add it to 'allow', or confirm its code with `nanobot pair`, to let it in"),
        (True, True, "add it, or the group 'test', to 'allow' to let it in"),  # nobody gets a code in a group
    ],
)
async def test_the_log_says_how_to_let_a_stranger_in(
    talk: Talk, caplog: pytest.LogCaptureFixture, pairing: bool, group: bool, how: str
) -> None:
    talk.chat.pairing = pairing
    with pytest.raises(Refused):
        await talk.chat.says("let me in", sender="stranger", group=group)
    assert how in caplog.text


# -- the inbox --------------------------------------------------------------------------------------


async def test_a_message_is_on_disk_before_receive_returns(talk: Talk) -> None:
    await talk.chat.says("keep this")
    async with Talk(talk.image(), chat=False) as after:
        [line] = await after.conversations.history("chat:test")
    assert (line.text, line.direction, line.state) == ("keep this", "in", "waiting")
    received = talk.last("message_received")
    assert received["text"] == "keep this"
    assert received["session"] == "chat:test"


async def test_a_second_message_with_the_same_id_is_dropped_for_good(tmp_path: Path) -> None:
    async with Talk(tmp_path) as talk:
        talk.add(Parrot())
        assert await talk.chat.types("once", message_id="7") == "once"
        await talk.chat.says("once", message_id="7")
        assert await talk.chat.types("next", message_id="8") == "next"
        assert await talk.chat.types("another chat", message_id="7", chat="other") == "another chat"
    async with Talk(tmp_path) as talk:
        talk.add(Parrot())
        await talk.chat.says("once", message_id="7")
        assert await talk.chat.types("after the restart", message_id="9") == "after the restart"
        assert talk.chat.received == ["after the restart"]


async def test_messages_without_an_id_are_never_duplicates(talk: Talk) -> None:
    talk.add(Parrot())
    assert await talk.chat.types("same", message_id=None) == "same"
    assert await talk.chat.types("same", message_id=None) == "same"


async def test_what_was_received_is_forgotten_after_a_month(tmp_path: Path) -> None:
    now = 1_000_000.0
    async with Talk(tmp_path, clock=Clock(lambda: now)) as talk:
        talk.add(Parrot())
        await talk.chat.types("old", message_id="1")
        await talk.until("message_sent")
    now += 31 * 86_400
    async with Talk(tmp_path, clock=Clock(lambda: now)) as talk:
        talk.add(Parrot())
        async with asyncio.timeout(10):
            while await talk.conversations.history("chat:test"):
                await asyncio.sleep(0.01)
        assert await talk.chat.types("new", message_id="1") == "new"


async def test_a_channel_that_is_unloaded_while_it_hands_over_loses_nothing(talk: Talk) -> None:
    talk.add(Parrot())
    handing_over = asyncio.ensure_future(talk.conversations.receive(talk.chat, incoming("quick")))
    await asyncio.sleep(0)
    handing_over.cancel()
    await talk.until("message_sent")
    assert talk.chat.received == ["quick"]


async def test_broken_characters_do_not_break_the_inbox(talk: Talk) -> None:
    talk.add(Parrot())
    assert await talk.chat.types("half \ud83d a smile", extra={"raw": "\ud83d", "n": 2**70}) == "half ? a smile"


# -- the turn ---------------------------------------------------------------------------------------


async def test_a_turn_tells_the_agent_what_it_answers(talk: Talk) -> None:
    parrot = Parrot()
    talk.add(parrot)
    file = Attachment("/media/a.png", "a.png", "image/png", 12)
    await talk.chat.types(
        "look", thread="5", sender_name="Tess", attachments=(file,), language="de", reply_to="3", extra={"x": 1}
    )
    [turn] = parrot.turns
    assert turn.session == "chat:test:5"
    assert (turn.channel, turn.chat, turn.thread, turn.sender, turn.sender_name) == (
        "chat",
        "test",
        "5",
        "tester",
        "Tess",
    )
    assert (turn.attachments, turn.language, turn.attempt) == ((file,), "de", 1)
    assert turn.extra == {"x": 1, "reply_to": "3"}
    assert turn.context.id == turn.id
    [sent] = talk.chat.sent
    assert (sent.thread, sent.answers, sent.session) == ("5", "t1", "chat:test:5")


async def test_a_turn_is_told_from_beginning_to_end(talk: Talk) -> None:
    talk.add(Says(Thinking("hm"), ToolUse("1", "clock", "{}"), Text("It is "), Text("noon.")))
    assert await talk.chat.types("what time is it?") == "It is noon."
    await talk.until("message_sent")
    turn = talk.last("message_received")["id"]
    told = [(e.type, e.data.get("kind"), e.data.get("text")) for e in talk.events]
    assert told == [
        ("message_received", None, "what time is it?"),
        ("turn_started", None, None),
        ("turn_progress", "thinking", "hm"),
        ("turn_progress", "tool", "clock"),
        ("turn_progress", "text", "It is "),
        ("turn_progress", "text", "noon."),
        ("turn_finished", None, None),
        ("message_sent", None, "It is noon."),
    ]
    finished = talk.last("turn_finished")
    assert 0 <= finished.pop("seconds") < 60
    assert finished == {
        "turn": turn,
        "agent": "says",
        "person": "chat:tester",
        "owner": True,
        "rounds": 0,
        "session": "chat:test",
        "channel": "chat",
        "chat": "test",
        "thread": None,
        "message_id": "t1",
        "outcome": "answered",
        "understood": True,
    }
    assert next(e for e in talk.events if e.type == "message_sent").context.parent_id == turn


async def test_an_error_made_for_people_is_the_answer(talk: Talk) -> None:
    talk.add(Says(NotReady("the model cannot be reached; try again in a minute")))
    assert await talk.chat.types("hello") == "the model cannot be reached; try again in a minute"
    await talk.until("turn_finished", outcome="failed")


async def test_an_agent_that_breaks_gives_a_sentence_and_a_traceback_and_the_next_message_works(
    talk: Talk, caplog: pytest.LogCaptureFixture
) -> None:
    agent = Says(Text("I was about to say"), KeyError("secret internals"))
    talk.add(agent)
    answer = await talk.chat.types("hello")
    assert answer is not None
    assert answer.startswith("I was about to say\n\n")
    assert "secret internals" not in answer
    assert any(record.exc_info for record in caplog.records)
    agent.parts = (Text("all is well"),)
    assert await talk.chat.types("and now?") == "all is well"


async def test_an_agent_that_cancels_itself_gives_a_sentence(talk: Talk) -> None:
    talk.add(Says(asyncio.CancelledError()))
    assert await talk.chat.types("hello")
    await talk.until("turn_finished", outcome="failed")


async def test_an_empty_answer_is_an_end_without_a_message(talk: Talk) -> None:
    agent = Says(Text("  \n"))
    talk.add(agent)
    await talk.chat.says("hello")
    await talk.until("turn_finished", outcome="empty")
    agent.parts = (Text("now"),)
    assert await talk.chat.types("again") == "now"
    assert talk.chat.received == ["now"]


async def test_attachments_go_out_with_the_last_piece(talk: Talk) -> None:
    file = await talk.hub.media.keep("tool", "plot.png", b"...")
    talk.chat.limits = Limits(characters=10, attachments=1)
    talk.add(Says(Text("one two three four"), Attach(file), Attach(file)))
    await talk.chat.types("draw")
    await talk.until("message_sent")
    assert [(m.text, m.attachments, m.piece, m.pieces) for m in talk.chat.sent] == [
        ("one two", (), 1, 3),
        ("three four", (file,), 2, 3),
        ("", (file,), 3, 3),
    ]
    assert len({m.id for m in talk.chat.sent}) == 3


async def test_a_channel_without_attachments_shows_their_names(talk: Talk) -> None:
    talk.add(Says(Text("here"), Attach(Attachment("/media/plot.png", "plot.png"))))
    assert await talk.chat.types("draw") == "here\n[plot.png]"


async def test_a_long_answer_arrives_whole_and_in_order(talk: Talk) -> None:
    talk.chat.limits = Limits(characters=100)
    text = "word " * 2000
    talk.add(Says(Text(text)))
    await talk.chat.types("tell me")
    await talk.until("message_sent")
    assert " ".join(talk.chat.received) + " " == text
    assert all(len(piece) <= 100 for piece in talk.chat.received)
    assert talk.last("message_sent")["text"] == text


async def test_whoever_acts_in_a_turn_is_known_as_the_agent(talk: Talk) -> None:
    actors: list[str] = []

    class Asks(Parrot):
        async def respond(self, turn: Turn) -> AsyncIterator[Part]:
            actors.append(ACTING.get())
            yield Text("asked")

    talk.add(Asks("assistant"))
    await talk.chat.types("who are you?")
    assert actors == ["assistant"]
    assert ACTING.get() == ""


async def test_typing_is_shown_while_an_answer_takes_its_time(talk: Talk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nanobot.conversations.turns.TYPING_AFTER", 0.01)
    monkeypatch.setattr("nanobot.conversations.turns.TYPING_EVERY", 0.01)
    shown: list[tuple[str, str | None]] = []
    enough = asyncio.Event()

    class Types(Chat):
        async def typing(self, chat: str, thread: str | None = None) -> None:
            shown.append((chat, thread))
            if len(shown) >= 3:
                enough.set()
            raise NotReady("the sign cannot be shown")

    chat, parrot = Types("types"), Parrot()
    talk.add(chat)
    talk.add(parrot)
    parrot.held = {"think"}
    await chat.says("think", thread="t")
    async with asyncio.timeout(5):
        await enough.wait()
    parrot.go.set()
    await talk.until("message_sent")
    count = len(shown)
    assert shown[0] == ("test", "t")
    await asyncio.sleep(0.05)
    assert len(shown) == count


async def test_history_shows_both_sides_in_order(talk: Talk) -> None:
    talk.add(Parrot())
    for text in ("one", "two", "three"):
        await talk.chat.types(text, sender_name="Tess")
        await talk.until("message_sent", text=text)
    await talk.conversations.send("chat", "test", "by the way")
    await talk.until("message_sent", text="by the way")
    lines = await talk.conversations.history("chat:test", 5)
    assert [(line.direction, line.text, line.state) for line in lines] == [
        ("in", "two", "answered"),
        ("out", "two", "sent"),
        ("in", "three", "answered"),
        ("out", "three", "sent"),
        ("out", "by the way", "sent"),
    ]
    assert lines[1].turn == lines[0].id
    assert lines[0].sender_name == "Tess"
    assert lines[0].as_dict()["time"].endswith("+00:00")
    assert await talk.conversations.history("chat:nobody") == []


async def test_the_log_is_quiet_when_all_is_well(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "nanobot"):
        async with Talk(tmp_path) as talk:
            talk.add(Parrot())
            await talk.chat.types("hello")
    assert [r.getMessage() for r in caplog.records if r.levelno >= logging.INFO] == []
