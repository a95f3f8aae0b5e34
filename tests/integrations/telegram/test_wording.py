"""What a message says, as text for an agent."""

from __future__ import annotations

from typing import Any

import pytest

from tests.integrations.telegram.conftest import (
    ANNA,
    BERTS,
    BOT,
    GROUP,
    PRIVATE,
    Hears,
    Listener,
    Platform,
    Telegram,
    earlier,
)

PNG = b"\x89PNG\r\n\x1a\n" + bytes(100)


@pytest.mark.parametrize(
    ("more", "heard"),
    [
        (
            {
                "sticker": {
                    "file_id": "1",
                    "file_unique_id": "1",
                    "type": "regular",
                    "width": 1,
                    "height": 1,
                    "is_animated": False,
                    "is_video": False,
                    "emoji": "👍",
                }
            },
            "👍",
        ),
        ({"dice": {"emoji": "🎲", "value": 4}}, "🎲 4"),
        ({"location": {"latitude": 52.5, "longitude": 13.4}}, "[location: 52.5, 13.4]"),
        (
            {
                "location": {"latitude": 1.0, "longitude": 2.0},
                "venue": {"location": {"latitude": 1.0, "longitude": 2.0}, "title": "Café", "address": "Main St"},
            },
            "[place: Café, Main St (1.0, 2.0)]",
        ),
        ({"contact": {"phone_number": "+4930", "first_name": "Bert", "last_name": "B."}}, "[contact: Bert B., +4930]"),
        (
            {
                "poll": {
                    "id": "1",
                    "question": "Tea?",
                    "options": [
                        {"text": "yes", "voter_count": 0, "persistent_id": "a"},
                        {"text": "no", "voter_count": 0, "persistent_id": "b"},
                    ],
                    "total_voter_count": 0,
                    "is_closed": False,
                    "is_anonymous": True,
                    "type": "regular",
                    "allows_multiple_answers": False,
                    "allows_revoting": True,
                    "members_only": False,
                }
            },
            "[poll: 'Tea?' Options: yes, no]",
        ),
        ({"story": {"id": 1, "chat": PRIVATE}}, "[a message of a kind that cannot be read here: story]"),
        (
            {
                "text": "see this",
                "entities": [{"type": "text_link", "offset": 4, "length": 4, "url": "https://example.org/x"}],
            },
            "see [this](https://example.org/x)",
        ),
        (
            {"text": "no", "forward_origin": {"type": "user", "date": 1, "sender_user": BERTS}},
            "[forwarded from Bert B.]\nno",
        ),
        (
            {"text": "/stop", "forward_origin": {"type": "hidden_user", "date": 1, "sender_user_name": "Somebody"}},
            "[forwarded from Somebody]\n/stop",
        ),
        (
            {
                "text": "news",
                "forward_origin": {
                    "type": "channel",
                    "date": 1,
                    "message_id": 1,
                    "chat": {"id": -5, "type": "channel", "title": "News"},
                },
            },
            "[forwarded from News]\nnews",
        ),
        (
            {"text": "yes", "reply_to_message": earlier(BERTS, text="Tea\n\nor coffee?")},
            "> Bert B.: Tea\n> or coffee?\n\nyes",
        ),
        (
            {
                "text": "yes",
                "reply_to_message": earlier(BERTS, text="Tea or coffee?"),
                "quote": {"text": "Tea", "position": 0},
            },
            "> Bert B.: Tea\n\nyes",
        ),
        ({"text": "more", "reply_to_message": earlier(BERTS, text="x" * 5000)}, f"> Bert B.: {'x' * 300} …\n\nmore"),
        (
            {
                "text": "nice",
                "reply_to_message": earlier(
                    BERTS, document={"file_id": "1", "file_unique_id": "1", "file_name": "plan.pdf"}
                ),
            },
            "> Bert B.: [plan.pdf]\n\nnice",
        ),
        ({"text": "/weather", "reply_to_message": earlier(BERTS, text="Tea?")}, "/weather"),
        ({"text": "/weather@test_bot Rome"}, "/weather Rome"),
    ],
    ids=[
        "sticker",
        "dice",
        "location",
        "venue",
        "contact",
        "poll",
        "story",
        "link",
        "forwarded",
        "forwarded command",
        "from a channel",
        "reply",
        "quote",
        "long quote",
        "reply to a file",
        "command as a reply",
        "command with a name",
    ],
)
async def test_what_is_not_plain_text_becomes_text(hears: Hears, more: dict[str, Any], heard: str) -> None:
    turn = await hears("x", more={"text": None, "entities": None, **more})
    assert turn is not None
    assert turn.text == heard


async def test_a_stop_that_is_a_reply_stops(telegram: Telegram, platform: Platform, agent: Listener) -> None:
    await telegram()
    await platform.writes("stop", more={"reply_to_message": earlier(BOT, text="Working on it")})
    assert await platform.reads() == ["Nothing is running."]
    assert agent.turns == []


async def test_whoever_opens_the_chat_is_told_what_can_be_done(
    telegram: Telegram, platform: Platform, agent: Listener
) -> None:
    await telegram()
    await platform.writes("/start")
    (text,) = await platform.reads()
    assert "/stop" in text
    assert agent.turns == []


async def test_a_command_of_nanobot_works_with_the_name_of_the_bot(
    telegram: Telegram, platform: Platform, agent: Listener
) -> None:
    await telegram(allow=[GROUP])
    await platform.writes("/stop@test_bot", chat=GROUP, from_id=ANNA)
    assert await platform.reads(chat=GROUP) == ["Nothing is running."]
    assert agent.turns == []


@pytest.mark.parametrize(
    ("more", "others"),
    [
        ({}, False),
        ({"forward_origin": {"type": "user", "date": 1, "sender_user": BERTS}}, True),
        ({"reply_to_message": earlier(BERTS, text="a thought")}, True),
        ({"reply_to_message": earlier({"id": ANNA, "is_bot": False, "first_name": "Anna"}, text="my own")}, False),
    ],
    ids=["plain", "forwarded", "reply to somebody", "reply to oneself"],
)
async def test_words_of_others_are_known_as_such(hears: Hears, more: dict[str, Any], others: bool) -> None:
    turn = await hears("look at this", more=more)
    assert turn is not None
    assert turn.extra.get("forwarded", False) is others
