"""What stands in the configuration: what it means, what is wrong with it, and what an edit of it does."""

from __future__ import annotations

import asyncio

import pytest

from nanobot.hub.hub import Hub
from nanobot.testing.plugin import House, SetUp
from nanobot.util.secrets import Secret
from tests.integrations.telegram.conftest import (
    ANNA,
    TOKEN,
    Listener,
    Platform,
    Telegram,
)
from tests.integrations.telegram.line import Line

PNG = b"\x89PNG\r\n\x1a\n" + bytes(100)


async def test_who_may_write_changes_in_place(
    telegram: Telegram, platform: Platform, agent: Listener, hub: Hub
) -> None:
    entry = await telegram(allow=[], pairing=False)
    channel = hub.channels.get("telegram")
    await platform.writes("let me in")
    await platform.unread()
    assert await telegram(allow=[ANNA], pairing=False) is entry
    assert hub.channels.get("telegram") is channel
    await platform.writes("thank you")
    assert await platform.reads() == ["you said thank you"]
    assert agent.heard == ["thank you"]


async def test_what_changes_in_place_and_what_does_not(telegram: Telegram, platform: Platform, hub: Hub) -> None:
    entry = await telegram()
    assert await telegram(groups="all", streaming=True, pairing=False) is entry
    channel = hub.channels.get("telegram")
    assert channel is not None
    assert not channel.pairing
    assert await telegram(poll_timeout=2) is not entry


async def test_restarts_under_a_stream_of_messages_lose_none(
    telegram: Telegram, platform: Platform, agent: Listener
) -> None:
    agent.answers = False  # or each restart would let what is on its way be sent, at Telegram's pace
    texts = [str(number) for number in range(120)]

    async def write() -> None:
        for text in texts:
            await platform.writes(text)

    await telegram()
    writing = asyncio.create_task(write())
    for number in range(8):
        await telegram(poll_timeout=1 + number % 2)
        await asyncio.sleep(0.05)
    await writing
    assert await platform.unread() == []
    await agent.until(len(texts))
    assert agent.heard == texts


async def test_the_commands_are_offered_in_each_language(telegram: Telegram, platform: Platform) -> None:
    await telegram()
    async with asyncio.timeout(5):
        while len(calls := await platform.calls("setMyCommands")) < 6:
            await platform.tell("polled")
    offered = {call.get("language_code"): call["commands"] for call in calls}
    assert set(offered) == {None, "en", "de", "fr", "es", "zh"}
    assert offered[None] == offered["en"]
    assert [item["command"] for item in offered["de"]] == ["stop", "new", "help", "status"]
    assert offered["de"][0]["description"] == "Anhalten, was gerade läuft"


async def test_commands_are_not_offered_where_that_is_not_wanted(telegram: Telegram, platform: Platform) -> None:
    await telegram(commands=False)
    await platform.tell("polled", more=2)
    assert await platform.calls("setMyCommands") == []


NAME = (
    "allow > 0: '@anna' is a name, and names can change hands; write the number of the account. To find it, send the"
    " bot a message: the log names the number of whoever was not let in"
)
NO_TOKEN = "token: is not the token of a bot; it looks like 123456789:AAF…, and @BotFather gives it to you"


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ("allow: ['@anna']", NAME),
        ("allow: [[1]]", "allow > 0: [1] is neither the number of an account nor that of a group, nor '*'"),
        ("alow: [1]", "alow: unknown option; did you mean 'allow'?"),
        ("poll_timeout: 3600", "poll_timeout: has to be between 1 and 50 seconds"),
        ("groups: some", "groups: 'some' is not possible; write one of 'mention', 'all', 'none'"),
        ("base_url: my.server", "base_url: 'my.server' is not an address; write it like 'https://example.com'"),
    ],
)
async def test_a_wrong_option_is_named_with_its_line(house: House, options: str, problem: str) -> None:
    await house.start(f"telegram:\n  token: '1:x'\n  {options}\n")
    assert [str(found) for found in house.edits.problems] == [f"configuration.yaml:3: telegram > {problem}"]


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ("token: my bot", f"configuration.yaml:2: telegram > {NO_TOKEN}"),
        ("allow: [1]", "configuration.yaml:1: telegram: the option 'token' is missing"),
    ],
)
async def test_a_missing_or_wrong_token_is_named(house: House, options: str, problem: str) -> None:
    await house.start(f"telegram:\n  {options}\n")
    assert [str(found) for found in house.edits.problems] == [problem]


async def test_the_addresses_follow_from_one_another(set_up: SetUp, agent: Listener, platform: Platform) -> None:
    entry = await set_up(
        "telegram", {"token": TOKEN, "base_url": platform.base_url.removesuffix("/bot") + "/", "allow": ANNA}
    )
    assert entry.config["base_url"] == platform.base_url
    assert entry.config["allow"] == ["42"]
    await platform.sends("document", b"abc", name="a.txt")
    assert await platform.reads() == ["you said ['a.txt']"]


async def test_telegram_is_reached_through_a_proxy(
    set_up: SetUp, agent: Listener, platform: Platform, line: Line
) -> None:
    options = {"base_url": "http://telegram.invalid/bot", "proxy": f"http://127.0.0.1:{line.port}"}
    await set_up("telegram", {"token": TOKEN, "allow": ANNA, **options})
    await platform.sends("document", b"abc", name="a.txt")
    assert await platform.reads() == ["you said ['a.txt']"]


def test_rights_say_who_gets_in() -> None:
    from integrations.telegram import CONFIG_SCHEMA, rights

    config = CONFIG_SCHEMA({"token": Secret("1:x"), "allow": [42, -1001, "*"]})
    assert rights(config) == {
        "exchanges messages and files with api.telegram.org",
        "lets everybody on Telegram in who finds the bot",
        "lets 42 in, as an owner",
        "lets the members of the group -1001 in",
        "shows unknown senders a code with which an owner can let them in",
    }
