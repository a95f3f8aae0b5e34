"""Pairing: an unknown sender gets a code and nothing else, until an owner confirms it."""

from __future__ import annotations

import asyncio
import json
import re
import stat
import unicodedata
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nanobot.conversations.outbox import AT_THE_DOOR
from nanobot.conversations.pairing_code import ALPHABET, LENGTH, hash_of, plain, readable
from nanobot.errors import NanobotError, Refused, StorageError
from nanobot.hub.bus import Event
from nanobot.testing.chat import Chat
from nanobot.util.dt import Clock
from tests.conversations.talk import Parrot, Talk

HOUR = 3600.0
NOON = 1_000_000.0


class Platform(Chat):
    """A platform on which anybody may write to us."""

    pairing = True

    async def knocks(self, sender: str = "stranger", **more: Any) -> None:
        """An unknown sender writes; the platform hears that the message is refused."""
        with pytest.raises(Refused):
            await self.says(more.pop("text", "hello?"), sender=sender, chat=sender, **more)


class House:
    """A hub with the platform "open", an agent that counts its turns, and a clock that stands still."""

    def __init__(self, talk: Talk, time: list[float]) -> None:
        self.talk = talk
        self.time = time
        self.open = Platform("open", allow=frozenset({"boss"}))
        self.agent = Parrot()
        self.events: list[Event] = []
        talk.add(self.open)
        talk.add(self.agent)
        for what in ("requested", "refused", "confirmed", "removed"):
            talk.hub.bus.listen(f"pairing_{what}", self.events.append)

    @property
    def pairing(self) -> Any:
        return self.talk.conversations.pairing

    def passes(self, seconds: float) -> None:
        self.time[0] += seconds

    async def letters(self) -> list[str]:
        """All that was ever said at the door and is still known."""
        return [line.text for line in await self.talk.conversations.history(AT_THE_DOOR, 1000)]

    async def code(self, sender: str = "stranger", **more: Any) -> str:
        """The code that an unknown sender is shown."""
        before = await self.letters()
        await self.open.knocks(sender, **more)
        [letter] = [letter for letter in await self.letters() if letter not in before]
        found = re.search(r"`nanobot pair (\S+)`", letter)
        assert found is not None, letter
        return found[1]

    async def confirm(self, code: str, asker: str = "boss", **more: Any) -> str:
        request = await self.talk.conversations.door.pair(code, asker, language="en", **more)
        return f"{request.channel} {request.sender}"

    def told(self, what: str) -> list[dict[str, Any]]:
        return [dict(event.data) for event in self.events if event.type == f"pairing_{what}"]


Again = Callable[[], Awaitable[House]]


@pytest.fixture
async def again(tmp_path: Path) -> AsyncIterator[Again]:
    """``house = await again()``: the next start on the same folder, after the one before has stopped."""
    time = [NOON]
    running: list[Talk] = []

    async def again() -> House:
        if running:
            await running.pop().__aexit__()
        talk = Talk(tmp_path / "config", clock=Clock(lambda: time[0]), chat=False)
        running.append(await talk.__aenter__())
        return House(talk, time)

    yield again
    await running.pop().__aexit__()


@pytest.fixture
async def house(again: Again) -> House:
    return await again()


# -- a stranger -------------------------------------------------------------------------------------


async def test_an_unknown_sender_gets_one_sentence_with_a_code_and_nothing_else(house: House) -> None:
    await house.open.knocks(sender_name="Ann", text="what is the alarm code?")
    await house.open.wait_for(1)
    [sent] = house.open.sent
    assert re.fullmatch(
        r"I do not know you yet: please ask whoever runs me to let you in within an hour with "
        r"`nanobot pair [2-9A-Z]{4}-[2-9A-Z]{4}`\.",
        sent.text,
    )
    assert (sent.chat, sent.answers) == ("stranger", "t1")
    assert house.agent.turns == []
    assert "message_received" not in house.talk.names()
    assert await house.talk.conversations.history("open:stranger") == []
    told = {"channel": "open", "chat": "stranger", "sender": "stranger", "sender_name": "Ann"}
    assert house.told("requested") == [told]


async def test_the_sentence_is_in_the_language_of_the_sender(house: House) -> None:
    await house.open.knocks(language="de")
    await house.open.wait_for(1)
    assert house.open.received[0].startswith("Ich kenne dich noch nicht: ")


async def test_a_language_that_is_none_is_not_asked_for(house: House) -> None:
    await house.open.knocks(language="../../../etc/passwd")
    assert (await house.letters())[0].startswith("I do not know you yet")
    assert house.pairing.waiting()[0].language == "en"


