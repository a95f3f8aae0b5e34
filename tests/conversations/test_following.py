"""Whoever follows is told all that is final, once, in order, in as many pieces as it takes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from nanobot.conversations.deletions import digest
from nanobot.conversations.following import News, Position, since
from tests.conversations.talk import Noting, Parrot, Talk

from .test_restore import told


async def news(talk: Talk, position: Position, limit: int = 200, channel: str = "chat") -> News:
    return await talk.conversations.database.read(since(position, lambda one: one == channel, limit))


async def all_news(talk: Talk, limit: int) -> tuple[dict[str, list[dict[str, Any]]], list[str], Position]:
    """Lines by session, the keys of all, and where it ended."""
    position, more = Position(), True
    lines: dict[str, list[dict[str, Any]]] = {}
    keys: list[str] = []
    while more:
        found = await news(talk, position, limit)
        for session, some in found.lines.items():
            lines.setdefault(session, []).extend(line for _, line in some)
            keys += [f"{session} {key}" for key, _ in some]
        position, more = Position.of(found.position.as_dict()), found.more
    return lines, keys, position


@pytest.mark.parametrize("limit", [1, 3, 200])
async def test_a_long_way_to_catch_up_is_gone_in_order(tmp_path: Path, limit: int) -> None:
    async with Talk(tmp_path / "config") as talk:
        talk.add(Noting("noting"))
        for number in range(7):
            await talk.chat.types(f"number {number}", chat=f"c{number % 2}")
        await talk.hub.conversations.send("chat", "c0", "by the way")
        await talk.until("message_sent", 8)
        lines, keys, position = await all_news(talk, limit)
        assert lines == {name: (await told(talk, name))[1:] for name in ("chat:c0", "chat:c1")}
        assert len(keys) == len(set(keys)) == 29
        assert (await news(talk, position)).lines == {}
        assert (await news(talk, Position(), channel="other")).lines == {}


async def test_what_has_no_end_yet_is_told_when_it_has(tmp_path: Path) -> None:
    async with Talk(tmp_path / "config") as talk:
        await talk.chat.says("is anybody there?")
        await talk.chat.says("/status", chat="other")
        await talk.until("message_sent")
        first = await news(talk, Position())
        assert list(first.lines) == ["chat:other"]
        assert first.position.open_in == (1,)
        talk.add(Parrot())
        await talk.until("message_sent", 2)
        second = await news(talk, first.position)
        assert [line["role"] for _, line in second.lines["chat:test"]] == ["user", "assistant"]
        assert second.position.open_in == second.position.open_out == ()


async def test_only_deletions_from_then_on_are_told(tmp_path: Path) -> None:
    async with Talk(tmp_path / "config") as talk:
        talk.add(Parrot())
        await talk.chat.types("one")
        await talk.until("message_sent")
        await talk.conversations.delete("chat:test")
        first = await news(talk, Position())
        assert first.deleted == set()
        await talk.chat.types("two")
        await talk.until("message_sent", 2)
        await talk.conversations.delete("chat:test")
        assert (await news(talk, first.position)).deleted == {digest("chat:test")}


async def test_another_file_of_messages_is_told_from_its_beginning(tmp_path: Path) -> None:
    async with Talk(tmp_path / "config") as talk:
        talk.add(Parrot())
        await talk.chat.types("one")
        await talk.until("message_sent")
        there = (await news(talk, Position())).position
        for other in (
            Position(inbox=1, outbox=1, deletions=0, mark="another"),
            Position(inbox=5, outbox=1, deletions=0, mark=there.mark),
        ):
            assert list((await news(talk, other)).lines) == ["chat:test"]
        assert not (await news(talk, there)).lines


@pytest.mark.parametrize("wrong", [[], {"colour": 1}, {"open_in": ["x"]}])
def test_what_is_no_position_is_refused(wrong: Any) -> None:
    with pytest.raises((TypeError, ValueError)):
        Position.of(wrong)
