"""A hub with the states that the tests of templates read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nanobot.config.core import CoreConfig
from nanobot.hub.hub import Hub
from nanobot.templates import Template

Render = Callable[..., Any]


@pytest.fixture
def hub(config_dir: Path) -> Hub:
    """One without a lifecycle: templates need none."""
    return Hub(config_dir)


@pytest.fixture
def home(hub: Hub) -> Hub:
    """Amsterdam, with a few rooms."""
    hub.configure(CoreConfig(latitude=52.37, longitude=4.9, time_zone="Europe/Amsterdam"))
    states = hub.states.set
    states("sensor.kitchen", "21.5", {"unit_of_measurement": "°C", "friendly_name": "Kitchen", "samples": [20, 23]})
    states("sensor.attic", "unavailable")
    states("light.lamp", "on", {"brightness": 128, "friendly_name": "Lamp"})
    states("light.strip", "off", {})
    states("group.lights", "on", {"entity_id": ["light.lamp", "light.strip"]})
    states("group.house", "on", {"entity_id": ["group.lights", "sensor.kitchen", "group.house"]})
    states("device_tracker.far", "not_home", {"latitude": 52.09, "longitude": 5.12})
    states("device_tracker.near", "home", {"latitude": 52.371, "longitude": 4.901})
    return hub


@pytest.fixture
def render(home: Hub) -> Render:
    """``render("{{ 1 + n }}", {"n": 2})``"""

    def render(text: str, variables: dict[str, Any] | None = None, **options: Any) -> Any:
        return Template(text).render(home, variables, **options)

    return render
