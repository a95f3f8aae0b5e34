"""Why something is as it is, and why an automation did not run."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from nanobot.automation.why import Links, WhyNot, why, why_not, why_not_text, why_text
from nanobot.errors import NanobotError
from nanobot.hub.context import Context
from nanobot.hub.hub import Hub
from nanobot.testing.chat import Chat
from nanobot.testing.plugin import House
from nanobot.util.translate import find

LANGUAGES = ("en", "de", "fr", "es", "zh")
HOME = """
input_boolean:
  lamp: {name: Lamp}
  guests: {name: Guests}
script:
  evening:
    alias: Evening light
    sequence:
      - action: input_boolean.turn_on
        target: {entity_id: input_boolean.lamp}
automation:
  - id: eve
    alias: Evening
    triggers:
      - {trigger: state, entity_id: sensor.sun, to: down}
      - {trigger: event, event_type: evening}
    conditions:
      - {condition: state, entity_id: input_boolean.guests, state: "off"}
    actions:
      - action: script.evening
"""


async def settle() -> None:
    for _ in range(30):
        await asyncio.sleep(0)


@pytest.fixture
async def home(house: House) -> Hub:
    house.hub.states.set("sensor.sun", "up")
    await house.start(HOME)
    return house.hub


async def asked(hub: Hub, what: str) -> tuple[Links, str]:
    answer = await why(hub, what)
    return answer, why_text(hub, answer, "en")


async def refused(hub: Hub, what: str = "automation.evening") -> tuple[WhyNot, str]:
    answer = await why_not(hub, what)
    return answer, why_not_text(hub, answer, "en")


def kinds(answer: Links) -> list[tuple[str, str]]:
    return [(link.kind, link.what) for link in answer.links]


# -- why --------------------------------------------------------------------------------------------


async def test_a_state_is_followed_through_call_script_automation_and_trigger_to_who_wrote_it(home: Hub) -> None:
    owner = Context(user_id=home.credentials.owner_id, actor="token")
    home.states.set("sensor.sun", "down", context=owner)
    await settle()
    answer, text = await asked(home, "input_boolean.lamp")
    assert kinds(answer) == [
        ("state", "input_boolean.lamp"),
        ("call", "input_boolean.turn_on"),
        ("run", "script.evening"),
        ("run", "automation.evening"),
        ("trigger", "state of sensor.sun"),
        ("actor", "token"),
    ]
    assert answer.complete
    assert (answer.links[4].data["from"], answer.links[4].data["to"]) == ("up", "down")
    assert text.startswith("Lamp is on since ")
    assert text.endswith(
        ", because the script “Evening light” called input_boolean.turn_on, started by the automation “Evening” "
        "(held: state input_boolean.guests is off), triggered by “state of sensor.sun” going from up to down, "
        "asked for over the API with a token."
    )


async def test_what_nobody_called_for_was_reported(home: Hub) -> None:
    home.states.set("sensor.sun", "down")
    await settle()
    answer, text = await asked(home, "sensor.sun")
    assert kinds(answer) == [("state", "sensor.sun"), ("reported", "sensor.sun")]
    assert "reported it" in text
    lamp, text = await asked(home, "Lamp")
    assert lamp.links[-1].kind == "reported"
    assert text.endswith("from up to down, which whoever keeps it up to date reported.")


async def test_two_automations_one_after_the_other_are_both_told(house: House) -> None:
    await house.start("""
input_boolean: {a: , b: , c: }
automation:
  - alias: One
    triggers: {trigger: state, entity_id: input_boolean.a, to: "on"}
    actions: {action: input_boolean.turn_on, target: {entity_id: input_boolean.b}}
  - alias: Two
    triggers: {trigger: state, entity_id: input_boolean.b, to: "on"}
    actions: {action: input_boolean.turn_on, target: {entity_id: input_boolean.c}}
