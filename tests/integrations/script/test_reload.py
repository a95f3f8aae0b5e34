"""Edits of scripts: what goes away stays visible for a while, as people know it."""

from __future__ import annotations

import pytest

from nanobot.errors import ServiceNotFound
from nanobot.hub.hub import Hub
from nanobot.testing.plugin import House

BOTH = "script: {a: {alias: First, sequence: []}, b: {sequence: []}}"


async def test_one_that_was_taken_out_stays_visible_until_the_next_start(hub: Hub, house: House) -> None:
    await house.start(BOTH)
    await house.apply("script: {b: {sequence: []}}")
    gone = hub.states.get("script.a")
    assert gone is not None
    assert gone.state == "unavailable"
    assert gone.attributes == {"friendly_name": "First", "restored": True, "supported_features": 0}
    with pytest.raises(ServiceNotFound):
        await hub.services.call("script", "a")


async def test_one_that_is_put_back_is_there_again(hub: Hub, house: House) -> None:
    await house.start(BOTH)
    await house.apply("script: {b: {sequence: []}}")
    await house.apply(BOTH)
    back = hub.states.get("script.a")
    assert back is not None
    assert back.state == "off"
    assert "restored" not in back.attributes
    await hub.services.call("script", "a")
