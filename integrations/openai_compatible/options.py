"""The options of an entry, and what is made of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import voluptuous as vol

from nanobot.agent.models.options import BASE_URL, OF_AN_ENTRY, models_of, settings_of, with_models
from nanobot.agent.models.request import Settings

SCHEMA = with_models({vol.Required("base_url"): BASE_URL, **OF_AN_ENTRY})


def configured(config: Mapping[str, Any], entry_id: str) -> dict[str, Settings]:
    """The models, by name."""
    return {name: Settings(**settings_of(model, config)) for name, model in models_of(config, entry_id).items()}
