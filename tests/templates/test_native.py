"""From the text of a result to its value, as Home Assistant 2025.4 does it."""

from __future__ import annotations

from typing import Any

import pytest

from nanobot.hub.hub import Hub
from nanobot.templates import Template
from nanobot.templates.native import parse


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("7", 7), ("-7", -7), ("+7", 7), ("1.50", 1.5), (".5", 0.5), ("1.", 1.0), ("0", 0), ("0.0", 0.0),
        ("True", True), ("False", False), ("None", None), ("[1, 'a', None]", [1, "a", None]), ("1,2", [1, 2]),
        ("(1, 2)", [1, 2]), ("'a', 'b'", ["a", "b"]), ("{'a': {'b': True}}", {"a": {"b": True}}), ("{1, 2}", {1, 2}),
        ("b'x'", b"x"), ("set()", set()),
    ],
)  # fmt: skip
def test_a_text_that_reads_as_a_literal_becomes_that_value(text: str, value: Any) -> None:
    found = parse(text)
    assert found == value
    assert isinstance(found, type(value))


@pytest.mark.parametrize(
    "text",
    [
        "", "true", "none", "007", "-007", "1e5", "0x1F", "0b1", "1_000", "1 2", "1+2j", "inf", "nan", "'quoted'",
        '"quoted"', "...", "- 5", "1.2.3", "12:30", "2024-01-01", "[1, null]", '{"a": true}', "[[[", "text, more",
        "1 # not a number", "(", "#", "5 %", "b", "None!", "lambda: 1", "__import__('os')", "[x for x in []]",
    ],
)  # fmt: skip
def test_any_other_text_stays_as_it_is(text: str) -> None:
    assert parse(text) == text
    assert type(parse(text)) is str


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("{{ 7 }}", 7), ("  {{ 7 }}\n", 7), ("{{ 1 }}{{ 2 }}", 12), ("{{ 1 }}, {{ 2 }}", [1, 2]), ("{{ '42' }}", 42),
        ("{{ 1 / 2 }}", 0.5), ("{{ 1e300 }}", "1e+300"), ("{{ 0.00001 }}", "1e-05"), ("{{ 1e15 }}", 1e15),
        ("{{ [1, 1e400] }}", "[1, inf]"), ("{{ (1, 2) }}", [1, 2]), ("{{ [(1, 2)] }}", [(1, 2)]), ("{{ none }}", None),
        ("{% if true %} {{ 5 }} {% endif %}", 5), ("{% set x = 3 %}{{ x }}", 3), ("{{ ' 5 ' }}", 5),
        ("{{ {'a': [none]} }}", {"a": [None]}), ("{{ 10 ** 20 }}", 10**20), ("{{ '1_0' }}", "1_0"),
    ],
)  # fmt: skip
def test_a_result_is_that_value_whichever_way_it_came_about(hub: Hub, text: str, value: Any) -> None:
    found = Template(text).render(hub)
    assert found == value
    assert isinstance(found, type(value))
    assert Template(text).render(hub, native=False) == Template(text).render(hub, native=False).strip()


def test_static_text_is_never_turned_into_a_value(hub: Hub) -> None:
    assert Template(" 42 ").render(hub) == "42"
    assert Template("[1, 2]").info(hub).result == "[1, 2]"


def test_a_list_read_from_text_prints_as_that_text(hub: Hub) -> None:
    pair = Template("{{ '1,2' }}").render(hub)
    assert pair == [1, 2]
    assert Template("got {{ v }}").render(hub, {"v": pair}) == "got 1,2"


def test_a_result_shares_nothing_with_what_it_was_made_of(hub: Hub) -> None:
    hub.states.set("sensor.a", "1", {"list": [1, [2]]})
    first = Template("{{ state_attr('sensor.a', 'list') }}").render(hub)
    first[1].append(3)
    cached = Template("{{ '[1, [2]]' }}").render(hub)
    cached.append(9)
    assert Template("{{ state_attr('sensor.a', 'list') }}").render(hub) == [1, [2]]
    assert Template("{{ '[1, [2]]' }}").render(hub) == [1, [2]]
