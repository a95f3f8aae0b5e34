"""Whatever stands in a blueprint or is given to it: sentences, never an exception."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from nanobot.config.blueprint import understand
from nanobot.config.selectors import SELECTORS, selector_problems, value_problems
from nanobot.config.substitute import Known, fill
from nanobot.util.yaml import Input, Tag, Unusable

NAMES = st.sampled_from(
    ["a", "b", "name", "domain", "input", "default", "selector", "blueprint", "triggers", "é", "", "1"]
)
LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=8),
    st.sampled_from(["automation", "script", "{{ x }}", "light.a", "00:05", "mdi:x"]),
    st.builds(Input, NAMES),
    st.builds(Tag, st.sampled_from(["!include", "!secret"]), NAMES, st.just(1)),
    st.just(Unusable("gone")),
)
ANYTHING = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES | st.integers(), inner, max_size=4),
    max_leaves=12,
)
SELECTOR = st.dictionaries(st.sampled_from(sorted(SELECTORS)) | NAMES, ANYTHING, max_size=2)
OPENING = st.fixed_dictionaries({}, optional={"name": ANYTHING, "default": ANYTHING, "selector": SELECTOR})
HEAD = st.fixed_dictionaries(
    {"name": st.just("N"), "domain": st.just("automation")},
    optional={
        "input": ANYTHING | st.dictionaries(NAMES, OPENING | st.fixed_dictionaries({"input": ANYTHING}), max_size=3),
        "version": ANYTHING,
        "source_url": ANYTHING,
        "homeassistant": ANYTHING,
    },
)


@settings(deadline=None, max_examples=300)
@given(ANYTHING, HEAD, ANYTHING, ANYTHING)
def test_any_blueprint_and_any_inputs(data: Any, head: dict[str, Any], body: Any, inputs: Any) -> None:
    for problem in understand(data, "automation")[1]:
        assert problem.told()
    blueprint, problems = understand({"blueprint": head, "triggers": body}, "automation")
    for problem in problems:
        assert problem.told()
    if blueprint is None:
        return
    given_ones = inputs if isinstance(inputs, dict) else dict.fromkeys(blueprint.inputs, inputs)
    made, problems = fill(Known("x.yaml", None, blueprint), {"use_blueprint": {"path": "x.yaml", "input": given_ones}})
    assert made is not None or problems
    for problem in problems:
        assert problem.told()


@settings(deadline=None, max_examples=500)
@given(st.sampled_from(sorted(SELECTORS)), ANYTHING, ANYTHING)
def test_any_selector_and_any_value(name: str, options: Any, value: Any) -> None:
    if any(problem.severity == "error" for problem in selector_problems({name: options}, ())):
        return
    for problem in value_problems({name: options}, value, ()):
        assert problem.told()
