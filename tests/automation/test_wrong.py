"""Automations and scripts that are written wrong: one sentence with line and place, however deep inside."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from nanobot.testing.plugin import House

WRAPPED = """\
script:
  s:
    sequence:
      - event: fine
      - choose:
          - conditions: "{{ true }}"
            sequence:
              - repeat:
                  count: 2
                  sequence:
                    - ITEM
"""
LINE = 11
PLACE = "s > sequence > 1 > choose > 0 > sequence > 0 > repeat > sequence > 0"

ACTIONS: list[tuple[str, str, str]] = [
    ("dely: 5", "", "did you mean 'delay'?"),
    ("5", "", "mapping"),
    ("delay: soon", " > delay", "soon"),
    ("delay: {minuts: 5}", " > delay > minuts", "did you mean 'minutes'?"),
    ("delay: -5", " > delay", "-5"),
    ("delay: '{{ 5'", " > delay", "template"),
    ("action: nothing", " > action", "is no name of a service"),
    ("{action: a.b, data: 5}", " > data", ""),
    ("{action: a.b, data: {x: '{{ 1 +'}}", " > data > x", "template"),
    ("{action: a.b, target: {entity_id: not an id}}", " > target > entity_id", "not an id"),
    ("{action: a.b, service: a.c}", "", "either as 'action'"),
    ("{action: a.b, dat: {}}", " > dat", "did you mean 'data'?"),
    ("{action: a.b, target: {entityid: x.y}}", " > target > entityid", "did you mean 'entity_id'?"),
    ("{action: a.b, continue_on_eror: true}", " > continue_on_eror", "did you mean 'continue_on_error'?"),
    ("{delay: 5, enabeld: true}", " > enabeld", "did you mean 'enabled'?"),
    ("{choose: [{conditions: [], sequenc: []}]}", " > choose > 0 > sequenc", "did you mean 'sequence'?"),
    ("{event: x, event_data: {a: ['{% if %}']}}", " > event_data > a > 0", "template"),
    ("{if: '{{ true }}'}", "", "'then' is missing"),
    ("{if: '{{ true }', then: []}", " > if", "template"),
    ("{if: light.x is on, then: []}", " > if", "'light.x is on' is a text without a template"),
    ("{if: [['{{ x']], then: []}", " > if > 0 > 0", "template"),
    ("{if: {condition: '{{ x'}, then: []}", " > if > condition", "template"),
    ("{if: {condition: ['{{ x']}, then: []}", " > if > condition > 0", "template"),
    ("{if: {not: '{{ x'}, then: []}", " > if > not", "template"),
    ("{if: [{condition: stat}], then: []}", " > if > 0 > condition", "did you mean 'state'?"),
    ("{if: [{condition: state, entity_id: a.b}], then: []}", " > if > 0", "'state' is missing"),
    ("{if: {or: [{and: [{condition: nope}]}]}, then: []}", " > if > or > 0 > and > 0 > condition", "no condition"),
    ("{if: {condition: time, after: '25:00'}, then: []}", " > if > after", "25:00"),
    ("{if: {condition: numeric_state, entity_id: a.b}, then: []}", " > if", "above"),
    ("{choose: [{conditions: []}]}", " > choose > 0", "'sequence' is missing"),
    ("{choose: [{sequence: []}]}", " > choose > 0", "'conditions' is missing"),
    ("{repeat: {sequence: []}}", " > repeat", "needs one of count, for_each, while, until"),
    ("{repeat: {count: 2, until: [], sequence: []}}", " > repeat", "not several"),
    ("{repeat: {count: two, sequence: []}}", " > repeat > count", "two"),
    ("{repeat: {for_each: abc, sequence: []}}", " > repeat > for_each", "has to be a list"),
    ("{repeat: {for_each: {a: 1}, sequence: []}}", " > repeat > for_each", "has to be a list"),
    ("{wait_template: '{{ x', timeout: 5}", " > wait_template", "template"),
    ("{wait_template: '{{ x }}', timeout: soon}", " > timeout", "soon"),
    ("{wait_for_trigger: [{trigger: stat}]}", " > wait_for_trigger > 0 > trigger", "did you mean 'state'?"),
    ("{wait_for_trigger: [{trigger: state, entity_id: x}]}", " > wait_for_trigger > 0 > entity_id", "x"),
    ("{stop: x, error: true, response_variable: r}", " > response_variable", "keep one of the two"),
    ("{variables: [a]}", " > variables", "mapping"),
    ("{variables: {a: '{{ x'}}", " > variables > a", "template"),
    ("{parallel: [{sequence: [{nope: 1}]}]}", " > parallel > 0 > sequence > 0", "no action that is known"),
    ("{scene: light.x}", " > scene", "light.x"),
    ("{event: x, enabled: perhaps}", " > enabled", "perhaps"),
    ("{event: x, continue_on_error: perhaps}", " > continue_on_error", "perhaps"),
    ("{ask: x, schema: {a: nuber}}", " > schema > a", "did you mean 'number'?"),
    ("{ask: x, rounds: 1000}", " > rounds", "1000"),
    ("{retry: {sequence: [], attempts: 0}}", " > retry > attempts", "0"),
    ("{retry: {sequence: [], errors: ['(']}}", " > retry > errors > 0", "pattern"),
    ("{try: [{nope: 1}]}", " > try > 0", "no action that is known"),
    ("{wait_for_message: {says: hi}}", " > wait_for_message > says", "did you mean 'say'?"),
]  # fmt: skip


@pytest.mark.parametrize(("action", "place", "said"), ACTIONS, ids=[one[0] for one in ACTIONS])
async def test_an_action_deep_inside(house: House, action: str, place: str, said: str) -> None:
    house.write(WRAPPED.replace("ITEM", action))
    applied = await house.apply()
    (problem,) = applied.problems
    text = str(problem)
    assert problem.line == LINE, text
    assert " > ".join(map(str, problem.path)).endswith(PLACE + place), text
    assert said in text
    assert text.count("\n") == 0


@pytest.mark.parametrize(
    ("more", "place", "said"),
    [
        ("mode: parallell", "mode", "did you mean 'parallel'?"),
        ("max: 1", "max", "1"),
        ("max_exceeded: loud", "max_exceeded", "loud"),
        ("nope: 1", "nope", "nope"),
        ("trace: {stored_traces: -1}", "trace > stored_traces", "-1"),
        ("initial_state: perhaps", "initial_state", "perhaps"),
        ("variables: {a: '{{ x'}", "variables > a", "template"),
        ("trigger: []", "trigger", "older name"),
        ("conditions: [{condition: state, entity_id: a.b, state: x, attribut: y}]", "conditions > 0 > attribut",
         "did you mean 'attribute'?"),
    ],
)  # fmt: skip
async def test_an_automation(house: House, more: str, place: str, said: str) -> None:
    text = "automation:\n  - alias: Fine\n    triggers: []\n    actions: []\n"
    applied = await house.apply(text + f"  - alias: Wrong\n    triggers: []\n    actions: []\n    {more}\n")
    (problem,) = applied.problems
    assert problem.line == 8
    assert " > ".join(map(str, problem.path)) == f"automation > 1 > {place}"
    assert said in str(problem)
    shown = house.hub.states.get("automation.wrong")
    assert shown is not None
    assert shown.state == "unavailable"
    assert house.hub.states.get("automation.fine").state == "on"  # type: ignore[union-attr]


async def test_all_that_is_wrong_is_told_at_once(house: House) -> None:
    applied = await house.apply(
        "script:\n  s:\n    sequence:\n      - dely: 1\n      - event: x\n      - if: []\n      - delay: soon\n"
    )
    assert [problem.line for problem in applied.problems] == [4, 6, 7]


@pytest.mark.parametrize("kind", ["sequence", "condition"])
async def test_what_is_nested_without_end_is_refused(house: House, kind: str) -> None:
    item: Any = {"event": "x"}
    for _ in range(400):
        item = {"sequence": [item]} if kind == "sequence" else {"if": [{"and": []}], "then": [item]}
    async with asyncio.timeout(30):
        applied = await house.apply(json.dumps({"script": {"s": {"sequence": [item]}, "fine": {"sequence": []}}}))
    assert any("nested" in str(problem) for problem in applied.problems)