""")
    await house.hub.services.call("input_boolean", "turn_on", {"entity_id": "input_boolean.a"})
    await settle()
    answer, text = await asked(house.hub, "input_boolean.c")
    assert [what for kind, what in kinds(answer) if kind == "run"] == ["automation.two", "automation.one"]
    assert kinds(answer)[-1] == ("call", "input_boolean.turn_on")
    assert text.endswith("from off to on, which a call of input_boolean.turn_on wrote.")


async def test_a_change_of_attributes_does_not_hide_who_changed_the_state(home: Hub) -> None:
    home.states.set("sensor.sun", "down")
    await settle()
    lamp = home.states.get("input_boolean.lamp")
    assert lamp is not None
    home.states.set(lamp.entity_id, "on", {**lamp.attributes, "more": 1}, Context())
    answer, _ = await asked(home, "input_boolean.lamp")
    assert ("run", "script.evening") in kinds(answer)


async def test_a_message_leads_to_what_came_of_it_and_an_effect_to_the_message(house: House, chat: Chat) -> None:
    await house.start("input_boolean:\n  lamp: {name: Lamp}\nassist:\n")
    await chat.types("turn on the lamp")
    answer, text = await asked(house.hub, "input_boolean.lamp")
    assert [kind for kind, _ in kinds(answer)] == ["state", "call", "message"]
    assert text.endswith("after tester wrote on chat: “turn on the lamp”.")
    message = await why(house.hub, answer.links[-1].what)
    assert [link.what for link in message.effects if link.kind == "call"] == ["input_boolean.turn_on"]
    assert "What came of it: input_boolean.turn_on (input_boolean.lamp)" in why_text(house.hub, message, "en")


async def test_a_context_and_a_run_can_be_asked_for(home: Hub) -> None:
    home.bus.fire("evening")
    await settle()
    automation = home.runnable("automation", "eve")
    assert automation is not None
    trace = list(automation.traces)[-1]
    by_run, text = await asked(home, trace.run_id)
    assert kinds(by_run) == [("run", "automation.evening"), ("trigger", "event 'evening'")]
    assert by_run.complete
    assert text.startswith("The automation “Evening” ran at ")
    by_context, _ = await asked(home, trace.context.id)
    assert ("run", "automation.evening") in kinds(by_context)


async def test_runs_are_known_where_no_traces_are_kept(house: House) -> None:
    await house.start("""
input_boolean: {a: }
automation:
  - alias: Untraced
    trace: {stored_traces: 0}
    triggers: {trigger: event, event_type: go}
    actions: {action: input_boolean.turn_on, target: {entity_id: input_boolean.a}}
""")
    house.hub.bus.fire("go")
    await settle()
    answer, text = await asked(house.hub, "input_boolean.a")
    assert kinds(answer)[1:] == [
        ("call", "input_boolean.turn_on"),
        ("run", "automation.untraced"),
        ("trigger", "event 'go'"),
    ]
    assert "because the automation “Untraced” called input_boolean.turn_on, triggered by “event 'go'”" in text


async def test_secrets_are_in_no_answer(house: House) -> None:
    house.write("code: opensesame\n", "secrets.yaml")
    await house.start("""
input_text: {note: }
automation:
  - id: tell
    alias: Tell
    variables: {code: !secret code}
    triggers: {trigger: event, event_type: go}
    conditions: "{{ code == 'other' }}"
    actions: {action: input_text.set_value, target: {entity_id: input_text.note}, data: {value: "{{ code }}"}}
