"""The options of an entry, and what is made of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import voluptuous as vol

from nanobot.agent.models import embedding
from nanobot.agent.models.options import (
    BASE_URL,
    OF_AN_ENTRY,
    embedders_of,
    models_of,
    settings_of,
    settings_of_embedder,
    with_models,
)
from nanobot.agent.models.request import Settings

SCHEMA = with_models({vol.Required("base_url"): BASE_URL, **OF_AN_ENTRY})


def configured(config: Mapping[str, Any], entry_id: str) -> dict[str, Settings]:
    """The models, by name."""
    return {name: Settings(**settings_of(model, config)) for name, model in models_of(config, entry_id).items()}


def configured_embedders(config: Mapping[str, Any]) -> dict[str, embedding.Settings]:
    """The embedders, by name."""
    return {name: embedding.Settings(**settings_of_embedder(one, config)) for name, one in embedders_of(config).items()}
