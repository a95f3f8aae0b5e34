"""Strangers: however many write, whatever they write, they cost next to nothing and become nobody."""

from __future__ import annotations

import asyncio
import gc
import time
import tracemalloc
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nanobot.contracts.channel import Channel, Incoming
from nanobot.errors import Refused
from nanobot.testing.chat import Chat
from tests.conversations.talk import Parrot, Talk

CROWD = 10_000


class Platform(Chat):
    pairing = True


@pytest.fixture
async def talk(tmp_path: Path) -> AsyncIterator[Talk]:
    async with Talk(tmp_path / "config") as talk:
        talk.add(Parrot())
        talk.add(Platform("open", allow=frozenset({"boss"})))
        yield talk


def platform_of(talk: Talk) -> Platform:
    platform = talk.hub.channels.get("open")
    assert isinstance(platform, Platform)
    return platform


async def flood(talk: Talk, senders: range, *, text: str = "let me in") -> None:
    """Everybody writes at once, each for the first time."""

    async def one(number: int) -> None:
        with pytest.raises(Refused):
            await talk.conversations.receive(
                platform_of(talk),
                Incoming(str(number), str(number), text, sender_name=f"name {number}", language=f"x{number}"),
            )

    for start in range(senders.start, senders.stop, 500):
        await asyncio.gather(*map(one, range(start, min(start + 500, senders.stop))))
    await asyncio.sleep(0)  # let go of the last tasks


def size_of(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


async def test_ten_thousand_strangers_cost_no_turn_no_disk_and_no_memory(talk: Talk) -> None:
    parrot = talk.hub.agents.get("parrot")
    assert isinstance(parrot, Parrot)
    talk.events = []  # what the test itself remembers is not what is measured
    for event in ("message_refused", "message_sent"):
        talk.hub.bus._listeners.pop(event, None)
        talk.hub.bus._forget_routes(event)
    began = time.process_time()
    await flood(talk, range(CROWD))
    assert time.process_time() - began < 10  # about 1 on a small machine
    assert size_of(talk.folder) < 1_000_000
    gc.collect()
    tracemalloc.start()
    await flood(talk, range(CROWD, CROWD + 1000))
    gc.collect()
    grown, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert grown < 100_000  # nothing is remembered of a thousand strangers more
    assert parrot.turns == []
    assert len(talk.conversations.pairing.waiting()) == 10
    assert len(await talk.conversations.history("pairing", 1000)) == 10
    assert len(talk.hub.issues) == 0


async def test_those_who_are_let_in_are_answered_in_the_middle_of_a_flood(talk: Talk) -> None:
    crowd = asyncio.ensure_future(flood(talk, range(5000)))
    async with asyncio.timeout(10):
        for number in range(20):
            await platform_of(talk).says(f"hello {number}", sender="boss", chat="boss")
        await talk.until("message_sent", count=20, chat="boss")
    await crowd


async def test_huge_messages_of_strangers_are_not_kept(talk: Talk) -> None:
    await flood(talk, range(50), text="needle " * 100_000)
    files = [path for path in talk.folder.rglob("*") if path.is_file()]
    assert len(files) >= 2
    assert not any(b"needle" in path.read_bytes() for path in files)


# -- who is an owner --------------------------------------------------------------------------------

STAR = frozenset({"*"})


@pytest.mark.parametrize(
    ("allow", "incoming", "owner"),
    [
        (frozenset({"boss"}), Incoming("c", "boss", "hi"), True),
        (frozenset({42}), Incoming("c", "42", "hi"), True),
        (frozenset({"boss", "*"}), Incoming("c", "boss", "hi"), True),
        (frozenset({"boss"}), Incoming("g", "boss", "hi", group=True), True),
        (STAR, Incoming("c", "boss", "hi"), False),
        (STAR, Incoming("c", "*", "hi"), False),
        (STAR, Incoming("*", "*", "hi", group=True), False),
        (STAR, Incoming("c", "", "hi"), False),
        (STAR, Incoming("c", "somebody", "hi", owner=True), True),
        (frozenset({"-100"}), Incoming("-100", "member", "hi", group=True), False),
        (frozenset({-100}), Incoming("-100", "member", "hi", group=True), False),
        (frozenset({"-100"}), Incoming("-100", "-100", "hi", group=True), False),
        (frozenset({"-100"}), Incoming("-100", "member", "hi"), None),
        (frozenset({"-100"}), Incoming("-200", "member", "hi", group=True), None),
        (frozenset({"boss"}), Incoming("boss", "thief", "hi"), None),
        (frozenset({"boss"}), Incoming("c", "BOSS", "hi"), None),
        (frozenset({"boss"}), Incoming("c", "", "hi"), None),
        (frozenset({"boss"}), Incoming("c", "thief", "hi", sender_name="boss", owner=True), None),
        (frozenset({""}), Incoming("", "", "hi", group=True), None),
    ],
    ids=[
        "named",
        "named by a number",
        "named beside everybody",
        "named, in a group",
        "everybody",
        "called like everybody",
        "called like everybody in a group called so",
        "without an id",
        "known to the channel itself",
        "a member of a group",
        "a member of a group named by a number",
        "whoever speaks as the group",
        "a chat of two called like a group",
        "another group",
        "a chat called like an owner",
        "other letters",
        "no id",
        "a name that anybody can choose",
        "an empty entry",
    ],
)
async def test_who_is_let_in_and_who_is_an_owner(
    talk: Talk, allow: frozenset[str], incoming: Incoming, owner: bool | None
) -> None:
    """``owner`` None: not let in."""
    channel = Chat("door", allow=allow)
    if owner is None:
        with pytest.raises(Refused):
            talk.conversations.gate.check(channel, incoming)
    else:
        assert talk.conversations.gate.check(channel, incoming) is owner


async def test_being_an_owner_outlives_a_restart_with_the_message(tmp_path: Path) -> None:
    async with Talk(tmp_path) as talk:
        await talk.chat.says("from an owner")
        talk.chat.allow = STAR
        await talk.chat.says("from somebody")
    async with Talk(tmp_path) as talk:
        parrot = Parrot()
        talk.add(parrot)
        await parrot.until_turns(2)
        assert [(turn.text, turn.owner) for turn in parrot.turns] == [("from an owner", True), ("from somebody", False)]


names = st.text(max_size=8)


@given(st.frozensets(names, max_size=4), names, names, st.booleans())
def test_nobody_is_an_owner_who_is_not_named(allow: frozenset[str], sender: str, chat: str, group: bool) -> None:
    from nanobot.conversations.gate import Gate

    class Nobody:
        def member(self, channel: str, sender: str) -> None:
            return None

    class Quiet(Gate):
        def _note(self, channel: Channel, incoming: Incoming) -> None: ...

    class Bus:
        def fire(self, *_: object) -> None: ...

    class Hub:
        bus = Bus()

    gate = Quiet(Hub(), Nobody())  # type: ignore[arg-type]
    try:
        owner = gate.check(Chat("door", allow=allow), Incoming(chat, sender, "hi", group=group))
    except Refused:
        assert sender not in allow or not sender or (group and sender == chat)
        assert "*" not in allow
    else:
        assert owner == (sender in allow and sender not in ("", "*") and not (group and sender == chat))