async def test_codes_are_of_letters_and_digits_that_cannot_be_confused_and_never_the_same(house: House) -> None:
    codes = []
    for number in range(40):
        if number % 10 == 0:
            house.passes(2 * HOUR)
        codes.append(plain(await house.code(f"s{number}")))
    assert len(set(codes)) == 40
    assert set("".join(codes)) <= set(ALPHABET)
    assert not set("01ILOU") & set(ALPHABET)
    assert {len(code) for code in codes} == {8}


async def test_the_list_on_disk_has_only_the_hash_and_is_for_its_owner_alone(house: House) -> None:
    code = await house.code(sender_name="Ann")
    file = house.talk.folder / ".storage" / "pairing.json"
    text = file.read_text()
    assert plain(code) not in text
    assert code not in text
    assert hash_of(plain(code)) in text
    assert "Ann" in text
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


async def test_the_same_code_is_shown_once_a_minute_and_three_times_at_most(house: House) -> None:
    code = await house.code()
    for seconds, shown in [(0, 1), (59, 1), (2, 2), (30, 2), (60, 3), (61, 3), (600, 3)]:
        house.passes(seconds)
        await house.open.knocks()
        letters = await house.letters()
        assert len(letters) == shown
        assert all(code in letter for letter in letters)
    assert len(house.told("requested")) == 1


async def test_a_code_is_no_use_after_an_hour(house: House) -> None:
    code = await house.code()
    house.passes(HOUR)
    with pytest.raises(NanobotError, match="wrong, or older than an hour"):
        await house.confirm(code)
    assert house.pairing.waiting() == []
    another = await house.code()
    assert another != code
    assert await house.confirm(another) == "open stranger"


async def test_twenty_wait_at_most_on_a_channel_and_an_hour_later_there_is_room(house: House) -> None:
    other = Platform("other")
    house.talk.add(other)
    for number in range(20):
        house.passes(10)
        await house.code(f"s{number}")
    house.passes(61)
    before = await house.letters()
    await house.open.knocks("one too many")
    assert await house.letters() == before
    assert [one["sender"] for one in house.told("refused")] == ["one too many"]
    await other.knocks("elsewhere")
    assert len(await house.letters()) == 21
    house.passes(HOUR)
    await house.code("one too many")


async def test_ten_new_codes_a_minute_at_most(house: House) -> None:
    for number in range(15):
        await house.open.knocks(f"s{number}")
    assert len(await house.letters()) == 10
    house.passes(60)
    await house.code("s14")


async def test_strangers_who_come_at_the_same_moment_cannot_slip_past_the_limits(house: House) -> None:
    for number in range(15):
        house.passes(10)
        await house.code(f"s{number}")
    house.passes(60)
    await asyncio.gather(*(house.open.knocks(f"crowd{n % 50}") for n in range(200)))
    assert len(house.pairing.waiting()) == 20
    assert len(await house.letters()) == 20
    assert len({request.hash for request in house.pairing.waiting()}) == 20


@pytest.mark.parametrize(
    "more",
    [{"group": True}, {"sender": ""}, {"sender": "x" * 300}, {"sender": "a\nb"}, {"sender": "a\x1b[2Jb"}],
    ids=["in a group", "without an id", "an id too long", "an id of two lines", "an id that paints"],
)
async def test_some_get_no_answer_at_all(house: House, more: dict[str, Any]) -> None:
    await house.open.knocks(**more)
    assert await house.letters() == []
    assert house.told("requested") == []
    assert house.talk.names() == ["message_refused"]


async def test_a_channel_that_does_not_want_it_answers_no_stranger(house: House) -> None:
    shut = Chat("shut")
    house.talk.add(shut)
    with pytest.raises(Refused):
        await shut.says("hello", sender="stranger")
    assert await house.letters() == []


async def test_the_name_that_a_stranger_chose_is_one_short_harmless_line(house: House) -> None:
    await house.code(sender_name="Ann\n\x1b[31m  the\u202eowner " + "x" * 1000)
    [request] = house.pairing.waiting()
    assert request.name.startswith("Ann [31m the owner xxx")
    assert request.name.isprintable()
    assert len(request.name) == 64


# -- an owner ---------------------------------------------------------------------------------------


