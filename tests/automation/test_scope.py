"""Which variables a step sees, and where it sets them."""

# ruff: noqa: E501, ISC004 - tables of YAML

from __future__ import annotations

import pytest

from nanobot.automation.scope import Scope
from tests.automation.conftest import Play


def test_a_variable_is_set_where_it_was_defined() -> None:
    run = Scope({"a": 1})
    loop = run.inner({"repeat": 1})
    branch = loop.inner({}, own="wait")
    branch.assign("a", 2)
    branch.assign("new", 3)
    branch.assign("repeat", 4)
    branch.assign("wait", 5)
    assert run.values == {"a": 2, "new": 3}
    assert loop.values == {"repeat": 4}
    assert branch.values == {"wait": 5}
    assert branch.flat() == {"a": 2, "new": 3, "repeat": 4, "wait": 5}
    assert branch.get("a") == 2
    with pytest.raises(KeyError):
        loop.get("wait")


SEEN = {
    "set in a branch": ("[{if: '{{ true }}', then: [{variables: {a: 1}}]}, {say: '{{ a }}'}]", [1]),
    "set in a loop": ("[{repeat: {count: 3, sequence: [{variables: {a: '{{ a | default(0) + 1 }}'}}]}}, {say: '{{ a }}'}]",
                      [3]),
    "changed in nested loops": (
        "[{variables: {a: 1}}, {repeat: {count: 2, sequence: [{repeat: {count: 2, sequence: "
        "[{variables: {a: '{{ a * 2 }}'}}]}}]}}, {say: '{{ a }}'}]", [16]),
    "set in a parallel": (
        "[{variables: {a: 0}}, {parallel: [{sequence: [{variables: {a: 1, b: 1}}, {delay: 0.03}, {say: '{{ [a, b] }}'}]}, "
        "{sequence: [{delay: 0.01}, {variables: {a: 2, b: 2}}]}]}, {say: '{{ [a, b] }}'}]", [[2, 2], [2, 2]]),
    "each sees those before": ("[{variables: {b: '{{ a | default(0) }}', a: 1, c: '{{ a + 1 }}'}}, {say: '{{ [b, c] }}'}]",
                               [[0, 2]]),
    "of itself": ("[{variables: {a: 1}}, {variables: {a: '{{ a + 1 }}', b: '{{ a }}'}}, {say: '{{ [a, b] }}'}]", [[2, 2]]),
    "in place of a function": ("[{variables: {now: 6}}, {say: '{{ now }}'}]", [6]),
    "repeat is gone after": ("[{repeat: {count: 1, sequence: [{variables: {repeat: 5}}, {say: '{{ repeat }}'}]}}, "
                             "{say: '{{ repeat is defined }}'}]", [5, False]),
    "wait of a loop": ("[{repeat: {count: 2, sequence: [{wait_template: '{{ repeat.index == 1 }}', timeout: 0}]}}, "
                       "{say: '{{ wait.completed }}'}]", [False]),
    "wait of a branch of a parallel": (
        "[{parallel: [{sequence: [{wait_template: '{{ true }}'}, {say: '{{ wait.completed }}'}]}, "
        "{say: '{{ wait is defined }}'}]}, {say: '{{ wait is defined }}'}]", [True, False, False]),
    "wait from before a parallel": (
        "[{wait_template: '{{ true }}'}, {parallel: [{sequence: [{say: '{{ wait.completed }}'}, "
        "{wait_template: '{{ false }}', timeout: 0}, {say: '{{ wait.completed }}'}]}]}, {say: '{{ wait.completed }}'}]",
        [True, False, True]),
    "types": ("[{variables: {a: \"{{ '007' }}\", b: \"{{ '1,2' }}\", c: '{{ none }}', d: '5', e: \"{{ ' 5 ' }}\"}}, "
              "{say: '{{ [a, b, c is none, d, e] }}'}]", [["007", [1, 2], True, "5", 5]]),
}  # fmt: skip


@pytest.mark.parametrize(("sequence", "said"), SEEN.values(), ids=SEEN)
async def test_what_is_seen(play: Play, sequence: str, said: list[object]) -> None:
    result = await play(sequence)
    assert str(result).replace("(", "[").replace(")", "]") == str(said)


async def test_a_response_is_a_variable_like_any_other(play: Play) -> None:
    await play.set_up(
        "[{variables: {r: 0}}, {repeat: {for_each: [1, 2], sequence: [{action: script.child, data: "
        "{n: '{{ repeat.item }}'}, response_variable: r}]}}, {say: '{{ r.n }}'}]",
        child="[{variables: {o: {n: '{{ n }}'}}}, {delay: 0.001}, {stop: '', response_variable: o}]",
    )
    assert await play.call() == [2]