""")
    house.hub.bus.fire("go")
    await settle()
    item = house.hub.runnable("automation", "tell")
    assert item is not None
    await item.run({}, Context())
    assert "opensesame" not in str([trace.full() for trace in item.traces])
    assert "opensesame" not in str((await why(house.hub, "input_text.note")).as_dict())


@pytest.mark.parametrize("language", LANGUAGES)
async def test_what_is_not_known_is_said_so_with_what_may_be_meant(home: Hub, language: str) -> None:
    with pytest.raises(NanobotError, match=r"input_boolean\.lamp"):
        await why(home, "input_boolean.lam", language=language)
    with pytest.raises(NanobotError) as error:
        await why(home, "01ARZ3NDEKTSV4RRFFQ69G5FAV", language=language)
    assert "01ARZ3NDEKTSV4RRFFQ69G5FAV" in str(error.value)


async def test_what_came_before_the_memory_is_told_by_the_recorder(house: House) -> None:
    await house.start(HOME + "recorder:\n")
    hub = house.hub
    hub.states.set("sensor.sun", "up")
    hub.states.set("sensor.sun", "down", context=Context(user_id=hub.credentials.owner_id, actor="user"))
    await settle()
    hub.causes.begun.clear()
    hub.services.recent.clear()
    for item in hub.runnables:
        item.traces.resize(0)  # type: ignore[attr-defined]
    answer, _ = await asked(hub, "input_boolean.lamp")
    assert [what for kind, what in kinds(answer) if kind == "run"] == ["script.evening", "automation.evening"]
    assert kinds(answer)[-1] == ("actor", "user")


# -- why not ----------------------------------------------------------------------------------------


async def test_a_condition_that_did_not_hold_is_told_with_what_it_saw(home: Hub) -> None:
    await home.services.call("input_boolean", "turn_on", {"entity_id": "input_boolean.guests"})
    home.states.set("sensor.sun", "down")
    await settle()
    answer, text = await refused(home, "Evening")
    assert answer.last is not None
    assert answer.last.data["outcome"] == "failed_conditions"
    assert "(state of sensor.sun): it did not run, because a condition did not hold" in text
    assert "state input_boolean.guests is on, not off." in text
    assert [trigger.fired is not None for trigger in answer.triggers] == [True, False]
    assert "Trigger 2 (event) has not fired since it was set up." in text


async def test_an_automation_that_is_off_tells_since_when_and_who_did_it(home: Hub) -> None:
    context = Context(user_id=home.credentials.owner_id, actor="user")
    await home.services.call("automation", "turn_off", {"entity_id": "automation.evening"}, context=context)
    answer, text = await refused(home)
    assert answer.idle == "off"
    assert text.startswith("It is off since ")
    assert "because automation.turn_off was called, asked for by the owner." in text


async def test_a_wrong_automation_tells_its_error_and_a_wrong_edit_that_it_does_not_count(house: House) -> None:
    await house.start('automation: [{id: a, alias: A, triggers: [], actions: [{delay: "x y"}]}]')
    answer, text = await refused(house.hub, "automation.a")
    assert answer.idle == "invalid"
    assert answer.error is not None
    assert answer.error.rstrip(".") in text
    await house.apply("automation: [{id: a, alias: A, triggers: {trigger: event, event_type: x}, actions: []}]")
    await house.apply("automation: [{id: a, alias: A, triggers: {trigger: evnt}, actions: []}]")
    answer, text = await refused(house.hub, "automation.a")
    assert answer.idle is None
    assert "the version before it runs on" in text


async def test_modes_that_refuse_a_run_are_named(house: House) -> None:
    await house.start("""
automation:
  - alias: Slow
    triggers: {trigger: event, event_type: go}
    actions: {delay: 100}
""")
    house.hub.bus.fire("go")
    await settle()
    house.hub.bus.fire("go")
    await settle()
    _, text = await refused(house.hub, "automation.slow")
    assert "it did not run, because it was running already (mode single)." in text


async def test_triggers_that_watch_nothing_or_are_disabled_are_told(house: House) -> None:
    await house.start("""
automation:
  - alias: Blind
    triggers:
      - {trigger: state, entity_id: sensor.gone}
      - {trigger: event, event_type: x, enabled: false}
      - {trigger: template, value_template: "{{ is_state('sensor.missing', 'on') }}"}
    actions: []
""")
    answer, text = await refused(house.hub, "automation.blind")
    assert answer.idle is None
    assert "Trigger 1 (state sensor.gone) watches what is not there: sensor.gone." in text
    assert "Trigger 2 (event) is disabled." in text
    assert "watches what is not there: sensor.missing." in text
    assert "None of its triggers has fired" in text


async def test_an_error_of_the_last_run_is_told(house: House) -> None:
    await house.start("""
automation:
  - alias: Failing
    triggers: {trigger: event, event_type: go}
    actions: {action: no.such}
""")
    house.hub.bus.fire("go")
    await settle()
    _, text = await refused(house.hub, "automation.failing")
    assert "it ran into an error: there is no service no.such." in text


async def test_what_is_no_automation_is_said_so(home: Hub) -> None:
    with pytest.raises(NanobotError, match="did you mean automation.evening"):
        await why_not(home, "automation.evning")


# -- in words -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", LANGUAGES)
async def test_each_language_has_all_words(home: Hub, language: str) -> None:
    texts: Any = find("why", language)
    english: Any = find("why", "en")
    assert texts.keys() == english.keys()
    home.states.set("sensor.sun", "down")
    await settle()
    text = why_text(home, await why(home, "input_boolean.lamp"), language)
    assert "Evening light" in text
    assert "why." not in text
    assert "{" not in text
    text = why_not_text(home, await why_not(home, "Evening"), language)
    assert "why." not in text
    assert "{" not in text


async def test_an_owner_asks_in_a_chat(home: Hub, chat: Chat) -> None:
    home.states.set("sensor.sun", "down")
    await settle()
    assert "because the script “Evening light”" in str(await chat.types("/why Lamp"))
    assert "It is on and listens" in str(await chat.types("/why_not Evening"))
    assert "Of what?" in str(await chat.types("/why"))
    assert "There is nothing called" in str(await chat.types("/why qwertz"))
