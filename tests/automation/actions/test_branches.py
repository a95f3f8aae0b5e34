"""``choose``, ``if``, ``sequence`` and ``condition``: which branch is taken, and what a condition ends."""

# ruff: noqa: ISC004 - tables of YAML

from __future__ import annotations

import pytest

from tests.automation.conftest import Play

NO = '{condition: template, value_template: "{{ false }}"}'
SECOND = '{condition: template, value_template: "{{ repeat.index == 2 }}"}'


@pytest.mark.parametrize(
    ("sequence", "said"),
    [
        (f"[{{if: '{{{{ true }}}}', then: [{{say: in}}, {NO}, {{say: never}}]}}, {{say: after}}]", ["in", "after"]),
        (f"[{{if: '{{{{ false }}}}', then: [], else: [{{say: in}}, {NO}, {{say: never}}]}}, {{say: after}}]",
         ["in", "after"]),
        (f"[{{choose: {{conditions: [], sequence: [{{say: in}}, {NO}, {{say: never}}]}}}}, {{say: after}}]",
         ["in", "after"]),
        (f"[{{choose: [], default: [{{say: in}}, {NO}, {{say: never}}]}}, {{say: after}}]", ["in", "after"]),
        (f"[{{sequence: [{{say: in}}, {NO}, {{say: never}}]}}, {{say: after}}]", ["in", "after"]),
        (f"[{{parallel: [{{sequence: [{{say: in}}, {NO}, {{say: never}}]}}, {{say: other}}]}}, {{say: after}}]",
         ["in", "other", "after"]),
        (f"[{{repeat: {{count: 3, sequence: [{SECOND}, {{say: '{{{{ repeat.index }}}}'}}]}}}}, {{say: after}}]",
         [2, "after"]),
        (f"[{{repeat: {{for_each: [a, b], sequence: [{SECOND}, {{say: '{{{{ repeat.item }}}}'}}]}}}}, {{say: after}}]",
         ["b", "after"]),
        (f"[{{repeat: {{while: '{{{{ repeat.index < 4 }}}}', sequence: [{SECOND}, {{say: in}}]}}}}, {{say: after}}]",
         ["in", "after"]),
        (f"[{{repeat: {{until: '{{{{ repeat.index > 2 }}}}', sequence: [{SECOND}, {{say: in}}]}}}}, {{say: after}}]",
         ["in", "after"]),
        (f"[{{say: in}}, {NO}, {{say: never}}]", ["in"]),
        ("[{say: in}, '{{ false }}', {say: never}]", ["in"]),
        ("[{say: in}, {or: ['{{ false }}', '{{ true }}']}, {not: ['{{ true }}']}, {say: never}]", ["in"]),
        ("[{condition: state, entity_id: sensor.nowhere, state: x}, {say: never}]", []),
    ],
    ids=["then", "else", "choose", "default", "sequence", "parallel", "count", "for_each", "while", "until", "top",
         "template", "logical", "undecided"],
)  # fmt: skip
async def test_a_condition_that_does_not_hold_ends_what_it_stands_in(
    play: Play, sequence: str, said: list[object]
) -> None:
    assert await play(sequence) == said


@pytest.mark.parametrize(
    ("sequence", "said"),
    [
        ("[{choose: [{conditions: '{{ n > 3 }}', sequence: {say: big}}, {conditions: ['{{ n > 1 }}', '{{ n < 3 }}'], "
         "sequence: [{say: two}]}], default: {say: other}}]", {1: ["other"], 2: ["two"], 3: ["other"], 4: ["big"]}),
        ("[{choose: [{conditions: '{{ n > 1 }}', sequence: []}], default: [{say: other}]}]", {1: ["other"], 2: []}),
        ("[{choose: [{conditions: {condition: state, entity_id: sensor.nowhere, state: x}, sequence: [{say: never}]}, "
         "{conditions: '{{ 1 / 0 }}', sequence: [{say: never}]}], default: [{say: other}]}]", {1: ["other"]}),
        ("[{choose: [{conditions: '{{ false }}', sequence: [{say: never}]}]}, {say: after}]", {1: ["after"]}),
        ("[{choose: [{alias: a, conditions: [], sequence: [{say: always}]}]}]", {1: ["always"]}),
        ("[{if: '{{ n == 1 }}', then: {say: one}, else: {say: more}}]", {1: ["one"], 2: ["more"]}),
        ("[{if: '{{ n == 1 }}', then: {say: one}}]", {1: ["one"], 2: []}),
        ("[{if: [], then: {say: always}}]", {1: ["always"]}),
        ("[{if: {condition: trigger, id: x}, then: {say: never}, else: {say: nobody}}]", {1: ["nobody"]}),
    ],
    ids=["first that holds", "empty branch", "undecided", "no default", "no conditions", "else", "no else",
         "if nothing", "without trigger"],
)  # fmt: skip
async def test_the_branch_that_is_taken(play: Play, sequence: str, said: dict[int, list[object]]) -> None:
    await play.set_up(sequence)
    assert {n: await play.call(n=n) for n in said} == said


async def test_what_is_disabled_is_passed_over(play: Play) -> None:
    said = await play("""
        - {say: 1, enabled: false}
        - {say: 2, enabled: "{{ 1 == 1 }}"}
        - {say: 3, enabled: "{{ 1 == 2 }}"}
        - {say: 4, enabled: "{{ n == 1 }}"}
        - {say: 5, enabled: "{{ 'yes' }}"}
        - {stop: no, enabled: false}
        - {delay: "{{ 1 / 0 }}", enabled: false}
        - {action: nobody.knows, enabled: false}
        - {if: "{{ true }}", then: [{say: 6}], enabled: false}
        - {condition: template, value_template: "{{ false }}", enabled: false}
        - {say: 7}
    """, n=1)  # fmt: skip
    assert said == [2, 5, 7]


async def test_enabled_sees_no_states(play: Play) -> None:
    await play.set_up("[{say: 1, enabled: \"{{ is_state('sensor.x', 'on') }}\", continue_on_error: true}, {say: 2}]")
    with pytest.raises(Exception, match="is_state"):
        await play.call()
    assert play.heard() == []
