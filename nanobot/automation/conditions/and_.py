"""``condition: and``: all of them hold."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import voluptuous as vol

from nanobot.automation import parse
from nanobot.automation.decide import Case

SCHEMA = vol.Schema({vol.Required("conditions"): parse.conditions})


def check(config: Mapping[str, Any], case: Case) -> bool:
    """One that cannot be decided only matters when no other decides."""
    return bool(config["conditions"].all(case, f"{case.path}/conditions"))
