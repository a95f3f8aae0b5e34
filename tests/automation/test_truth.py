"""What counts as true."""

from __future__ import annotations

from typing import Any

import pytest

from nanobot.automation.truth import holds, is_on, is_true
from nanobot.hub.hub import Hub
from nanobot.templates import Template


@pytest.mark.parametrize(
    ("value", "in_triggers", "in_conditions"),
    [
        (True, True, True), ("true", True, True), (" TRUE ", True, True), ("on", True, False), ("Yes", True, False),
        ("enable", True, False), (1, True, False), (2.5, True, False), ("1", True, False), (0, False, False),
        ("2", False, False), (False, False, False), ("false", False, False), ("", False, False), (None, False, False),
        ([1], False, False), ({"a": 1}, False, False), ("anything", False, False),
    ],
    ids=repr,
)  # fmt: skip
def test_generously_and_strictly(value: Any, in_triggers: bool, in_conditions: bool) -> None:
    assert (is_true(value), holds(value)) == (in_triggers, in_conditions)


async def test_enabled(hub: Hub) -> None:
    assert is_on(hub, True)
    assert not is_on(hub, False)
    assert is_on(hub, Template("{{ 'yes' }}"))
    assert not is_on(hub, Template("{{ nothing }}"))
    assert is_on(hub, Template("{{ a }}"), {"a": 1})
