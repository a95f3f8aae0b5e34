"""Selectors: which values each takes, and what it says of those that it does not."""

from __future__ import annotations

from typing import Any

import pytest

from nanobot.config.selectors import SELECTORS, selector_problems, value_problems

HOME_ASSISTANT = """
action addon area assist_pipeline attribute backup_location boolean color_rgb color_temp condition config_entry
constant conversation_agent country date datetime device duration entity file floor icon label language location
media number object qr_code select state target template text theme time trigger
"""


def test_all_of_home_assistants_are_known() -> None:
    assert sorted(SELECTORS) == HOME_ASSISTANT.split()


FITS: list[tuple[dict[str, Any], list[Any]]] = [
    ({"number": {"min": 0, "max": 10}}, [0, 10, 2.5, "7", "{{ 3 }}"]),
    ({"number": {}}, [-5, 1e9]),
    ({"select": {"options": ["a", "b"]}}, ["a", "{{ x }}"]),
    ({"select": {"options": [{"value": "1", "label": "One"}]}}, ["1", 1]),
    ({"select": {"options": ["a"], "custom_value": True}}, ["else"]),
    ({"select": {"options": ["a", "b"], "multiple": True}}, [["a", "b"], "a", []]),
    ({"boolean": None}, [True, False, "on"]),
    ({"text": None}, ["x", "", 5, "two\nlines"]),
    ({"text": {"multiple": True}}, [["x", "y"], "x"]),
    ({"entity": None}, ["light.desk", "", [], None]),
    ({"entity": {"multiple": True, "filter": [{"domain": "light"}, {"domain": ["switch"]}]}},
     [["light.a", "switch.b"], "light.a", "light.a, switch.b"]),
    ({"entity": {"domain": "light"}}, ["light.a", "LIGHT.a"]),
    ({"duration": None}, [5, "00:10", "0:00:05", {"minutes": 5}, {"minutes": "{{ m }}"}, "{{ 5 }}"]),
    ({"time": None}, ["07:30", "07:30:15"]),
    ({"date": None}, ["2026-11-21"]),
    ({"datetime": None}, ["2026-11-21 07:30:00"]),
    ({"action": None}, [[], {"event": "x"}, [{"delay": 5}], ["{{ true }}"]]),
    ({"condition": None}, [[], "{{ true }}", [{"condition": "state"}], [True]]),
    ({"trigger": None}, [[], {"trigger": "time"}, [{"trigger": "time"}]]),
    ({"target": None}, [{}, {"entity_id": "light.a"}, {"entity_id": ["light.a", "light.b"], "area_id": "kitchen"}]),
    ({"template": None}, ["{{ x }}", "plain"]),
    ({"object": None}, [{"a": [1]}, [], 5, None]),
    ({"constant": {"value": True, "label": "Yes"}}, [True]),
    ({"state": {"entity_id": "light.a"}}, ["on"]),
    ({"attribute": {"entity_id": "light.a"}}, ["brightness"]),
    ({"icon": None}, ["mdi:home", ""]),
    ({"color_rgb": None}, [[0, 128, 255]]),
    ({"color_temp": {"unit": "kelvin", "min": 2000, "max": 6500}}, [2700]),
    ({"location": {"radius": True}}, [{"latitude": 52, "longitude": 4.9, "radius": 100}]),
    ({"media": None}, [{"media_content_id": "x", "media_content_type": "music"}]),
    ({"country": None}, ["NL"]),
    ({"language": None}, ["de"]),
    ({"area": {"multiple": True}}, [["kitchen"]]),
    ({"something_new": {"a": 1}}, ["anything"]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("selector", "value"),
    [(selector, value) for selector, values in FITS for value in values],
    ids=[f"{next(iter(selector))} {value!r}"[:50] for selector, values in FITS for value in values],
)
def test_it_takes(selector: dict[str, Any], value: Any) -> None:
    assert list(value_problems(selector, value, ())) == []


REFUSED: list[tuple[dict[str, Any], Any, str]] = [
    ({"number": {"min": 0, "max": 10}}, 11, "11 is out of range; it has to be from 0 to 10"),
    ({"number": {"min": 0}}, -1, "-1 is too small; the least is 0"),
    ({"number": None}, "many", "expected a number, found 'many'"),
    ({"number": None}, None, "expected a number, found nothing"),
    ({"number": None}, True, "expected a number, found true"),
    ({"select": {"options": ["red", "blue"]}}, "blau",
     "'blau' is not possible; write one of 'red', 'blue'; did you mean 'blue'?"),
    ({"select": {"options": ["red"]}}, ["red"], "expected text, found a list"),
    ({"select": {"options": ["red", "blue"], "multiple": True}}, ["red", "green"],
     "1: 'green' is not possible; write one of 'red', 'blue'"),
    ({"boolean": None}, "perhaps", "expected true or false, found 'perhaps'"),
    ({"boolean": None}, 1, "expected true or false, found 1"),
    ({"text": None}, ["x"], "expected text, found a list"),
    ({"entity": None}, "kitchen", "'kitchen' is not an entity id; write it like 'light.kitchen'"),
    ({"entity": None}, ["light"], "0: 'light' is not an entity id; write it like 'light.kitchen'"),
    ({"entity": {"multiple": True}}, ["light.a", "b"], "1: 'b' is not an entity id; write it like 'light.kitchen'"),
    ({"duration": None}, "soon",
     "'soon' is not a duration; write seconds, 'HH:MM:SS', or for example 'minutes: 5'"),
    ({"duration": {"allow_negative": False}}, -5, "-5 is negative; a duration from 0 on is needed"),
    ({"time": None}, "25:00", "'25:00' is not a time of day; write it like '07:30'"),
    ({"date": None}, "tomorrow", "'tomorrow' is not a date; write it like '2026-12-31'"),
    ({"datetime": None}, "now", "'now' is not a date with a time; write it like '2026-12-31 07:30:00'"),
    ({"action": None}, 5, "expected a mapping (key: value) or a list, found 5"),
    ({"trigger": None}, ["time"], "expected a mapping (key: value) or a list, found 'time'"),
    ({"target": None}, "light.a", "expected a mapping (key: value), found 'light.a'"),
    ({"target": None}, {"entity": "light.a"},
     ("'entity' is not possible; write one of 'entity_id', 'device_id', 'area_id', 'floor_id', 'label_id'; did you "
     "mean 'entity_id'?")),
    ({"target": None}, {"entity_id": ["desk"]}, "0: 'desk' is not an entity id; write it like 'light.kitchen'"),
    ({"constant": {"value": "x"}}, "y", "'y' is not possible; write one of 'x'"),
    ({"icon": None}, "home", "'home' is not an icon; write it like 'mdi:lightbulb'"),
    ({"color_rgb": None}, "red",
     "'red' is not a colour; write red, green and blue from 0 to 255, like [255, 128, 0]"),
    ({"color_rgb": None}, [0, 0, 256], "256 is out of range; it has to be from 0 to 255"),
    ({"color_temp": {"min_mireds": 150, "max_mireds": 500}}, 100, "100 is out of range; it has to be from 150 to 500"),
    ({"location": None}, {"latitude": 95, "longitude": 0}, "latitude: 95 is out of range; it has to be from -90 to 90"),
    ({"country": None}, "Germany", "'Germany' is not a country; write its two letters, like 'DE'"),
]  # fmt: skip


@pytest.mark.parametrize(("selector", "value", "told"), REFUSED, ids=[f"{next(iter(s))} {v!r}" for s, v, _ in REFUSED])
def test_it_refuses(selector: dict[str, Any], value: Any, told: str) -> None:
    (problem,) = value_problems(selector, value, ())
    assert str(problem) == told
    assert problem.severity == "error"


@pytest.mark.parametrize(
    ("selector", "value", "told"),
    [
        ({"entity": None}, ["light.a", "light.b"], "expected an entity id, found a list"),
        ({"entity": {"domain": "light"}}, "switch.a", "'switch.a' does not fit; an entity of light is needed"),
        ({"entity": {"filter": {"domain": ["light", "fan"]}}}, "switch.a",
         "'switch.a' does not fit; an entity of fan, light is needed"),
        ({"entity": {"exclude_entities": ["light.a"]}}, "light.a",
         "'light.a' is not among the entities that are meant to be chosen here"),
    ],
)  # fmt: skip
def test_what_may_work_all_the_same_is_only_doubted(selector: dict[str, Any], value: Any, told: str) -> None:
    (problem,) = value_problems(selector, value, ())
    assert str(problem) == told
    assert problem.severity == "warning"


@pytest.mark.parametrize(
    ("selector", "told", "severity"),
    [
        ({"numbr": {}}, "numbr: the selector 'numbr' is not known here; any value is taken; did you mean 'number'?",
         "warning"),
        ({}, "a selector is one name with its options, like 'number: {min: 0, max: 10}'", "error"),
        ({"text": {}, "number": {}}, "a selector is one name with its options, like 'number: {min: 0, max: 10}'",
         "error"),
        ([], "a selector is one name with its options, like 'number: {min: 0, max: 10}'", "error"),
        ({"number": {"mode": "slider", "min": 1}}, "number: a slider needs 'min' and 'max'", "error"),
        ({"number": {"min": 5, "max": 1}}, "number: the least (5) is more than the most (1)", "error"),
        ({"number": {"min": "low"}}, "number > min: expected a number, found 'low'", "error"),
        ({"select": None}, "select: the option 'options' is missing", "error"),
        ({"text": {"multilin": True}}, "text > multilin: unknown option; did you mean 'multiline'?", "warning"),
        ({"time": {"new_in_2030": True}}, "time > new_in_2030: unknown option; there is only 'no_second'", "warning"),
        ({"boolean": {"x": 1}}, "boolean > x: unknown option; there are none here", "warning"),
    ],
)  # fmt: skip
def test_a_wrong_selector_says_what_is_wrong(selector: Any, told: str, severity: str) -> None:
    (problem,) = selector_problems(selector, ())
    assert str(problem) == told
    assert problem.severity == severity


@pytest.mark.parametrize("selector", [None, {"text": None}, {"entity": {"filter": {"domain": "light"}}}, "text"])
def test_a_selector_may_be_left_out_or_have_no_options(selector: Any) -> None:
    assert list(selector_problems(selector, ())) == []
