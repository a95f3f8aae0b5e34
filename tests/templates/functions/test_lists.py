"""Lists, sets and mappings are joined and compared, and values tell what they are."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from nanobot.templates.errors import Refused

Evaluate = Callable[..., Any]


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("combine({'a': 1, 'b': 1}, {'b': 2})", {"a": 1, "b": 2}),
        ("{'a': {'x': 1}} | combine({'a': {'y': 2}})", {"a": {"y": 2}}),
        ("{'a': {'x': 1, 'z': {'q': 1}}} | combine({'a': {'y': 2, 'z': {'r': 2}}}, recursive=true)",
         {"a": {"x": 1, "y": 2, "z": {"q": 1, "r": 2}}}),
        ("flatten([1, [2, [3, ['four']]]])", [1, 2, 3, "four"]),
        ("[1, [2, [3]]] | flatten(levels=1)", [1, 2, [3]]),
        ("[1, [2]] | flatten(0)", [1, [2]]),
        ("flatten([(1, 2), 'ab'])", [1, 2, "ab"]),
        ("union([3, 1], [1, 2])", [3, 1, 2]),
        ("[3, 1, 2] | intersect([2, 3, 9])", [3, 2]),
        ("difference([3, 1, 2], [1])", [3, 2]),
        ("[1, 2] | symmetric_difference([2, 3])", [1, 3]),
        ("set([1, 1, 2])", {1, 2}),
        ("tuple([1, 2])", (1, 2)),
        ("zip([1, 2], 'ab') | list", [(1, "a"), (2, "b")]),
        ("[1, 2] | contains(2)", True),
        ("'abc' is contains('z')", False),
        ("{'a': 1} | contains('a')", True),
        ("typeof(1) ~ typeof('a') ~ typeof([]) ~ (none | typeof)", "intstrlistNoneType"),
        ("[1] is list", True),
        ("(1, 2) is list", False),
        ("(1, 2) is tuple", True),
        ("set([1]) is set", True),
        ("'a' is string_like", True),
        ("data is string_like", True),
        ("1 is string_like", False),
        ("when is datetime", True),
        ("'2025-01-01' is datetime", False),
    ],
)  # fmt: skip
def test_lists_and_kinds(evaluate: Evaluate, expression: str, value: Any) -> None:
    assert evaluate(expression, data=b"x", when=datetime.now(UTC)) == value


def test_combining_leaves_what_was_combined_as_it_is(evaluate: Evaluate) -> None:
    one = {"a": {"x": 1}}
    assert evaluate("combine(one, {'a': {'y': 2}}, recursive=true)", one=one) == {"a": {"x": 1, "y": 2}}
    assert one == {"a": {"x": 1}}


def test_shuffling_keeps_the_items_and_a_seed_keeps_the_order(evaluate: Evaluate) -> None:
    assert sorted(evaluate("range(50) | shuffle")) == list(range(50))
    assert evaluate("shuffle([1, 2, 3, 4, 5], seed='a')") == evaluate("shuffle([1, 2, 3, 4, 5], 'a')")
    assert evaluate("shuffle(1, 2, 3, 4, 5, seed=7)") == evaluate("[1, 2, 3, 4, 5] | shuffle(7)")
    assert len({tuple(evaluate("shuffle([1, 2, 3, 4, 5])")) for _ in range(50)}) > 1


@pytest.mark.parametrize(
    ("expression", "sentence"),
    [
        ("combine()", "combine expected at least 1 argument, got 0"),
        ("combine([1])", "combine expected a dict, got list"),
        ("flatten('abc')", "flatten expected a list, got str"),
        ("union(1, [2])", "union expected a list, got int"),
        ("'ab' | intersect(['a'])", "intersect expected a list, got str"),
        ("shuffle()", "shuffle expected at least 1 argument, got 0"),
        ("shuffle(1)", "'int' object is not iterable"),
    ],
)
def test_what_is_no_list_is_told(evaluate: Evaluate, expression: str, sentence: str) -> None:
    with pytest.raises(TypeError, match=sentence):
        evaluate(expression)


def nested(depth: int, make: Callable[[Any], Any]) -> Any:
    """A value that is small in memory and doubles with each step when it is written out."""
    value: Any = make(1)
    for _ in range(depth):
        value = make(value)
    return value


@pytest.mark.timeout(5)
@pytest.mark.parametrize(
    "expression", ["flatten(doubling)", "{'a': pairs} | combine({'a': pairs}, recursive=true)", "pairs | to_json"]
)
def test_a_value_that_grows_when_it_is_read_is_refused(evaluate: Evaluate, expression: str) -> None:
    doubling = nested(40, lambda one: [one, one])
    pairs = nested(40, lambda one: {"a": one, "b": one})
    with pytest.raises(Refused):
        evaluate(expression, doubling=doubling, pairs=pairs)


def test_merging_a_response_marks_each_item_with_its_entity_and_key(evaluate: Evaluate) -> None:
    response: dict[str, dict[str, list[dict[str, str]]]] = {
        "calendar.work": {"events": [{"summary": "Talk"}, {"summary": "Walk"}]},
        "calendar.home": {"events": []},
    }
    assert evaluate("merge_response(response)", response=response) == [
        {"summary": "Talk", "entity_id": "calendar.work", "value_key": "events"},
        {"summary": "Walk", "entity_id": "calendar.work", "value_key": "events"},
    ]
    assert "entity_id" not in response["calendar.work"]["events"][0]


def test_merging_a_response_keeps_an_answer_that_is_no_list_whole(evaluate: Evaluate) -> None:
    response = {"vacuum.a": {"map": "ground", "rooms": [1]}, "vacuum.b": {"map": "attic"}}
    assert evaluate("merge_response(response)", response=response) == [
        {"map": "ground", "rooms": [1], "entity_id": "vacuum.a"},
        {"map": "attic", "entity_id": "vacuum.b"},
    ]
    assert evaluate("merge_response({})") == []


@pytest.mark.parametrize("response", ["text", {"a": 1}])
def test_merging_what_is_no_response_is_told(evaluate: Evaluate, response: Any) -> None:
    with pytest.raises(TypeError, match="merge_response takes the answer of a service for entities"):
        evaluate("merge_response(response)", response=response)


def test_merging_refuses_items_that_name_an_entity_themselves(evaluate: Evaluate) -> None:
    with pytest.raises(ValueError, match="it has an 'entity_id' already"):
        evaluate("merge_response({'a.b': {'items': [{'entity_id': 'c.d'}]}})")
