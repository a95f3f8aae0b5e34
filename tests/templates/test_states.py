"""What templates read of the hub."""

from __future__ import annotations

from typing import Any

import pytest

from nanobot.hub.bus import Event
from nanobot.hub.hub import Hub
from nanobot.templates import TemplateError

from .conftest import Render


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("{{ states('sensor.kitchen') }}", 21.5),
        ("{{ states('sensor.nowhere') }}", "unknown"),
        ("{{ states('sensor.kitchen', with_unit=True) }}", "21.5 °C"),
        ("{{ states('sensor.kitchen', rounded=True) }}", 21.5),
        ("{{ states.sensor.kitchen.state_with_unit }}", "21.5 °C"),
        ("{{ states['sensor.kitchen'].name }}", "Kitchen"),
        ("{{ states.sensor.kitchen.attributes.samples[1] }}", 23),
        ("{{ states.sensor.nowhere is none }}", True),
        ("{{ states.sensor.nowhere.state }}", ""),
        ("{{ states.light | map(attribute='entity_id') | list }}", ["light.lamp", "light.strip"]),
        ("{{ states.light | count }}", 2),
        ("{{ states | map(attribute='domain') | select('in', ['light', 'group']) | unique }}", ["group", "light"]),
        ("{{ states.sensor.kitchen.last_changed.year > 2000 }}", True),
        ("{{ states.sensor.kitchen.context.id | length }}", 26),
        ("{{ states.sensor.kitchen.attributes }}", {"unit_of_measurement": "°C", "friendly_name": "Kitchen",
                                                   "samples": [20, 23]}),
        ("{{ is_state('light.lamp', ['off', 'on']) }}", True),
        ("{{ is_state('light.nowhere', 'unknown') }}", False),
        ("{{ is_state_attr('light.lamp', 'brightness', 128) }}", True),
        ("{{ state_attr('light.lamp', 'nothing') }}", None),
        ("{{ ['light.lamp', 'light.strip'] | select('is_state', 'on') | list }}", ["light.lamp"]),
        ("{{ has_value('sensor.attic') or 'sensor.nowhere' is has_value }}", False),
        ("{{ states('SENSOR.Kitchen') }}", 21.5),
        ("{{ expand('group.house') | map(attribute='entity_id') | sort | list }}",
         ["light.lamp", "light.strip", "sensor.kitchen"]),
        ("{{ expand(states.light, ['sensor.kitchen', 'sensor.nowhere']) | count }}", 3),
        ("{{ closest(states.device_tracker).entity_id }}", "device_tracker.near"),
        ("{{ closest('device_tracker.far', ['device_tracker.near', 'light.lamp']).object_id }}", "near"),
        ("{{ closest(52.0, 5.1, 'device_tracker.far', 'device_tracker.near').object_id }}", "far"),
        ("{{ states.light.lamp.as_dict().last_changed is string }}", True),
        ("{{ ['device_tracker.far'] | closest(52.37, 4.9) is none }}", False),
        ("{{ distance('device_tracker.far') | round(1) }}", 34.6),
        ("{{ distance(52.37, 4.9, 52.37, 4.9) }}", 0.0),
        ("{{ distance('light.lamp') is none }}", True),
        ("{{ areas() + floors() + labels() + area_entities('kitchen') + device_entities('x') }}", []),
        ("{{ area_id('light.lamp') is none and device_attr('x', 'y') is none and 'x' | label_name is none }}", True),
        ("{{ integration_entities('nothing') }}", []),
        ("{{ issues() }}", {}),
        ("{{ issue('x', 'y') is none }}", True),
        ("{{ is_hidden_entity('light.lamp') }}", False),
    ],
)  # fmt: skip
def test_reading_states(render: Render, text: str, value: Any) -> None:
    assert render(text) == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("{{ states('nonsense') }}", "unknown"),
        ("{{ states('') }}", "unknown"),
        ("{{ state_attr('a.b.c', 'x') }}", None),
        ("{{ is_state('?', 'on') or has_value('no id') }}", False),
        ("{{ ['bad', 'light.lamp'] | select('is_state', 'on') | list }}", ["light.lamp"]),
        ("{{ expand('bad', 'light.lamp') | map(attribute='entity_id') | list }}", ["light.lamp"]),
    ],
)
def test_functions_find_nothing_under_text_that_is_no_entity_id(render: Render, text: str, value: Any) -> None:
    assert render(text) == value


@pytest.mark.parametrize("text", ["{{ states['a.b.c'] }}", "{{ states[''] }}", "{{ states.sensor['no id'] }}",
                                  "{{ states.Sensor.x }}", "{{ states(5) }}", "{{ is_state(1, 'on') }}"])  # fmt: skip
