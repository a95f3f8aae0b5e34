"""Who writes on Telegram, where, and what of it the bot is meant to hear."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from nanobot.hub.hub import Hub
from tests.integrations.telegram.conftest import (
    ANNA,
    BERT,
    BERTS,
    BOT,
    GROUP,
    Hears,
    Listener,
    Platform,
    Telegram,
    earlier,
)

PNG = b"\x89PNG\r\n\x1a\n" + bytes(100)


async def test_a_turn_knows_who_wrote_where_and_in_which_language(hears: Hears) -> None:
    turn = await hears("hello", more={"from": {**BERTS, "id": ANNA, "language_code": "de-AT"}})
    assert turn is not None
    assert (turn.chat, turn.sender, turn.sender_name) == ("42", "42", "Bert B.")
    assert (turn.session, turn.thread, turn.language) == ("telegram:42", None, "de")
    assert turn.owner


@pytest.mark.parametrize("code", ["xx", "tlh", "", None, "../../etc/passwd", "EN"])
async def test_a_language_that_nanobot_does_not_speak_is_not_used(hears: Hears, code: str | None) -> None:
    turn = await hears("hello", more={"from": {"id": ANNA, "is_bot": False, "first_name": "A", "language_code": code}})
    assert turn is not None
    assert turn.language == "en"


async def test_a_topic_is_a_session_of_its_own_and_a_reply_is_not(
    telegram: Telegram, platform: Platform, agent: Listener
) -> None:
    await telegram(groups="all", allow=[ANNA, GROUP])
    await platform.writes("in the topic", chat=GROUP, thread_id=9, from_id=ANNA)
    await platform.writes("in a thread of replies", chat=GROUP, from_id=ANNA, more={"message_thread_id": 12})
    await agent.until(2)
    assert {turn.text: (turn.session, turn.thread) for turn in agent.turns} == {
        "in the topic": ("telegram:-1001:9", "9"),
        "in a thread of replies": ("telegram:-1001", None),
    }
    await platform.reads(2, chat=GROUP)
    sent = {call["text"]: call.get("message_thread_id") for call in await platform.calls("sendMessage")}
    assert sent == {"you said in the topic": 9, "you said in a thread of replies": None}


async def test_the_first_message_of_a_topic_is_no_reply(hears: Hears) -> None:
    topic = earlier(BOT, forum_topic_created={"name": "Garden", "icon_color": 1}, message_thread_id=9)
    options = {"groups": "mention", "allow": [GROUP, BERT]}
    more = {"reply_to_message": {**topic, "chat": {"id": GROUP, "type": "supergroup", "title": "G"}}}
    assert await hears("hello", chat=GROUP, from_id=ANNA, thread_id=9, more=more, options=options) is None


@pytest.mark.parametrize(
    ("text", "more", "heard"),
    [
        ("what a day", {}, None),
        ("@test_bot what time is it?", {}, "what time is it?"),
        ("hey @Test_Bot, what time is it?", {}, "hey , what time is it?"),
        ("@test_bot: stop that", {}, "stop that"),
        ("ask @other_bot", {}, None),
        ("mail me@test_bot.org", {}, None),
        ("/weather", {}, "/weather"),
        ("/weather@test_bot in Rome", {}, "/weather in Rome"),
        ("/weather@other_bot in Rome", {}, None),
        ("yes", {"reply_to_message": earlier(BOT, text="Shall I?")}, "> Test Bot: Shall I?\n\nyes"),
        ("yes", {"reply_to_message": earlier(BERTS, text="Shall I?")}, None),
        ("@test_bot", {}, "@test_bot"),
    ],
)
async def test_in_a_group_only_what_is_meant_for_the_bot_is_heard(
    hears: Hears, text: str, more: dict[str, Any], heard: str | None
) -> None:
    entities = []
    if (start := text.lower().find("@test_bot")) >= 0 and "mail" not in text and not text.startswith("/"):
        entities = [{"type": "mention", "offset": start, "length": 9}]
    elif text.startswith("ask"):
        entities = [{"type": "mention", "offset": 4, "length": 10}]
    turn = await hears(text, chat=GROUP, from_id=ANNA, more={**({"entities": entities} if entities else {}), **more})
    assert (turn.text if turn is not None else None) == heard


async def test_a_mention_is_found_behind_emoji_and_in_a_caption(
    telegram: Telegram, platform: Platform, agent: Listener
) -> None:
    await telegram()
    mention = [{"type": "mention", "offset": 3, "length": 9}]
    await platform.writes("👍 @test_bot what is it?", chat=GROUP, from_id=ANNA, more={"entities": mention})
    more = {"caption": "👍 @test_bot what is it?", "caption_entities": mention}
    await platform.sends("photo", PNG, chat=GROUP, from_id=ANNA, more=more)
    await agent.until(2)
    assert agent.heard == ["👍  what is it?"] * 2
    assert len(agent.turns[1].attachments) == 1


async def test_a_mention_beside_half_a_character_is_found(hears: Hears) -> None:
    mention = [{"type": "mention", "offset": 2, "length": 9}]
    turn = await hears("x", chat=GROUP, from_id=ANNA, more={"text": "\ud83d @test_bot help", "entities": mention})
    assert turn is not None
    assert turn.text == "\ufffd  help"


async def test_a_person_without_a_name_can_be_meant(hears: Hears) -> None:
    entity = {"type": "text_mention", "offset": 0, "length": 4, "user": BOT}
    turn = await hears("Robo, help", chat=GROUP, from_id=ANNA, more={"entities": [entity]})
    assert turn is not None
    assert turn.text == "help"


@pytest.mark.parametrize(("groups", "heard"), [("all", ["what a day"]), ("none", [])])
async def test_a_group_can_be_heard_wholly_or_not_at_all(
    telegram: Telegram, platform: Platform, agent: Listener, groups: str, heard: list[str]
) -> None:
    await telegram(groups=groups, allow=[ANNA, BERT])
    await platform.writes("what a day", chat=GROUP, from_id=ANNA)
    await platform.unread()
    await platform.writes("the end", chat=BERT)
    async with asyncio.timeout(5):
        while "the end" not in agent.heard:
            await asyncio.sleep(0.01)
    assert [text for text in agent.heard if text != "the end"] == heard


async def test_a_group_lets_its_members_in_and_nobody_becomes_an_owner_by_it(
    telegram: Telegram, platform: Platform, agent: Listener
) -> None:
    await telegram(allow=[GROUP], groups="all")
    anonymous = {
        "from": {"id": 1087968824, "is_bot": True, "first_name": "Group"},
        "sender_chat": {"id": GROUP, "type": "supergroup", "title": "Family"},
    }
    await platform.writes("I am a member", chat=GROUP, from_id=77)
    await platform.writes("I am an admin without a name", chat=GROUP, more=anonymous)
    await platform.writes("I am nobody", chat=77)
    await agent.until(2)
    await platform.unread()
    assert [(turn.sender, turn.sender_name, turn.owner) for turn in agent.turns] == [
        ("77", "User 77", False),
        (str(GROUP), "Family", False),
    ]


async def test_who_writes_in_the_name_of_a_channel_is_no_owner_although_it_is_let_in(hears: Hears) -> None:
    channel = {"id": -1005, "type": "channel", "title": "News"}
    through = {"id": 136817688, "is_bot": True, "first_name": "Channel"}
    more = {"from": through, "sender_chat": channel}
    turn = await hears("hello", chat=GROUP, more=more, options={"allow": [GROUP, -1005], "groups": "all"})
    assert turn is not None
    assert (turn.sender, turn.sender_name, turn.owner) == ("136817688", "News", False)


@pytest.mark.parametrize(
    "more",
    [
        {"is_automatic_forward": True, "sender_chat": {"id": -5, "type": "channel", "title": "News"}},
        {"from": {"id": 5, "is_bot": True, "first_name": "Other bot"}},
        {"text": None, "new_chat_title": "A new name"},
        {"text": None, "new_chat_members": [BERTS]},
        {"text": None, "pinned_message": earlier(BERTS, text="x")},
    ],
    ids=["channel", "bot", "title", "members", "pin"],
)
async def test_what_nobody_says_to_the_bot_is_not_heard(hears: Hears, more: dict[str, Any]) -> None:
    assert await hears("look", chat=GROUP, from_id=ANNA, more=more, options={"groups": "all", "allow": "*"}) is None


async def test_an_edit_is_no_second_message(telegram: Telegram, platform: Platform, agent: Listener) -> None:
    await telegram()
    message = await platform.writes("helo")
    await agent.until(1)
    await platform.tell("edit", chat_id=ANNA, message_id=message["message_id"], text="hello")
    await platform.writes("next")
    await agent.until(2)
    await platform.unread(1)
    assert agent.heard == ["helo", "next"]


async def test_a_group_that_moves_keeps_being_let_in(
    telegram: Telegram, platform: Platform, agent: Listener, hub: Hub
) -> None:
    await telegram(allow=[GROUP], groups="all")
    await platform.writes("before", chat=GROUP, from_id=77)
    await platform.reads(chat=GROUP)
    new = (await platform.tell("migrate", chat_id=GROUP))["chat_id"]
    await platform.unread()
    issue = hub.issues.get("telegram.group_moved")
    assert issue is not None
    assert str(new) in issue.text()
    await platform.writes("after", chat=new, from_id=77)
    assert await platform.reads(chat=new) == ["you said after"]
    await hub.conversations.send("telegram", str(GROUP), "to where it was")
    assert await platform.reads(2, chat=new) == ["you said after", "to where it was"]
    await telegram(allow=[GROUP], groups="mention")
    await platform.writes("/still", chat=new, from_id=77)
    assert (await platform.reads(3, chat=new))[2] == "you said /still"
    await telegram(allow=[new], groups="mention")
    assert hub.issues.get("telegram.group_moved") is None


async def test_being_added_and_removed_is_said_in_the_log(
    telegram: Telegram, platform: Platform, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "nanobot")
    await telegram()
    change = {"chat": {"id": GROUP, "type": "supergroup", "title": "Family"}, "from": BERTS, "date": 1}
    for old, new in (("left", "member"), ("member", "left")):
        old_member, new_member = {"user": BOT, "status": old}, {"user": BOT, "status": new}
        await platform.tell(
            "update", my_chat_member={**change, "old_chat_member": old_member, "new_chat_member": new_member}
        )
    await platform.unread()
    assert "the bot was added to 'Family' (-1001); to let all its members in, add -1001 to 'allow'" in caplog.text
    assert "the bot was removed from 'Family' (-1001)" in caplog.text


async def test_a_stranger_gets_a_code_and_is_let_in_with_it(
    telegram: Telegram, platform: Platform, agent: Listener
) -> None:
    await telegram()
    await platform.writes("let me in", chat=BERT)
    (text,) = await platform.reads(chat=BERT)
    code = next(word.strip(".`") for word in text.split() if len(word.strip(".`")) == 9 and "-" in word)
    await platform.writes(f"/pair {code}")
    await platform.reads()
    await platform.reads(2, chat=BERT)
    await platform.writes("thank you", chat=BERT)
    (turn,) = await agent.until(1)
    assert (turn.text, turn.sender, turn.owner) == ("thank you", "43", False)


async def test_a_stranger_in_a_group_gets_no_answer(telegram: Telegram, platform: Platform, agent: Listener) -> None:
    await telegram(groups="all")
    await platform.writes("who are you?", chat=GROUP, from_id=BERT)
    await platform.unread()
    await platform.writes("hello")
    await platform.reads()
    assert await platform.reads(chat=GROUP, timeout=0) == []
    assert agent.heard == ["hello"]
