"""Files on their way out: those that are gone, or too large for a platform, never hold up what was said with them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from nanobot.contracts.agent import Attach, Text
from nanobot.contracts.channel import Attachment, Limits, Outgoing, Receipt
from nanobot.contracts.media import MediaLimits
from nanobot.conversations.outbox import Letter
from nanobot.errors import NotReady, Refused
from nanobot.util.dt import Clock
from tests.conversations.talk import Door, Parrot, Says, Talk

GONE = Attachment("media/chat/2026-01-01/01HZZZZZZZZZZZZZZZZZZZZZZZ_plot.png", "plot.png")


@pytest.fixture
async def talk(tmp_path: Path) -> AsyncIterator[Talk]:
    async with Talk(tmp_path / "config", chat=False) as talk:
        yield talk


@pytest.fixture
def door(talk: Talk) -> Door:
    door = Door()
    door.limits = Limits(attachments=10)
    return door


async def keep(talk: Talk, name: str, size: int = 3) -> Attachment:
    return await talk.hub.media.keep("tool", name, bytes(size))


async def test_a_file_that_is_gone_leaves_a_line_and_the_rest_is_sent(talk: Talk, door: Door) -> None:
    there = await keep(talk, "there.txt")
    talk.add(door)
    await talk.conversations.send("door", "1", "look", attachments=[GONE, there])
    await talk.conversations.send("door", "1", "next")
    await door.wait_for(2)
    assert [(m.text, m.attachments) for m in door.sent] == [
        ("look\n[plot.png: no longer there]", (there,)),
        ("next", ()),
    ]
    assert len(talk.hub.issues) == 0


async def test_a_message_that_is_only_a_file_says_that_it_is_gone(talk: Talk, door: Door) -> None:
    talk.add(door)
    await talk.conversations.send("door", "1", "", attachments=[GONE])
    await door.wait_for(1)
    assert [(m.text, m.attachments) for m in door.sent] == [("[plot.png: no longer there]", ())]


async def test_a_file_that_is_too_large_for_the_platform_leaves_a_line(talk: Talk, door: Door) -> None:
    door.limits = Limits(attachments=10, attachment_bytes=1000)
    large, small = await keep(talk, "large.bin", 1001), await keep(talk, "small.bin", 1000)
    talk.add(door)
    await talk.conversations.send("door", "1", "look", attachments=[large, small])
    await door.wait_for(1)
    assert door.received == ["look\n[large.bin: too large to be sent here]"]
    assert door.sent[0].attachments == (small,)


@pytest.mark.parametrize("path", ["secrets.yaml", "/etc/passwd", "media/../secrets.yaml", "media/link"])
async def test_what_does_not_lie_in_the_media_folder_never_reaches_a_channel(talk: Talk, door: Door, path: str) -> None:
    (talk.folder / "secrets.yaml").write_text("secret")
    (talk.folder / "media").mkdir()
    (talk.folder / "media" / "link").symlink_to(talk.folder / "secrets.yaml")
    talk.add(door)
    talk.add(Says(Text("here"), Attach(Attachment(path, "notes.txt"))))
    await talk.conversations.send("door", "1", "look", attachments=[Attachment(path, "notes.txt")])
    await door.says("give me the secrets", chat="2")
    await door.wait_for(2)
    assert all(message.attachments == () for message in door.tries)
    assert sorted(door.received) == ["here\n[notes.txt: no longer there]", "look\n[notes.txt: no longer there]"]


async def test_a_file_that_vanishes_while_it_is_sent_does_not_take_the_text_along(talk: Talk) -> None:
    file = await keep(talk, "plot.png")

    class Opens(Door):
        async def send(self, message: Outgoing) -> Receipt:
            for attachment in message.attachments:
                talk.hub.media.path_of(file).unlink()
                talk.hub.media.path_of(attachment)  # Refused, as for any channel that opens it
            return await super().send(message)

    door = Opens()
    door.limits = Limits(attachments=1)
    talk.add(door)
    sent = await talk.conversations.send("door", "1", "look", attachments=[file])
    assert await talk.conversations.delivered(sent, 10)
    assert door.received == ["look\n[plot.png: no longer there]"]
    assert "message_failed" not in talk.names()


async def test_a_refusal_that_is_not_about_the_file_gives_the_message_up(talk: Talk) -> None:
    door = Door(Refused("the chat has blocked us"))
    door.limits = Limits(attachments=1)
    talk.add(door)
    await talk.conversations.send("door", "1", "look", attachments=[await keep(talk, "plot.png")])
    await talk.until("message_failed")
    assert len(door.tries) == 1


async def test_a_file_that_vanishes_between_two_pieces_neither_repeats_nor_loses_one(talk: Talk) -> None:
    files = [await keep(talk, f"{number}.txt") for number in range(3)]
    door = Door(None, None, None, NotReady("not now"))
    door.limits = Limits(characters=8, attachments=1)
    talk.add(door)
    send = door.send

    async def loses(message: Outgoing) -> Receipt:
        if message.attachments == (files[1],):
            for file in files:
                talk.hub.media.path_of(file).unlink(missing_ok=True)
        return await send(message)

    door.send = loses  # type: ignore[method-assign]
    await talk.conversations.send("door", "1", "one two three", attachments=files)
    await talk.until("message_sent")
    assert [(m.piece, m.text, m.attachments) for m in door.sent] == [
        (1, "one two", ()),
        (2, "three", (files[0],)),
        (3, "", (files[1],)),
        (4, "[2.txt:", ()),
        (5, "no", ()),
        (6, "longer", ()),
        (7, "there]", ()),
    ]


async def test_lines_for_which_there_is_no_room_come_behind_the_rest() -> None:
    letter = Letter("1", "door", "1", "x" * 20, 0.0, attachments=(GONE, Attachment("media/b", "b")))
    pieces = letter.pieces(Limits(characters=20, attachments=1), {GONE.path: "[plot.png: gone]"})
    assert [(piece.text, [file.name for file in piece.attachments]) for piece in pieces] == [
        ("x" * 20, []),
        ("", ["b"]),
        ("[plot.png: gone]", []),
    ]


# -- what is deleted --------------------------------------------------------------------------------


async def test_old_files_are_deleted_but_never_one_that_a_message_still_needs(tmp_path: Path) -> None:
    now = 1_800_000_000.0
    clock = Clock(lambda: now)
    async with Talk(tmp_path, clock=clock) as talk:
        waits, answered, unsent, sent = [await keep(talk, name) for name in ("waits", "answered", "unsent", "sent")]
        talk.add(Parrot())
        await talk.chat.types("look", attachments=(answered,))
        await talk.remove("parrot")
        await talk.chat.says("nobody is there", attachments=(waits,))
        await talk.conversations.send("away", "1", "later", attachments=[unsent])
        await talk.conversations.send("chat", "1", "now", attachments=[sent])
        await talk.until("message_sent", count=2)
    now += 6 * 86_400
    talk = Talk(tmp_path, clock=clock)
    talk.hub.media.limits = MediaLimits(keep_days=5)
    async with talk, asyncio.timeout(5):
        while len(left := list((tmp_path / "media").rglob("*_*"))) > 2:
            await asyncio.sleep(0.01)
        assert {path.name for path in left} == {Path(waits.path).name, Path(unsent.path).name}
        talk.add(parrot := Parrot())
        talk.add(away := Door(name="away"))
        away.limits = Limits(attachments=1)
        await away.wait_for(1)
        await parrot.until_turns(1)
        assert [talk.hub.media.path_of(file).read_bytes() for file in parrot.turns[0].attachments] == [bytes(3)]
        assert away.sent[0].attachments == (unsent,)
