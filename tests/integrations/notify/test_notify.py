"""Notifications: messages to chats that have a name."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

import pytest

from nanobot.contracts.channel import Limits
from nanobot.errors import InvalidServiceData, NanobotError, ServiceError
from nanobot.hub.hub import Hub
from nanobot.testing.chat import Chat
from nanobot.testing.plugin import House, SetUp

TARGETS: dict[str, Any] = {
    "family": {"channel": "chat", "chat": "1", "name": "Family"},
    "admin": {"channel": "chat", "chat": "2", "thread": "7"},
    "everyone": {"targets": ["family", "admin"]},
    "all_of_it": {"targets": "everyone, family, all_of_it, persistent_notification"},
}


@pytest.fixture
async def told(hub: Hub, chat: Chat, set_up: SetUp) -> Chat:
    await set_up("notify", TARGETS)
    return chat


async def call(hub: Hub, service: str, **data: Any) -> None:
    await hub.services.call("notify", service, data)


async def arrived(chat: Chat, count: int) -> list[tuple[str, str | None, str, tuple[str, ...]]]:
    async with asyncio.timeout(10):
        await chat.wait_for(count)
    return sorted((one.chat, one.thread, one.text, one.buttons) for one in chat.sent)


def notices(hub: Hub) -> list[dict[str, Any]]:
    command = hub.socket_commands.get("persistent_notification/get")
    assert command is not None
    return list(command.handler(None))  # type: ignore[arg-type]


async def test_a_target_is_a_chat(hub: Hub, told: Chat) -> None:
    await call(hub, "family", message="Dinner is ready")
    assert await arrived(told, 1) == [("1", None, "Dinner is ready", ())]


async def test_a_title_stands_above(hub: Hub, told: Chat) -> None:
    await call(hub, "admin", message="80 %", title="Disk")
    assert await arrived(told, 1) == [("2", "7", "**Disk**\n\n80 %", ())]


async def test_several_targets_get_it_once_each(hub: Hub, told: Chat) -> None:
    await call(hub, "all_of_it", message="hello", title="T", data={"notification_id": "x"})
    assert [one[0] for one in await arrived(told, 2)] == ["1", "2"]
    assert [(one["message"], one["title"], one["notification_id"]) for one in notices(hub)] == [("hello", "T", "x")]


@pytest.mark.parametrize(
    "data",
    [
        {"buttons": ["Yes", "No"]},
        {"actions": [{"action": "YES", "title": "Yes"}, {"action": "No"}]},
        {"buttons": "Yes", "actions": [{"action": "N", "title": "No"}], "ttl": 0, "push": {"sound": "x"}},
    ],
    ids=["ours", "apps", "mixed"],
)
async def test_choices_become_buttons(hub: Hub, told: Chat, data: dict[str, Any]) -> None:
    told.limits = Limits(buttons=True)
    await call(hub, "family", message="Open?", data=data)
    assert await arrived(told, 1) == [("1", None, "Open?", ("Yes", "No"))]


@pytest.mark.parametrize(
    ("service", "target", "chats"),
    [
        ("family", "99", ["99"]),
        ("family", ["99", "admin"], ["2", "99"]),
        ("notify", ["admin", "everyone"], ["1", "2"]),
    ],
)
async def test_the_caller_may_say_who_instead(
    hub: Hub, told: Chat, service: str, target: Any, chats: list[str]
) -> None:
    await call(hub, service, message="hello", target=target)
    assert [one[0] for one in await arrived(told, len(chats))] == chats


async def test_a_target_that_is_none_fails_the_call(hub: Hub, told: Chat) -> None:
    with pytest.raises(InvalidServiceData, match="there is no target 'famly' of notify; did you mean 'family'"):
        await call(hub, "everyone", message="hello", target=["admin", "famly"])
    assert told.sent == []


async def test_the_default_is_the_first_target(hub: Hub, told: Chat) -> None:
    await call(hub, "notify", message="hello")
    assert [one[0] for one in await arrived(told, 1)] == ["1"]


async def test_without_targets_there_are_the_notices(hub: Hub, set_up: SetUp) -> None:
    await set_up("notify")
    await call(hub, "notify", message="one")
    await call(hub, "persistent_notification", message="two", title="T", target="anybody")
    assert [(one["message"], one["title"]) for one in notices(hub)] == [("one", None), ("two", "T")]


async def test_send_message_acts_on_entities_which_show_when(hub: Hub, told: Chat) -> None:
    before = hub.states.get("notify.family")
    await call(hub, "send_message", entity_id=["notify.everyone"], message="hello", title="T")
    assert [one[2] for one in await arrived(told, 2)] == ["**T**\n\nhello"] * 2
    after = [hub.states.get(f"notify.{name}") for name in ("everyone", "family", "admin", "all_of_it")]
    assert before is not None
    assert (before.state, before.attributes["friendly_name"]) == ("unknown", "Family")
    assert [state.state != "unknown" for state in after if state] == [True, True, True, False]
    assert after[0] is not None
    assert datetime.fromisoformat(after[0].state).timestamp() == pytest.approx(hub.clock.time(), abs=5)


async def test_one_that_fails_stops_none_of_the_others(hub: Hub, told: Chat, set_up: SetUp) -> None:
    await set_up("notify", {**TARGETS, "empty": {"targets": ["nobody"]}})
    with pytest.raises(ServiceError, match="leads to no chat"):
        await call(hub, "empty", message="x")
    with pytest.raises(NanobotError, match="without text"):
        await call(hub, "all_of_it", message=" ")
    assert [one["message"] for one in notices(hub)] == [" "]


async def test_what_is_sent_while_the_platform_is_away_arrives_later(hub: Hub, told: Chat) -> None:
    told.away = True
    await call(hub, "family", message="hello")
    assert told.sent == []
    told.away = False
    assert await arrived(told, 1) == [("1", None, "hello", ())]


async def test_a_channel_that_is_not_there_is_told(hub: Hub, set_up: SetUp, caplog: pytest.LogCaptureFixture) -> None:
    await set_up("notify", {"x": {"channel": "telegarm", "chat": 1}})
    with caplog.at_level(logging.WARNING):
        await call(hub, "x", message="hello")
    assert "there is no channel 'telegarm'; the message waits until there is" in caplog.text


async def test_names_that_lead_nowhere_are_an_issue_until_they_lead_somewhere(house: House) -> None:
    await house.start("notify:\n  all: {targets: [family, admin]}\n")
    issue = house.hub.issues.get("notify.unknown_target")
    assert issue is not None
    assert "admin, family" in issue.text()
    await house.apply("notify:\n  all: {targets: [family]}\n  family: {channel: chat, chat: 1}\n")
    assert house.hub.issues.get("notify.unknown_target") is None


async def test_an_edit_touches_only_what_changed(house: House) -> None:
    chats = "notify:\n  a: {channel: chat, chat: 1}\n"
    await house.start(chats + "  b: {channel: chat, chat: 2}\n  c: {channel: chat, chat: 3}\n")
    seen: list[tuple[str, bool]] = []
    house.hub.states.track_domain(
        "notify", lambda event: seen.append((event.data["entity_id"], event.data["new_state"] is not None))
    )
    await house.apply(chats + "  b: {channel: chat, chat: 2, name: B}\n  d: {channel: chat, chat: 4}\n")
    assert seen == [("notify.c", False), ("notify.b", True), ("notify.d", True)]
    assert [house.hub.services.has("notify", name) for name in "abcd"] == [True, True, False, True]


async def test_when_something_was_sent_outlives_a_restart(
    house: House, restart: Callable[[], Awaitable[House]]
) -> None:
    await house.start("notify:\n  a: {targets: [persistent_notification]}\n")
    await call(house.hub, "a", message="hello")
    before = house.hub.states.get("notify.a")
    again = await restart()
    after = again.hub.states.get("notify.a")
    assert before is not None
    assert after is not None
    assert before.state == after.state != "unknown"


async def test_mistakes_are_told_one_by_one_and_the_others_live(house: House) -> None:
    applied = await house.apply(
        "notify:\n"
        "  a: {chanel: chat, chat: 1}\n"
        "  b: {targets: []}\n"
        "  notify: {channel: chat, chat: 1}\n"
        "  d: {targets: [e], chat: 1}\n"
        "  e: {channel: chat, chat: 1}\n"
        "  f: {channel: chat}\n"
        "  g:\n"
    )
    assert [str(problem) for problem in applied.problems] == [
        "configuration.yaml:2: notify > a > chanel: unknown option; did you mean 'channel'?",
        "configuration.yaml:3: notify > b > targets: names no target",
        "configuration.yaml:4: notify > notify: notify.notify is always there; call this target something else",
        "configuration.yaml:5: notify > d > chat: a target that stands for others has no chat of its own",
        "configuration.yaml:7: notify > f: the option 'chat' is missing",
        "configuration.yaml:8: notify > g: one of 'channel', 'targets' is needed",
    ]
    assert house.hub.services.has("notify", "e")
