"""include and exclude: what of the two wins."""

from __future__ import annotations

from typing import Any

import pytest
import voluptuous as vol

from nanobot.config.choice import choice, options

EVERYTHING = ["light.a", "light.b_x", "sensor.a", "sensor.b_x"]


@pytest.mark.parametrize(
    ("given", "chosen"),
    [
        ({}, EVERYTHING),
        ({"include": {"domains": "light"}}, ["light.a", "light.b_x"]),
        ({"include": {"entities": "light.a, sensor.a"}}, ["light.a", "sensor.a"]),
        ({"include": {"entity_globs": "*.b_*"}}, ["light.b_x", "sensor.b_x"]),
        ({"exclude": {"domains": ["light"]}}, ["sensor.a", "sensor.b_x"]),
        ({"exclude": {"entity_globs": ["*.b_*"], "entities": ["light.a"]}}, ["sensor.a"]),
        ({"include": {"domains": "light"}, "exclude": {"entities": "light.a"}}, ["light.b_x"]),
        ({"include": {"domains": "light"}, "exclude": {"entity_globs": "*.b_*"}}, ["light.a"]),
        ({"include": {"entity_globs": "*.b_*"}, "exclude": {"domains": "light"}}, ["light.b_x", "sensor.b_x"]),
        ({"include": {"entities": "light.a"}, "exclude": {"domains": "light"}}, ["light.a", "sensor.a", "sensor.b_x"]),
        ({"include": {"entities": "light.a"}, "exclude": {"entities": "light.b_x"}}, ["light.a"]),
        (
            {"include": {"domains": "light", "entities": "sensor.a"}, "exclude": {"entities": "sensor.a"}},
            ["light.a", "light.b_x", "sensor.a"],
        ),
    ],
)
def test_an_entity_counts_more_than_a_glob_and_a_glob_more_than_a_domain(
    given: dict[str, Any], chosen: list[str]
) -> None:
    allows = choice(vol.Schema(options())(given))
    assert [entity_id for entity_id in EVERYTHING if allows(entity_id)] == chosen
    assert [entity_id for entity_id in EVERYTHING if allows(entity_id)] == chosen, "and the same when asked again"


def test_an_unknown_key_is_refused() -> None:
    with pytest.raises(vol.Invalid):
        vol.Schema(options())({"include": {"entitys": []}})
