"""A press of a button is a message, and counts once."""

from __future__ import annotations

from typing import Any

from tests.integrations.telegram.conftest import (
    ANNA,
    BERT,
    BERTS,
    BOT,
    GROUP,
    PRIVATE,
    Listener,
    Platform,
    Telegram,
)

PNG = b"\x89PNG\r\n\x1a\n" + bytes(100)


async def _with_buttons(platform: Platform, chat: int = ANNA) -> dict[str, Any]:
    """A message of the bot below which somebody can choose."""
    keyboard = [[{"text": "Tea", "callback_data": "b:0"}, {"text": "Coffee", "callback_data": "b:1"}]]
    await platform.tell(
        "message",
        chat_id=chat,
        text="What will it be?",
        from_id=1000,
        more={"reply_markup": {"inline_keyboard": keyboard}, "from": BOT},
    )
    message: dict[str, Any] = (await platform.read(f"chat/{chat}"))[-1]
    return message


async def test_a_press_is_a_message_with_the_text_of_the_button(
    telegram: Telegram, platform: Platform, agent: Listener
) -> None:
    await telegram()
    message = await _with_buttons(platform)
    press = await platform.tell("callback", chat_id=ANNA, message_id=message["message_id"], data="b:1")
    (turn,) = await agent.until(1)
    assert (turn.text, turn.sender, turn.session) == ("Coffee", "42", "telegram:42")
    await platform.unread()
    assert (await platform.read(f"callback/{press['id']}"))["answered"]
    assert (await platform.reads(2))[-1] == "you said Coffee"
    (asked,) = [item for item in await platform.read(f"chat/{ANNA}") if item.get("text") == "What will it be?"]
    assert "reply_markup" not in asked


async def test_of_two_presses_one_counts(telegram: Telegram, platform: Platform, agent: Listener) -> None:
    message = await _with_buttons(platform)
    presses = [
        await platform.tell("callback", chat_id=ANNA, message_id=message["message_id"], data=f"b:{number}")
        for number in (0, 1)
    ]
    await telegram()
    await platform.writes("and?")
    await agent.until(2)
    assert agent.heard == ["Tea", "and?"]
    for press in presses:
        assert (await platform.read(f"callback/{press['id']}"))["answered"]


async def test_a_stranger_cannot_press(telegram: Telegram, platform: Platform, agent: Listener) -> None:
    await telegram(allow=[ANNA], pairing=False)
    message = await _with_buttons(platform, GROUP)
    press = await platform.tell("callback", chat_id=GROUP, message_id=message["message_id"], data="b:0", from_id=BERT)
    await platform.unread()
    assert (await platform.read(f"callback/{press['id']}"))["answered"]
    assert agent.turns == []
    assert "reply_markup" in (await platform.read(f"chat/{GROUP}"))[-1]
    await platform.tell("callback", chat_id=GROUP, message_id=message["message_id"], data="b:0", from_id=ANNA)
    await agent.until(1)


async def test_a_button_that_nobody_knows_any_more_says_so(
    telegram: Telegram, platform: Platform, agent: Listener
) -> None:
    await telegram()
    gone = {"message_id": 5, "date": 0, "chat": PRIVATE}
    query = {"id": "99", "from": {**BERTS, "id": ANNA, "language_code": "de"}, "chat_instance": "1", "data": "b:0"}
    await platform.tell("update", callback_query={**query, "message": gone})
    await platform.unread()
    (answer,) = await platform.calls("answerCallbackQuery")
    assert answer["text"] == "Dieser Knopf ist zu alt. Bitte schreib es mir."
    assert agent.turns == []
