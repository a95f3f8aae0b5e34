"""Intents of the configuration: what is done and answered for them, and the sentences that ask for them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import orjson
import pytest
from aiohttp import ClientSession

from nanobot.contracts.view import Access
from nanobot.hub.bus import Event
from nanobot.hub.entry import Entry
from nanobot.hub.hub import Hub
from nanobot.testing.chat import Chat, Echo
from nanobot.testing.plugin import House

CONFIG = """
http:
  port: 0
counter:
  meals:
conversation:
  intents:
    FeedCat: ["feed {who}", "(give|bring) {who} [some] food"]
    HassTurnOn: "light up {name}"
input_boolean:
  lamp:
    name: Night lamp
intent_script:
  FeedCat:
    description: A meal
    platforms: [counter]
    card:
      title: "Meal of {{ who }}"
      content: "{{ states('counter.meals') }}"
    action:
      - action: counter.increment
        target: {entity_id: counter.meals}
      - variables:
          told: {meals: "{{ states('counter.meals') | int }}", of: "{{ who }}"}
      - stop: done
        response_variable: told
    speech:
      text: "{{ who }} is fed, meal {{ action_response.meals }}."
  Broken:
    action:
      - action: counter.increment
        target: {entity_id: counter.meals}
      - action: no.such_service
    speech:
      text: never said
  Slow:
    async_action: true
    action:
      - wait_for_trigger: {trigger: event, event_type: go_on}
      - event: went_on
        event_data: {slot: "{{ slot }}"}
    speech:
      text: "{{ 1 + 1 }}"
  Silent:
"""


def speech(told: Mapping[str, Any]) -> str:
    return str(told["speech"]["plain"]["speech"])


async def say(hub: Hub, text: str) -> Mapping[str, Any]:
    told = await hub.services.call("conversation", "process", {"text": text}, return_response=True)
    assert told is not None
    response: Mapping[str, Any] = told["response"]
    return response


async def handle(hub: Hub, name: str, **slots: Any) -> Mapping[str, Any]:
    token = hub.credentials.create(f"t{len(hub.credentials.known())}", Access.USER)
    url = f"{hub.run_info['url']}/api/intent/handle"
    body = orjson.dumps({"name": name, "data": slots})
    async with (
        ClientSession(headers={"Authorization": f"Bearer {token}"}) as client,
        client.post(url, data=body) as got,
    ):
        assert got.status == 200
        told: Mapping[str, Any] = await got.json()
        return told


def state(hub: Hub, entity_id: str) -> str:
    found = hub.states.get(entity_id)
    assert found is not None
    return found.state


@pytest.fixture
async def hub(house: House) -> Hub:
    await house.start(CONFIG)
    return house.hub


@pytest.mark.parametrize("text", ["Feed Minka!", "bring Minka food", "give Minka some food"])
async def test_a_sentence_does_what_its_intent_says_and_gets_its_answer(hub: Hub, text: str) -> None:
    told = await say(hub, text)
    assert (speech(told), told["response_type"]) == ("Minka is fed, meal 1.", "action_done")
    assert state(hub, "counter.meals") == "1"


async def test_a_sentence_may_ask_for_an_intent_that_is_built_in(hub: Hub) -> None:
    await say(hub, "light up the night lamp")
    assert state(hub, "input_boolean.lamp") == "off"  # it is not called that
    await say(hub, "Light up Night Lamp")
    assert state(hub, "input_boolean.lamp") == "on"


async def test_a_person_in_a_chat_says_it_as_well(hub: Hub, chat: Chat, entry: Entry) -> None:
    entry.add(Echo("echo"))
    assert await chat.types("feed Tom") == "Tom is fed, meal 1."


async def test_a_program_names_the_intent_and_its_slots(hub: Hub) -> None:
    told = await handle(hub, "FeedCat", who="Tom")
    assert speech(told) == "Tom is fed, meal 1."
    assert (told["response_type"], told["data"]) == ("action_done", {"targets": [], "success": [], "failed": []})
    assert speech(await handle(hub, "Silent")) == ""


async def test_an_intent_whose_actions_fail_says_why(hub: Hub) -> None:
    told = await handle(hub, "Broken")
    assert (told["response_type"], told["data"]) == ("error", {"code": "failed_to_handle"})
    assert "no.such_service" in speech(told)


async def test_an_answer_need_not_wait_for_the_actions(hub: Hub) -> None:
    went_on: asyncio.Queue[Event] = asyncio.Queue()
    hub.bus.listen("went_on", went_on.put_nowait)
    assert speech(await handle(hub, "Slow", slot="x")) == "2"
    hub.bus.fire("go_on")
    assert (await asyncio.wait_for(went_on.get(), 5)).data == {"slot": "x"}


async def test_an_edit_is_live_and_leaves_the_others_running(house: House, hub: Hub) -> None:
    went_on: asyncio.Queue[Event] = asyncio.Queue()
    hub.bus.listen("went_on", went_on.put_nowait)
    await handle(hub, "Slow", slot="y")
    await house.apply(CONFIG.replace("is fed, meal", "has had meal").replace("  Silent:\n", ""))
    assert speech(await handle(hub, "FeedCat", who="Tom")) == "Tom has had meal 1."
    assert (await handle(hub, "Silent"))["data"] == {"code": "no_intent_match"}
    hub.bus.fire("go_on")
    assert (await asyncio.wait_for(went_on.get(), 5)).data == {"slot": "y"}


async def test_what_nobody_answers_and_what_nobody_can_read_is_shown(house: House, hub: Hub) -> None:
    assert hub.issues.get("conversation.unanswered") is None
    await house.apply(CONFIG.replace("    HassTurnOn:", "    Unheard: 'hear [this'\n    HassTurnOn:"))
    unanswered, unreadable = hub.issues.get("conversation.unanswered"), hub.issues.get("conversation.sentence")
    assert unanswered is not None
    assert "Unheard" in unanswered.text()
    assert "intent_script" in unanswered.text()
    assert unreadable is not None
    assert "'hear [this'" in unreadable.text()
    assert speech(await say(hub, "feed Tom")) == "Tom is fed, meal 1."
    await house.apply(CONFIG)
    assert hub.issues.get("conversation.unanswered") is None


async def test_a_mistake_is_told_with_its_place(house: House, hub: Hub) -> None:
    applied = await house.apply(CONFIG.replace("      text: never said", "      txt: never said"))
    told = " ".join(str(problem) for problem in applied.problems)
    assert "intent_script > Broken > speech" in told
    assert speech(await handle(hub, "FeedCat", who="Tom")) == "Tom is fed, meal 1."