async def test_a_confirmed_sender_is_welcomed_and_then_answered(house: House) -> None:
    code = await house.code(language="fr", sender_name="Ann")
    assert await house.confirm(code) == "open stranger"
    await house.open.wait_for(2)
    assert house.open.received[1] == "Bienvenue, vous pouvez maintenant m'écrire !"
    assert await house.open.types("hello", sender="stranger", chat="stranger") == "hello"
    [turn] = house.agent.turns
    assert (turn.text, turn.owner) == ("hello", False)
    told = {"channel": "open", "chat": "stranger", "sender": "stranger", "sender_name": "Ann", "owner": False}
    assert house.told("confirmed") == [told]


async def test_only_the_one_with_the_code_is_let_in(house: House) -> None:
    await house.code("stranger")
    await house.confirm(await house.code("friend"))
    assert await house.open.types("hello", sender="friend", chat="friend")
    house.passes(61)
    await house.open.knocks("stranger")


async def test_an_owner_can_be_made(house: House) -> None:
    await house.confirm(await house.code(), owner=True)
    await house.open.says("hello", sender="stranger", chat="stranger")
    await house.agent.until_turns(1)
    assert house.agent.turns[0].owner is True
    assert house.told("confirmed")[0]["owner"] is True


async def test_the_log_has_who_was_let_in_by_whom_but_no_code(house: House, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "nanobot.conversations.pairing")
    code = await house.code(sender_name="Ann")
    caplog.clear()
    await house.confirm(code, owner=True)
    await house.pairing.remove("open", "stranger", language="en")
    assert caplog.messages == [
        "open: Ann (stranger) was let in as an owner, by boss",
        "open: 'stranger' is let in no more",
    ]


async def test_a_code_said_twice_changes_nothing_and_welcomes_nobody_again(house: House) -> None:
    code = await house.code()
    assert await house.confirm(code) == await house.confirm(code)
    assert len(await house.letters()) == 2
    assert len(house.told("confirmed")) == 1
    await house.confirm(code, owner=True)
    assert house.pairing.member("open", "stranger").owner
    assert len(await house.letters()) == 2


@pytest.mark.parametrize(
    "typed",
    [str.lower, lambda c: c.replace("-", ""), lambda c: c.replace("-", " — "), lambda c: f" `{c}`. ", " ".join],
    ids=["small letters", "without the dash", "another dash", "copied with its surroundings", "spaced out"],
)
async def test_it_does_not_matter_how_the_code_is_typed(house: House, typed: Callable[[str], str]) -> None:
    code = await house.code()
    assert await house.confirm(typed(code)) == "open stranger"


@given(
    st.text(ALPHABET, min_size=LENGTH, max_size=LENGTH),
    st.lists(st.sampled_from([" ", "-", "–", "\t", "\n", "\u3000", "\u00a0"]), min_size=9, max_size=9),
    st.lists(st.booleans(), min_size=8, max_size=8),
    st.booleans(),
)
def test_case_dashes_blanks_and_wide_letters_do_not_matter(
    code: str, between: list[str], small: list[bool], wide: bool
) -> None:
    letters = [c.lower() if low else c for c, low in zip(code, small, strict=True)]
    if wide:
        letters = [chr(ord(c) + 0xFEE0) for c in letters]
    typed = between[0] + "".join(a + b for a, b in zip(letters, between[1:], strict=True))
    assert plain(typed) == code == plain(readable(code))


@given(st.text())
def test_whatever_is_typed_is_taken_without_complaint(typed: str) -> None:
    assert hash_of(plain(typed))
    assert unicodedata.is_normalized("NFKC", plain(typed)) or plain(typed)


async def test_after_five_wrong_codes_even_the_right_one_has_to_wait_an_hour(house: House) -> None:
    await house.code("early")
    for _ in range(5):
        with pytest.raises(NanobotError, match="This code is wrong"):
            await house.confirm("AAAA-AAAA", asker="guesser")
    house.passes(HOUR - 120)
    code = await house.code("late")
    with pytest.raises(NanobotError, match="too many wrong codes; the next one can be tried in 2 minutes"):
        await house.confirm(code, asker="guesser")
    assert await house.confirm(code, asker="boss") == "open late"
    house.passes(120)
    assert await house.confirm(await house.code("later"), asker="guesser") == "open later"


async def test_twenty_wrong_codes_of_all_together_make_everybody_wait(house: House) -> None:
    for number in range(20):
        with pytest.raises(NanobotError, match="This code is wrong"):
            await house.confirm("AAAA-AAAA", asker=f"guesser {number // 4}")
    code = await house.code()
    with pytest.raises(NanobotError, match="too many wrong codes"):
        await house.confirm(code, asker="boss")
    house.passes(HOUR)
    assert await house.confirm(await house.code()) == "open stranger"


