"""Triggers that are written wrong: the sentence that a person reads."""

from __future__ import annotations

from typing import Any

import pytest
import voluptuous as vol

from nanobot.automation import parse
from nanobot.config.explain import explain

STATE = {"trigger": "state", "entity_id": "sensor.s"}
NUMERIC = {"trigger": "numeric_state", "entity_id": "sensor.n"}
CRON_HINT = "it has five fields: minute, hour, day, month, weekday, such as '0 7 * * mon-fri'"


def wrong_with(written: Any) -> list[str]:
    try:
        parse.triggers(written)
    except vol.Invalid as error:
        return [problem.told() for problem in explain(error, written, ())]
    return []


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("event", "expected a mapping (key: value), found 'event'"),
        ({"event_type": "x"}, "'trigger' is missing"),
        ({"trigger": "stat", "entity_id": "sensor.s"}, "there is no trigger 'stat'; did you mean 'state'?"),
        ({"trigger": "device", "device_id": "x"}, "'device' triggers belong to Home Assistant's devices"),
        ({"trigger": "mqtt", "topic": "x"}, "take 'trigger: webhook'"),
        ({"trigger": "sun", "event": "sunset"}, "nanobot does not compute when the sun rises"),
        ({"trigger": "zone"}, "nanobot does not know where people are"),
        ({"trigger": "calendar"}, "nanobot has no calendars"),
        ({"trigger": "tag", "tag_id": "x"}, "'trigger: event' with event_type: tag_scanned"),
        ({"trigger": "start"}, "take 'trigger: nanobot' with 'event: start'"),
        # event
        ({"trigger": "event"}, "'event_type' is missing"),
        ({"trigger": "event", "event_type": []}, "event_type"),
        ({"trigger": "event", "event_type": "state_reported"}, "'state_reported' happens far too often"),
        ({"trigger": "event", "event_type": "x" * 65}, "an event type has 1 to 64 characters"),
        ({"trigger": "event", "event_type": "{{ x"}, "invalid template"),
        ({"trigger": "event", "event_type": "x", "event_data": 3}, "event_data"),
        ({"trigger": "event", "event_type": "x", "event_data": {"a": ["{% if %}"]}}, "invalid template"),
        ({"trigger": "event", "event_type": "x", "context": {"user": "me"}}, "context > user"),
        # state
        ({"trigger": "state"}, "'entity_id' is missing"),
        ({**STATE, "entity_id": "sensor"}, "entity_id"),
        ({**STATE, "to": True}, "to: a state is text; put it in quotes"),
        ({**STATE, "to": ["on", 3]}, "to: a state is text; put it in quotes"),
        ({**STATE, "to": "on", "not_to": "off"}, "not_to: cannot be used together with 'to'"),
        ({**STATE, "from": "on", "not_from": "off"}, "not_from: cannot be used together with 'from'"),
        ({**STATE, "for": "soon"}, "for: "),
        ({**STATE, "for": -3}, "for: "),
        ({**STATE, "for": {"minuts": 3}}, "did you mean 'minutes'?"),
        ({**STATE, "for": {"minuts": "{{ 3 }}"}}, "did you mean 'minutes'?"),
        ({**STATE, "for": {"minutes": "{{ 3 "}}, "invalid template"),
        ({**STATE, "for": {"minutes": "{{ 3 }}", "seconds": "x"}}, "seconds"),
        ({**STATE, "too": "on"}, "too: unknown option; did you mean 'to'?"),
        # numeric_state
        (NUMERIC, "'above', 'below'"),
        ({**NUMERIC, "above": "high"}, "above: "),
        ({**NUMERIC, "above": "light.x"}, "above: "),
        ({**NUMERIC, "above": float("nan")}, "above: "),
        ({**NUMERIC, "above": 5, "below": 4}, "below: no number is above 5 and below 4"),
        ({**NUMERIC, "above": 5, "value_template": "{{ }"}, "invalid template"),
        # template
        ({"trigger": "template"}, "'value_template' is missing"),
        ({"trigger": "template", "value_template": "{{ 1 | no_such }}"}, "no_such"),
        ({"trigger": "template", "value_template": ["x"]}, "value_template"),
        # time
        ({"trigger": "time"}, "'at' is missing"),
        ({"trigger": "time", "at": []}, "at: names no time"),
        ({"trigger": "time", "at": "25:00"}, "'25:00'"),
        ({"trigger": "time", "at": 630}, "at"),
        ({"trigger": "time", "at": ["07:30", "light.x"]}, "at > 1: light.x holds no time; take an input_datetime"),
        ({"trigger": "time", "at": {"entity_id": "sensor.x", "offset": "x"}}, "offset"),
        ({"trigger": "time", "at": {"offset": 3}}, "'entity_id' is missing"),
        ({"trigger": "time", "at": "07:30", "weekday": "monday"}, "did you mean 'mon'?"),
        # time_pattern
        ({"trigger": "time_pattern"}, "'hours', 'minutes', 'seconds'"),
        ({"trigger": "time_pattern", "hours": 24}, "hours: is from 0 to 23, not 24"),
        ({"trigger": "time_pattern", "minutes": "/60"}, "minutes: '/n' takes an n from 1 to 59, not 60"),
        ({"trigger": "time_pattern", "minutes": "/0"}, "minutes: '/n' takes an n from 1 to 59, not 0"),
        ({"trigger": "time_pattern", "seconds": "often"}, "'often' is no pattern; write a number, '*', or '/5'"),
        ({"trigger": "time_pattern", "seconds": None}, "is no pattern"),
        ({"trigger": "time_pattern", "seconds": 1.5}, "is no pattern"),
        # cron
        ({"trigger": "cron"}, "'at' is missing"),
        ({"trigger": "cron", "at": "0 7 * *"}, CRON_HINT),
        ({"trigger": "cron", "at": "0 0 7 * * *"}, CRON_HINT),
        ({"trigger": "cron", "at": "61 * * * *"}, "is no cron expression"),
        ({"trigger": "cron", "at": "@often"}, "is no cron expression"),
        ({"trigger": "cron", "at": "R * * * *"}, "which choose by chance, are not taken"),
        ({"trigger": "cron", "at": "0 0 31 2 *"}, "never comes: there is no such day"),
        ({"trigger": "cron", "at": "* " * 500}, CRON_HINT),
        ({"trigger": "cron", "at": "0 7 * * *", "cron": "0 8 * * *"}, "is another name of 'at'"),
        ({"trigger": "cron", "at": "0 7 * * *", "time_zone": "Europe/Amsterdm"}, "time_zone"),
        # homeassistant
        ({"trigger": "homeassistant"}, "'event' is missing"),
        ({"trigger": "nanobot", "event": "started"}, "did you mean 'start'?"),
        # webhook
        ({"trigger": "webhook"}, "'webhook_id' is missing"),
        ({"trigger": "webhook", "webhook_id": "a/b"}, "an id of a webhook has 1 to 255 characters"),
        ({"trigger": "webhook", "webhook_id": ""}, "an id of a webhook has 1 to 255 characters"),
        ({"trigger": "webhook", "webhook_id": "x", "allowed_methods": "DELETE"}, "'DELETE'"),
        ({"trigger": "webhook", "webhook_id": "x", "allowed_methods": []}, "names no method"),
        ({"trigger": "webhook", "webhook_id": "x", "local_only": "perhaps"}, "local_only"),
        # conversation
        ({"trigger": "conversation", "command": []}, "at least one sentence is needed"),
        ({"trigger": "conversation", "command": " "}, "a sentence has at least one word"),
        ({"trigger": "conversation", "command": "is it on?"}, "leave out '?'; punctuation does not count"),
        ({"trigger": "conversation", "command": "turn (on|off"}, "the '(' is not closed"),
        ({"trigger": "conversation", "command": "turn on]"}, "a ']' closes nothing"),
        ({"trigger": "conversation", "command": "turn (on]"}, "a ']' closes nothing"),
        ({"trigger": "conversation", "command": "turn {the lamp}"}, "'{the lamp}' is no slot"),
        ({"trigger": "conversation", "command": "turn <name> on"}, "stands for a rule, and there are none here"),
        ({"trigger": "conversation", "command": "[please]"}, "at least one word of it has to be said"),
        ({"trigger": "conversation", "command": "(" * 20 + "x" + ")" * 20}, "more than 10 deep"),
        ({"trigger": "conversation", "command": "x" * 501}, "a sentence has at most 500 characters"),
        # message
        ({"trigger": "message", "pattern": "(a"}, "is not a regular expression"),
        ({"trigger": "message", "channel": []}, "is an empty list, so nothing would ever fit"),
        ({"trigger": "message", "media": "hologram"}, "media"),
        ({"trigger": "message", "sendr": "x"}, "did you mean 'sender'?"),
        # the rest
        ({"trigger": "persistent_notification", "update_type": "new"}, "update_type"),
        ({"trigger": "config_applied", "problems": "some"}, "problems"),
        ({"trigger": "integration"}, "'entry' is missing"),
        ({"trigger": "integration", "entry": "telegram", "to": "retryin"}, "did you mean 'retrying'?"),
    ],
    ids=str,
)
def test_it_is_said_what_is_wrong(written: Any, said: str) -> None:
    told = wrong_with(written)
    assert told, "it was taken"
    assert said in "\n".join(told)


def test_all_that_is_wrong_is_said_at_once() -> None:
    told = wrong_with([{"trigger": "time", "at": "25:00"}, {"triggers": [STATE, {**STATE, "to": True}]}])
    assert len(told) == 2
    assert told[0].startswith("0 > at")
    assert told[1] == "1 > triggers > 1 > to: a state is text; put it in quotes"
