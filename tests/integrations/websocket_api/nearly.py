"""Messages that are nearly right: made from the schema of a command, with names that are there, and now and then a
value that does not belong where it stands."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nanobot.contracts.socket_command import SocketCommand
from nanobot.util.json_schema import to_json_schema

Strategy = st.SearchStrategy[Any]

ODD: Strategy = st.one_of(
    st.none(),
    st.booleans(),
    st.sampled_from([0, -1, 255, 2**31, 2**53, 2**63 - 1, -(2**63), 2**64, 1e308, -0.0, 0.1]),
    st.sampled_from(
        ["", " ", "0", "x" * 5000, "\0", "é漢🙂", "\u202e", "../../etc/passwd", "{{ 1 / 0 }}", "{%", "a: b"]
    ),
    st.sampled_from([[], {}, [[]], [None], {"": {}}, {"a": {"b": {"c": [1, {}]}}}, {"id": 1, "type": "ping"}]),
)
TIMES = st.sampled_from(
    ["2026-01-01T00:00:00+00:00", "2026-01-01", "1970-01-01T00:00:00Z", "0001-01-01T00:00:00", "9999-12-31T23:59:59Z",
     "2026-02-30T00:00:00", "2026-10-25T02:30:00", "24:00"]
)  # fmt: skip
ENTITIES = st.sampled_from(
    ["counter.cups", "automation.count", "script.pour", "sensor.none", "counter", "a.b.c", "all"]
)
TRIGGERS = st.sampled_from(
    [{"trigger": "state", "entity_id": "counter.cups"}, {"platform": "event", "event_type": "cup"}, {"trigger": "none"},
     {"trigger": "template", "value_template": "{{ states('counter.cups') | int > 2 }}"},
     {"trigger": "time", "at": "7"}, {"trigger": "numeric_state", "entity_id": "counter.cups", "above": "x"}, []]
)  # fmt: skip
CONDITIONS = st.sampled_from(
    ["{{ true }}", {"condition": "state", "entity_id": "counter.cups", "state": "0"}, {"or": []}, {"condition": "x"},
     {"and": [{"not": [{"condition": "template", "value_template": "{{ no.such }}"}]}]}, False, []]
)  # fmt: skip
ACTIONS = st.sampled_from(
    [[], [{"event": "cup"}], {"variables": {"a": "{{ b }}"}}, [{"stop": "now", "response_variable": "x"}], {"delay": 0},
     [{"action": "counter.increment", "target": {"entity_id": "counter.cups"}}], {"wait_template": "{{ true }}"},
     [{"repeat": {"count": 2, "sequence": []}}], [{"if": [], "then": {}}], {"choose": []}, {"parallel": [[], {}]}, "x"]
)  # fmt: skip
NAMED: Mapping[str, Strategy] = {
    "entity_id": ENTITIES,
    "entity_ids": st.lists(ENTITIES, max_size=3) | ENTITIES,
    "domain": st.sampled_from(["automation", "script", "counter", "none", "Automation"]),
    "service": st.sampled_from(["increment", "decrement", "set_value", "trigger", "toggle", "none"]),
    "service_data": st.dictionaries(st.sampled_from(["entity_id", "value", "x"]), ENTITIES | ODD, max_size=2),
    "target": st.dictionaries(st.sampled_from(["entity_id", "area_id", "x"]), ENTITIES | ODD, max_size=2),
    "event_type": st.sampled_from(["cup", "state_changed", "*", "call_service", "automation_triggered"]),
    "event_data": st.dictionaries(st.sampled_from(["entity_id", "new_state", "x"]), ODD, max_size=2),
    "template": st.sampled_from(["{{ states('counter.cups') }}", "{{ now() }}", "{% for", "{{ x | int }}", "{{ [] }}"]),
    "variables": st.dictionaries(st.sampled_from(["x", "this", "trigger", "states"]), ODD, max_size=2),
    "timeout": st.sampled_from([0.01, 0, -1, 1e9]),
    "trigger": TRIGGERS, "triggers": TRIGGERS,
    "condition": CONDITIONS, "conditions": CONDITIONS,
    "sequence": ACTIONS, "action": ACTIONS, "actions": ACTIONS,
    "item_id": st.sampled_from(["count", "pour", "none", "automation.count"]),
    "item_type": st.sampled_from(["entity", "automation", "script", "device", "area", "x"]),
    "run_id": st.sampled_from(["1", "01HZX"]),
    "path": st.sampled_from(["nanobot/remind.yaml", "/api/states", "../x.yaml", "x", "/"]),
    "url": st.sampled_from(["", "ftp://x", "http://127.0.0.1:1/x.yaml", "file:///etc/passwd"]),
    "start_time": TIMES, "end_time": TIMES,
    "language": st.sampled_from(["en", "de", "xx", "en-GB"]),
    "integration": st.sampled_from(["counter", "none", ["counter"], ["none"]]),
    "subscription": st.integers(0, 40),
    "lifespan": st.sampled_from([0, 1, 2**40]),
    "expires": st.sampled_from([0, 1, 2**40]),
    "icon": st.sampled_from(["mdi:cup", "x", ""]),
}  # fmt: skip


async def made(strategy: Any, count: int) -> list[Any]:
    """So many of them, the same in each run."""
    found: list[Any] = []

    @settings(
        max_examples=count, deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck)
    )
    @given(strategy)
    def collect(one: Any) -> None:
        found.append(one)

    await asyncio.get_running_loop().run_in_executor(None, collect)
    return found


def message(command: SocketCommand) -> Strategy:
    """The fields of a message of that command, without ``id``."""
    schema = to_json_schema(command.schema) if command.schema else {"properties": {}}
    properties = schema.get("properties", {})
    required = [name for name in properties if name in schema.get("required", ())]
    fields = {name: _field(name, properties[name]) for name in properties}
    extra = st.dictionaries(st.sampled_from(["x", "ID", ""]), ODD, max_size=1)
    return st.tuples(
        st.fixed_dictionaries(
            {name: fields[name] for name in required},
            optional={name: field for name, field in fields.items() if name not in required},
        ),
        # mostly whole: what lacks something, or has too much, seldom gets far
        st.one_of([st.just({})] * 5 + [extra]),
        st.sampled_from([None] * 5 + required),
    ).map(lambda made: {name: value for name, value in (made[0] | made[1]).items() if name != made[2]})


def _field(name: str, schema: Mapping[str, Any]) -> Strategy:
    right = NAMED.get(name)
    if right is None and (name.endswith("_id") or name == "name"):
        right = st.sampled_from(["cups", "Cups", "tea", "none"])
    near = right if right is not None else fits(schema)
    return st.one_of([near] * 6 + [fits(schema), ODD])


def fits(schema: Mapping[str, Any]) -> Strategy:
    """Values that a JSON schema allows, as far as it says."""
    if "enum" in schema:
        return st.sampled_from(list(schema["enum"]))
    if "const" in schema:
        return st.just(schema["const"])
    for word in ("anyOf", "oneOf"):
        if word in schema:
            return st.one_of([fits(one) for one in schema[word]])
    kind = schema.get("type")
    if isinstance(kind, list):
        return st.one_of([fits({**schema, "type": one}) for one in kind])
    match kind:
        case "null":
            return st.none()
        case "boolean":
            return st.booleans()
        case "integer":
            return st.integers(schema.get("minimum", -(2**40)), schema.get("maximum", 2**40))
        case "number":
            return st.floats(schema.get("minimum", -1e9), schema.get("maximum", 1e9), allow_nan=False)
        case "string":
            if "pattern" in schema:
                return st.from_regex(schema["pattern"].replace(r"\Z", "$"), fullmatch=True)
            return st.text(min_size=schema.get("minLength", 0), max_size=min(schema.get("maxLength", 20), 20))
        case "array":
            return st.lists(fits(schema.get("items", {})), max_size=3)
        case "object":
            known = {name: fits(one) for name, one in schema.get("properties", {}).items()}
            return st.fixed_dictionaries({}, optional=known)
    return ODD
