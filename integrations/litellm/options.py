"""The options of an entry, and what is made of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import voluptuous as vol

from nanobot.agent.models import embedding, request
from nanobot.agent.models.address import Address
from nanobot.agent.models.options import (
    BASE_URL,
    HEADERS,
    KEY,
    OF_A_MODEL,
    OF_AN_EMBEDDER,
    OF_AN_ENTRY,
    embedders_of,
    models_of,
    parameters,
    settings_of,
    settings_of_embedder,
    with_models,
)
from nanobot.util.secrets import Secret

HAVE_OPTIONS = {
    "api_base": "base_url",
    "api_key": "api_key",
    "base_url": "base_url",
    "extra_headers": "headers",
    "fallbacks": "fallbacks",
    "max_retries": "retries",
    "num_retries": "retries",
    "timeout": "timeout",
}
"""Arguments of the library that are no parameters, and the options for what they do."""

OF_WHERE = {
    vol.Optional("base_url"): BASE_URL,
    vol.Optional("api_key"): KEY,
    vol.Optional("headers", default=dict): HEADERS,
}
OF_OUR_MODELS = {**OF_A_MODEL, **OF_WHERE, vol.Optional("parameters", default=dict): parameters(HAVE_OPTIONS)}
OF_OUR_EMBEDDERS = {
    **OF_AN_EMBEDDER,
    **OF_WHERE,
    vol.Optional("parameters", default=dict): parameters(HAVE_OPTIONS | {"dimensions": "dimensions"}),
}

SCHEMA = with_models({vol.Optional("base_url"): BASE_URL, **OF_AN_ENTRY}, OF_OUR_MODELS, OF_OUR_EMBEDDERS)


class Placed:
    """Has a place where a model is asked. ``base_url``: None for the provider's own address."""

    __slots__ = ()
    id: str
    base_url: str | None
    key: Secret | None
    headers: Mapping[str, str | Secret]

    @property
    def place(self) -> str:
        """Where words go, for people: the address, else the provider."""
        if self.base_url is not None:
            return str(Address.of(self.base_url))
        provider, slash, _ = self.id.partition("/")
        return provider if slash else f"the provider of {self.id}"


@dataclass(frozen=True, slots=True)
class Settings(Placed, request.Settings):
    """What is configured of one model."""

    base_url: str | None
    key: Secret | None
    headers: Mapping[str, str | Secret]


@dataclass(frozen=True, slots=True)
class EmbedderSettings(Placed, embedding.Settings):
    """What is configured of one embedder."""

    base_url: str | None
    key: Secret | None
    headers: Mapping[str, str | Secret]


def configured(config: Mapping[str, Any], entry_id: str) -> dict[str, Settings]:
    """The models, by name."""
    return {
        name: Settings(**settings_of(model, config), **_place_of(model, config))
        for name, model in models_of(config, entry_id).items()
    }


def configured_embedders(config: Mapping[str, Any]) -> dict[str, EmbedderSettings]:
    """The embedders, by name."""
    return {
        name: EmbedderSettings(**settings_of_embedder(one, config), **_place_of(one, config))
        for name, one in embedders_of(config).items()
    }


def _place_of(model: Mapping[str, Any], config: Mapping[str, Any]) -> dict[str, Any]:
    base_url = model.get("base_url", config.get("base_url"))
    return {
        "base_url": None if base_url is None else Address.of(base_url).url(""),
        "key": model.get("api_key", config.get("api_key")),
        "headers": {**config["headers"], **model["headers"]},
    }
