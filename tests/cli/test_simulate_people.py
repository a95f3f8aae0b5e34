"""``nanobot simulate``: messages, scripts, and entities that only a template can name."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from nanobot.cli import simulate
from nanobot.contracts.channel import Attachment
from nanobot.testing.chat import Chat, Echo
from nanobot.testing.plugin import House
from nanobot.util.aio import in_thread

DAY = 86_400.0  # s
CONFIG = """\
nanobot: {time_zone: UTC}
recorder: {commit_interval: 0}
script:
  light_up:
    fields: {room: {required: true}}
    sequence:
      - if: "{{ is_state('sensor.darkness_' ~ room, 'dark') }}"
        then: {action: light.turn_on, data: {brightness: "{{ states('sensor.brightness') | int }}"}}
      - delay: "00:10:00"
      - action: light.turn_off
automation:
  - id: lights
    triggers:
      - trigger: message
        pattern: "light in the (?P<room>\\\\w+)"
        owner: true
    actions:
      - action: script.light_up
        data: {room: "{{ trigger.match.room }}"}
      - say: "{{ trigger.message.sender_name }}, done: {{ expand(states.room) | map(attribute='state') | list }}"
        channel: "{{ trigger.message.channel }}"
        chat: "{{ trigger.message.chat }}"
  - id: photo
    triggers: {trigger: message, media: image, group: true, answer: false}
    actions: {event: photo_came, event_data: {name: "{{ trigger.message.attachments[0].name }}"}}
  - id: question
    triggers: {trigger: conversation, command: "what is {thing}"}
    actions:
      - set_conversation_response: "I ask about {{ trigger.slots.thing }}"
      - delay: "00:00:01"
      - wait_for_message: {channel: chat, chat: test}
      - say: "You said {{ wait.message.text }}"
        channel: chat
        chat: test
"""

At = Callable[[float], None]


@pytest.fixture
def at(house: House, monkeypatch: pytest.MonkeyPatch) -> At:
    """``at(hours)``: it is so many hours after the day before yesterday, until the test is over."""
    now = house.hub.clock.time()
    moment = now - 2 * DAY
    monkeypatch.setattr("nanobot.hub.bus.time", lambda: moment)
    monkeypatch.setattr(house.hub.clock, "time", lambda: moment)

    def move(hours: float) -> None:
        nonlocal moment
        moment = now - 2 * DAY + hours * 3600

    return move


@pytest.fixture
def simulated(house: House, capsys: pytest.CaptureFixture[str]) -> Callable[[str], Awaitable[Any]]:
    async def simulated(name: str) -> Any:
        await house.close()
        assert await in_thread(simulate.run, house.config_dir, name, "3d", True) == 0
        return json.loads(capsys.readouterr().out)["runs"]

    return simulated


async def test_messages_are_played_again_with_scripts_and_whatever_these_read(
    house: House, chat: Chat, at: At, simulated: Callable[[str], Awaitable[Any]]
) -> None:
    states = house.hub.states
    states.set("sensor.darkness_kitchen", "dark")
    states.set("sensor.darkness_bath", "bright")
    states.set("sensor.brightness", "70")
    states.set("room.kitchen", "empty")
    await house.start(CONFIG.replace("owner: true", "owner: true\n        chat: nowhere"))
    house.hub.agents.add("echo", Echo("echo"))
    for hour, text, more in (
        (1, "light in the kitchen please", {"sender_name": "Ann"}),
        (2, "light in the bath", {"sender_name": "Ben"}),
        (3, "good night", {}),
    ):
        at(hour)
        await chat.says(text, **more)
        await chat.wait_for(hour)
    at(4)
    states.set("room.kitchen", "full")
    house.write(CONFIG)
    runs = await simulated("lights")
    assert [one["outcome"] for one in runs] == ["finished", "finished"]
    done = [[one.get("action", one.get("say")) for one in run["done"]] for run in runs]
    assert done == [
        ["script.light_up", "light.turn_on", "light.turn_off", "Ann, done: ['empty']"],
        ["script.light_up", "light.turn_off", "Ben, done: ['empty']"],
    ]
    assert runs[0]["done"][1]["data"] == {"brightness": 70}
    assert runs[0]["source"] == "message from Ann on chat"


async def test_groups_and_files_are_known_as_they_were(
    house: House, chat: Chat, at: At, simulated: Callable[[str], Awaitable[Any]], tmp_path: Path
) -> None:
    await house.start(CONFIG.replace("media: image, ", "chat: nowhere, "))
    house.hub.agents.add("echo", Echo("echo"))
    picture = Attachment("media/cat.jpg", "cat.jpg", "image/jpeg", 3)
    for hour, more in ((1, {}), (2, {"group": True}), (3, {"group": True, "attachments": (picture,)})):
        at(hour)
        await chat.says("look", **more)
        await chat.wait_for(hour)
    house.write(CONFIG)
    runs = await simulated("photo")
    assert [run["source"] for run in runs] == ["message from tester on chat"]


async def test_sentences_and_answers_that_were_waited_for_come_again(
    house: House, chat: Chat, at: At, simulated: Callable[[str], Awaitable[Any]]
) -> None:
    await house.start(CONFIG.replace("what is {thing}", "something else"))
    house.hub.agents.add("echo", Echo("echo"))
    for hour, text in ((1, "What is love?"), (2, "Forty-two")):
        at(hour)
        await chat.says(text)
        await chat.wait_for(hour)
    house.write(CONFIG)
    runs = await simulated("question")
    assert [one["say"] for run in runs for one in run["done"]] == ["You said Forty-two", "I ask about love"]


async def test_older_records_say_less_of_a_message(
    house: House, chat: Chat, at: At, simulated: Callable[[str], Awaitable[Any]]
) -> None:
    await house.start(CONFIG.replace("owner: true", "owner: true\n        chat: nowhere"))
    house.hub.agents.add("echo", Echo("echo"))
    at(1)
    await chat.says("light in the bath")
    await chat.wait_for(1)
    recorder = house.entry("recorder").data

    def forget(connection: Any) -> None:
        connection.exec_driver_sql("UPDATE messages SET details = NULL")

    await recorder.writer.flush()
    await recorder.writer.do(forget)
    house.write(CONFIG.replace("owner: true", ""))
    assert [run["outcome"] for run in await simulated("lights")] == ["finished"]


async def test_events_that_it_does_not_listen_for_push_none_aside(
    house: House, at: At, simulated: Callable[[str], Awaitable[Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nanobot.lifecycle.records.MOST_EVENTS", 10)
    await house.start(f"""\
{CONFIG}  - id: bell
    triggers: {{trigger: event, event_type: bell}}
    actions: {{event: rang}}
""")
    at(1)
    house.hub.bus.fire("bell")
    for number in range(30):
        house.hub.bus.fire("noise", {"number": number})
    assert [run["outcome"] for run in await simulated("bell")] == ["finished"]