async def test_guesses_at_the_same_moment_are_counted_one_by_one(house: House) -> None:
    code = await house.code()
    guesses = [house.confirm("AAAA-AAAA", asker="guesser") for _ in range(5)]
    results = await asyncio.gather(*guesses, house.confirm(code, asker="guesser"), return_exceptions=True)
    assert all(isinstance(result, NanobotError) for result in results)
    assert house.pairing.members() == []


async def test_a_refusal_is_in_the_language_of_the_asker(house: House) -> None:
    with pytest.raises(NanobotError, match="Dieser Code ist falsch"):
        await house.talk.conversations.door.pair("AAAA-AAAA", "boss", language="de")


async def test_whoever_is_removed_is_out_at_once_and_may_ask_anew(house: House) -> None:
    code = await house.code()
    await house.confirm(code)
    assert await house.open.types("hello", sender="stranger", chat="stranger")
    await house.pairing.remove("open", "stranger", language="en")
    assert house.told("removed") == [{"channel": "open", "sender": "stranger"}]
    assert await house.code() != code
    with pytest.raises(NanobotError, match="wrong"):
        await house.confirm(code)
    assert len(house.agent.turns) == 1


async def test_whoever_waits_can_be_removed_and_the_code_is_void(house: House) -> None:
    code = await house.code()
    await house.pairing.remove("open", "stranger", language="en")
    with pytest.raises(NanobotError, match="wrong"):
        await house.confirm(code)


async def test_removing_nobody_is_a_mistake(house: House) -> None:
    with pytest.raises(NanobotError, match="nobody with the id 'x' is paired on 'open'"):
        await house.pairing.remove("open", "x", language="en")


async def test_a_channel_need_not_be_there(house: House) -> None:
    code = await house.code()
    await house.open.wait_for(1)
    await house.talk.remove("open")
    assert await house.confirm(code) == "open stranger"
    house.talk.add(house.open)
    await house.open.wait_for(2)
    assert house.open.received[1].startswith("Welcome")


# -- what stays -------------------------------------------------------------------------------------


async def test_a_code_outlives_a_restart(again: Again) -> None:
    house = await again()
    code = await house.code(sender_name="Ann", language="de")
    house = await again()
    [request] = house.pairing.waiting()
    assert (request.name, request.code) == ("Ann", "")
    assert await house.confirm(code) == "open stranger"
    await house.open.wait_for(1)
    assert house.open.received[0].startswith("Willkommen")


async def test_a_confirmation_outlives_a_restart(again: Again) -> None:
    house = await again()
    await house.confirm(await house.code(), owner=True)
    house = await again()
    await house.open.says("hello", sender="stranger", chat="stranger")
    await house.agent.until_turns(1)
    assert house.agent.turns[0].owner


async def test_an_hour_goes_on_while_nothing_runs(again: Again) -> None:
    house = await again()
    code = await house.code()
    house.passes(HOUR)
    house = await again()
    with pytest.raises(NanobotError, match="older than an hour"):
        await house.confirm(code)


async def test_a_sender_who_writes_again_after_a_restart_gets_a_new_code(again: Again) -> None:
    house = await again()
    old = await house.code()
    house = await again()
    new = await house.code()
    assert new != old
    with pytest.raises(NanobotError, match="wrong"):
        await house.confirm(old)
    assert await house.confirm(new) == "open stranger"


async def test_a_confirmation_is_on_disk_before_anybody_is_told(house: House, tmp_path: Path) -> None:
    code = await house.code()
    await house.confirm(code)
    async with Talk(house.talk.image(), clock=Clock(lambda: NOON), chat=False) as after:
        assert after.conversations.pairing.member("open", "stranger") is not None


async def test_nobody_is_let_in_by_a_confirmation_that_cannot_be_kept(house: House) -> None:
    code = await house.code()
    file = house.talk.folder / ".storage" / "pairing.json"
    kept = file.rename(file.with_name("kept"))
    file.mkdir()  # nothing can be written there
    with pytest.raises(StorageError, match="pairing.json cannot be written"):
        await house.confirm(code)
    assert house.pairing.member("open", "stranger") is None
    file.rmdir()
    kept.rename(file)
    assert await house.confirm(code) == "open stranger"


async def test_no_code_is_shown_that_could_not_be_kept(house: House) -> None:
    file = house.talk.folder / ".storage" / "pairing.json"
    file.mkdir()
    await house.open.knocks()
    assert await house.letters() == []
    file.rmdir()
    assert await house.code()


