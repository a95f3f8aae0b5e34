"""The quick way through a schema says and gives exactly what voluptuous does."""

from typing import Any

import pytest
import voluptuous as vol
from hypothesis import given
from hypothesis import strategies as st

from nanobot.config import validators as cv
from nanobot.config.quick import quick

SCHEMAS = {
    "flat": vol.Schema(
        {
            vol.Required("n"): cv.positive_int,
            vol.Required("mode", default="one"): vol.In(["one", "two"]),
            vol.Optional("text"): cv.string,
            vol.Optional("many", default=list): vol.All(cv.ensure_list, [cv.string]),
            "plain": int,
        }
    ),
    "nested": vol.Schema({vol.Required("n"): vol.Schema({"text": str}), vol.Optional("text"): {"n": int}}),
    "literal": vol.Schema({vol.Optional("n"): 1, vol.Optional("text"): vol.Any("a", None)}),
    "coerced": vol.Schema({vol.Required("n"): vol.Coerce(int), vol.Optional("text", default=3): cv.string}),
    "extra": vol.Schema({vol.Required("n"): int}, extra=vol.ALLOW_EXTRA),
    "all required": vol.Schema({"n": int, "text": str}, required=True),
    "groups": vol.Schema({vol.Exclusive("n", "g"): int, vol.Exclusive("text", "g"): str}),
    "together": vol.Schema({vol.Inclusive("n", "g"): int, vol.Inclusive("text", "g"): str}),
    "removed": vol.Schema({vol.Remove("n"): int, "text": str}),
    "any key": vol.Schema({cv.slug: int}),
    "not a mapping": vol.Schema(vol.All({vol.Required("n"): int}, cv.has_at_least_one_key("n"))),
}
VALUES = st.one_of(
    st.integers(-2, 3), st.sampled_from(["", "a", "7", "one"]), st.none(), st.booleans(), st.just({"text": "x"})
)
DATA = st.dictionaries(st.sampled_from(["n", "mode", "text", "many", "plain", "other"]), VALUES, max_size=4)


def _outcome(check: Any, data: Any) -> Any:
    try:
        return check(data)
    except vol.Invalid as error:
        return sorted(str(single) for single in getattr(error, "errors", [error]))


@pytest.mark.parametrize("name", SCHEMAS)
@given(data=DATA)
def test_it_is_the_same_as_voluptuous(name: str, data: dict[str, Any]) -> None:
    schema = SCHEMAS[name]
    before = dict(data)
    expected, found = _outcome(schema, dict(data)), _outcome(quick(schema), data)
    assert found == expected
    assert data == before


def test_defaults_are_made_anew_each_time() -> None:
    check = quick(vol.Schema({vol.Optional("many", default=list): [cv.string]}))
    check({})["many"].append("left behind")
    assert check({}) == {"many": []}