def test_what_is_no_entity_id_is_told(render: Render, text: str) -> None:
    with pytest.raises(TemplateError, match="Invalid (entity ID|domain name)"):
        render(text)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("{{ states.light }}", "<template DomainStates('light')>"),
        ("{{ state_attr('light.lamp', 'nothing').more }}", ""),
        ("{{ [states.light.lamp, states.light.strip] | map(attribute='attributes.brightness', default=0) | list }}",
         [128, 0]),
        ("{% for g in states.light | groupby('state') %}{{ g.grouper }}={{ g.list | count }} {% endfor %}",
         "off=1 on=1"),
        ("{{ states.light.lamp.attributes | to_json }}", {"brightness": 128, "friendly_name": "Lamp"}),
        ("{{ combine(states.light.lamp.attributes, {'z': 1}).z }}", 1),
        ("{{ states.light.lamp.attributes.items() | list }}", [("brightness", 128), ("friendly_name", "Lamp")]),
        ("{{ states.light | sort(attribute='state') | map(attribute='object_id') | list }}", ["strip", "lamp"]),
        ("{{ ['1', 'x'] | map('float') | first }}", 1.0),
        ("{{ [1, 2, 3] | batch(2) | list }} {{ [1, 2, 3] | slice(2) | list }}", "[[1, 2], [3]] [[1, 2], [3]]"),
        ("{% set j = joiner(',') %}{{ j() }}a{{ j() }}b", "a,b"),
        ("{% macro m(x) %}[{{ caller(x) }}]{% endmacro %}{% call(y) m(4) %}hi{{ y }}{% endcall %}", "[hi4]"),
        ("{% for i in [1, 2] %}{{ loop.cycle('a', 'b') }}{{ loop.changed(i) }}{{ loop.length }} {% endfor %}",
         "aTrue2 bTrue2"),
        ("{{ {'a': {'b': [1, 2]}}.a.b[1] }}", 2),
        ("{{ '{0.state}'.format(states.light.lamp) }}", "on"),
        ("{{ (1, 2) == (1, 2) and 'a' not in ['b'] and [1] in [[1]] and 1 < 2 < 3 }}", True),
        ("{{ timedelta(hours=1) * 2 }}", "2:00:00"),
        ("{{ now().replace(hour=3).strftime('%H') }}", "03"),
        ("{{ states.light.lamp.last_changed < now() + timedelta(minutes=1) }}", True),
        ("{{ 'a' ~ 1 ~ none }}", "a1None"),
    ],
)  # fmt: skip
def test_what_people_do_with_states_and_values(render: Render, text: str, value: Any) -> None:
    assert render(text) == value


def test_variables_may_hold_states_events_and_what_is_in_them(render: Render, home: Hub) -> None:
    event = Event("tea", {"n": 1, "items": [2]})
    trigger = {"event": event, "to_state": home.states.get("light.lamp"), "entity_id": "light.lamp"}
    assert render("{{ trigger.event.data.n + 1 }}", {"trigger": trigger}) == 2
    assert render("{{ trigger.event.event_type }} {{ trigger.event.origin }}", {"trigger": trigger}) == "tea LOCAL"
    assert render("{{ trigger.event.time_fired.year > 2000 }}", {"trigger": trigger}) is True
    assert render("{{ trigger.to_state.attributes.brightness }}", {"trigger": trigger}) == 128
    assert render("{{ trigger.to_state.as_dict().entity_id }}", {"trigger": trigger}) == "light.lamp"
    assert render("{{ trigger.event.data['items'][0] }}", {"trigger": trigger}) == 2
    assert render("{{ 'x' in trigger }}", {"trigger": trigger}) is False


def test_a_limited_template_reads_no_states_and_no_clock(render: Render) -> None:
    assert render("{{ 1 + 1 }} {{ 'a' | upper }} {{ n }}", {"n": 3}, limited=True) == "2 A 3"
    for text in ("{{ states('sensor.kitchen') }}", "{{ now() }}", "{{ 'light.lamp' | expand }}",
                 "{{ 'a.b' is has_value }}", "{{ area_id('x') }}"):  # fmt: skip
        with pytest.raises(TemplateError, match="is not supported in limited templates"):
            render(text, limited=True)


def test_an_undefined_name_is_empty_and_told_once_and_an_error_when_strict(
    render: Render, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(3):
        assert render("[{{ nothing }}]", native=False) == "[]"
    assert caplog.text.count("'nothing' is undefined") == 1
    with pytest.raises(TemplateError, match="'nothing' is undefined"):
        render("[{{ nothing }}]", strict=True)