async def test_whoever_is_removed_is_out_even_when_it_cannot_be_written(house: House) -> None:
    await house.confirm(await house.code())
    file = house.talk.folder / ".storage" / "pairing.json"
    file.unlink()
    file.mkdir()
    with pytest.raises(StorageError):
        await house.pairing.remove("open", "stranger", language="en")
    await house.open.knocks()
    file.rmdir()


async def test_a_change_is_whole_also_when_nobody_waits_for_it_any_more(house: House) -> None:
    code = await house.code()
    confirming = asyncio.ensure_future(house.confirm(code))
    await asyncio.sleep(0)
    confirming.cancel()
    await asyncio.wait([confirming])
    await house.talk.conversations.pairing.close()
    on_disk = json.loads((house.talk.folder / ".storage" / "pairing.json").read_text())["data"]["members"]
    assert [one["sender"] for one in on_disk] == [one.sender for one in house.pairing.members()]


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: text[: len(text) // 2],
        lambda text: text.replace('"owner": false', '"owner": "false"'),
        lambda text: text.replace('"sender": "stranger"', '"sender": 42'),
        lambda text: text.replace('"version": 1', '"version": "one"').replace("members", "people"),
        lambda text: "\0" * len(text),
    ],
    ids=["cut off", "a word for no", "a number for a name", "another form", "all zeros"],
)
async def test_a_damaged_list_is_set_aside_and_lets_nobody_in(again: Again, damage: Callable[[str], str]) -> None:
    house = await again()
    await house.confirm(await house.code())
    await house.talk.conversations.close()
    file = house.talk.folder / ".storage" / "pairing.json"
    good = file.read_text()
    file.write_text(damage(good))
    assert file.read_text() != good
    house = await again()
    assert house.pairing.members() == []
    assert "pairing.damaged" in house.talk.hub.issues
    assert [path.name for path in file.parent.glob("pairing*")] in (["pairing.json.damaged"], ["pairing.damaged.json"])
    await house.confirm(await house.code())
    assert await house.open.types("hello", sender="stranger", chat="stranger")


@pytest.mark.parametrize("hinder", ["a newer version", "not readable"])
async def test_a_list_that_cannot_be_read_now_is_not_written_over(again: Again, hinder: str) -> None:
    house = await again()
    await house.confirm(await house.code("friend"))
    await house.talk.conversations.close()
    file = house.talk.folder / ".storage" / "pairing.json"
    good = file.read_text()
    if hinder == "a newer version":
        file.write_text(good.replace('"version": 1', '"version": 2'))
    else:
        file.unlink()
        file.mkdir()
    house = await again()
    assert "pairing.unreadable" in house.talk.hub.issues
    for sender in ("friend", "stranger"):
        await house.open.knocks(sender)
    with pytest.raises(StorageError):
        await house.confirm("AAAA-AAAA")
    if file.is_dir():
        file.rmdir()
    file.write_text(good)
    house.passes(10)
    await house.open.knocks("friend")  # refused once more, and from now on known
    assert await house.open.types("hello", sender="friend", chat="friend") == "hello"
    assert "pairing.unreadable" not in house.talk.hub.issues
    assert not any("friend" in line for line in await house.letters())


# -- the door ---------------------------------------------------------------------------------------


async def test_what_is_said_at_the_door_is_no_part_of_the_conversation(house: House) -> None:
    await house.confirm(await house.code())
    await house.open.types("hello", sender="stranger", chat="stranger")
    await house.talk.until("message_sent", text="hello")
    lines = await house.talk.conversations.history("open:stranger")
    assert [line.text for line in lines] == ["hello", "hello"]
    [exchange] = await house.talk.conversations.transcript("open:stranger")
    assert (exchange.text, exchange.answer) == ("hello", "hello")


async def test_what_was_said_at_the_door_is_deleted_after_an_hour(house: House) -> None:
    code = await house.code()
    await house.talk.until("message_sent")
    house.passes(HOUR + 1)
    await house.code("another")
    assert not any(code in letter for letter in await house.letters())


async def test_a_stranger_who_breaks_off_the_chat_bothers_nobody(house: House) -> None:
    class Blocked(Platform):
        async def send(self, message: Any) -> Any:
            raise Refused("the person has blocked us")

    blocked = Blocked("blocked")
    house.talk.add(blocked)
    await blocked.knocks()
    await house.talk.until("message_failed")
    assert len(house.talk.hub.issues) == 0
