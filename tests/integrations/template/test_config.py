"""What may be written, and what is said of the rest."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from nanobot.hub.hub import Hub
from nanobot.testing.plugin import House

from .conftest import settle

State = Callable[[str], str | None]


async def test_a_wrong_entity_is_one_problem_and_the_others_live(house: House, state: State) -> None:
    house.write(
        "template:\n"
        "  - sensor:\n"
        "      - name: Good\n"
        "        state: fine\n"
        "      - name: Bad\n"
        "        stte: wrong\n"
        "    binary_sensor:\n"
        "      name: Worse\n"
        "      state: '{{ 1 | no_such_filter }}'\n"
        "  - sensor: {name: Also good, state: fine}\n"
    )
    applied = await house.apply()
    bad, worse = applied.problems
    assert bad.told() == "configuration.yaml:6: template > 0 > sensor > 1 > stte: unknown option; did you mean 'state'?"
    assert worse.told().startswith("configuration.yaml:9: template > 0 > binary_sensor > state: invalid template: ")
    assert "No filter named 'no_such_filter'" in worse.told()
    assert (state("sensor.good"), state("sensor.also_good")) == ("fine", "fine")
    assert (state("sensor.bad"), state("binary_sensor.worse")) == (None, None)


@pytest.mark.parametrize(
    ("section", "sentence"),
    [
        ({"light": []}, "there are no template entities of this kind here; there are sensor, binary_sensor, select"),
        ({"sensors": {}}, "is the old form; write 'sensor:' with 'state:' in place of 'value_template:'"),
        ({"actions": [], "sensor": []}, "needs 'triggers' beside it"),
        (
            {"triggers": {"trigger": "event", "event_type": "go"}, "button": {"name": "B", "press": []}},
            "has no state that a trigger could give it",
        ),
        ({"sensor": {"state": 1, "last_reset": "x"}}, "has a meaning only with state_class: total"),
        ({"sensor": {"state": 1, "device_class": "weigth"}}, "did you mean 'weight'?"),
        ({"binary_sensor": {"state": 1, "delay_on": "soon"}}, "'soon' is not a duration"),
        ({"text": {"set_value": [], "min": 9, "max": 1}}, "is more than max"),
        ({"text": {"set_value": [], "pattern": "["}}, "is no regular expression"),
        ({"switch": {"turn_on": []}}, "the option 'turn_off' is missing"),
        ({"number": {"set_value": [{"acton": "x.y"}]}}, "did you mean 'action'?"),
        ({"triggers": [{"trigger": "evnt"}], "sensor": []}, "did you mean 'event'?"),
        ("text", "expected a mapping"),
    ],
)
async def test_what_is_wrong_is_said(house: House, section: Any, sentence: str) -> None:
    house.write(json.dumps({"template": [section]}, indent=1))
    applied = await house.apply()
    assert len(applied.problems) == 1, applied.problems
    assert sentence in applied.problems[0].told()
    assert applied.problems[0].line is not None


async def test_the_older_spelling_has_its_lines_as_well(house: House) -> None:
    house.write(
        "template:\n"
        "  - trigger:\n"
        "      - trigger: event\n"
        "        event_type: go\n"
        "      - trigger: evnt\n"
        "    sensor: {name: A, state: 1}\n"
    )
    applied = await house.apply()
    assert [problem.line for problem in applied.problems] == [5]


async def test_a_section_may_stand_alone_and_under_several_keys(house: House, state: State) -> None:
    house.write("template:\n  sensor: {name: A, state: 1}\ntemplate more:\n  - sensor: {name: B, state: 2}\n")
    applied = await house.apply()
    assert not applied.problems
    assert (state("sensor.a"), state("sensor.b")) == ("1", "2")


BLUEPRINT = """
blueprint:
  name: Above
  domain: template
  input:
    source: {selector: {entity: {}}}
    limit: {default: 10, selector: {number: {min: 0, max: 100}}}
variables:
  source: !input source
  limit: !input limit
binary_sensor:
  state: "{{ states(source) | float(0) > limit }}"
"""


async def test_a_blueprint_stands_for_one_entity(house: House, hub: Hub, state: State) -> None:
    house.write(BLUEPRINT, "blueprints/template/above.yaml")
    use = {"path": "above.yaml", "input": {"source": "sensor.x", "limit": 5}}
    house.write(json.dumps({"template": [{"use_blueprint": use, "name": "Hot", "unique_id": "hot"}]}))
    applied = await house.apply()
    assert not applied.problems
    assert state("binary_sensor.hot") == "off"
    hub.states.set("sensor.x", "6")
    assert state("binary_sensor.hot") == "on"


TRIGGERED = """
blueprint:
  name: Last
  domain: template
  input:
    type: {selector: {text: {}}}
variables:
  factor: 2
triggers: {trigger: event, event_type: !input type}
conditions: "{{ trigger.event.data.n * factor > 2 }}"
sensor:
  state: "{{ trigger.event.data.n * factor }}"
"""


async def test_a_blueprint_may_have_triggers(house: House, hub: Hub, state: State) -> None:
    house.write(TRIGGERED, "blueprints/template/last.yaml")
    use = {"path": "last.yaml", "input": {"type": "go"}}
    house.write(json.dumps({"template": [{"use_blueprint": use, "name": "Last"}]}))
    applied = await house.apply()
    assert not applied.problems
    hub.bus.fire("go", {"n": 1})
    hub.bus.fire("go", {"n": 3})
    await settle()
    assert state("sensor.last") == "6"
