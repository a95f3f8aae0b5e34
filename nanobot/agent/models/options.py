"""The options that integrations with models have in common, and what is made of them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import orjson
import voluptuous as vol

from nanobot.config import validators as cv
from nanobot.contracts.model import Price
from nanobot.util.secrets import Secret

from .address import Address
from .throttle import RateLimit

TIMEOUT = 120.0  # s
RETRIES = 2
OURS = ("messages", "model", "stream", "tools")
"""Parts of a request that nanobot fills in."""

_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110, a token
_UNPRINTABLE = re.compile(r"[^\t\x20-\x7e\x80-\xff]")
_SECRET = re.compile(r"auth|key|token|secret|cookie", re.IGNORECASE)

_OPTIONS = orjson.OPT_NON_STR_KEYS


def _without_password(address: str) -> str:
    if Address.of(address).parts.username is not None:
        raise vol.Invalid("the address must not hold a name or a password; use 'api_key' or 'headers'")
    return address


def _sendable(key: Secret) -> Secret:
    """The key without blanks around it."""
    text = key.reveal().strip()
    if _UNPRINTABLE.search(text):
        raise vol.Invalid("this cannot be a key: it has line breaks or characters that no key has")
    return cv.secret(text)


def _headers(headers: dict[str, str]) -> dict[str, str | Secret]:
    """Values that look like credentials are kept secret."""
    found: dict[str, str | Secret] = {}
    for name, text in headers.items():
        if not _NAME.fullmatch(name):
            raise vol.Invalid("this cannot be the name of a header", path=[name])
        if _UNPRINTABLE.search(text):
            raise vol.Invalid("the value of a header is one line of plain text", path=[name])
        found[name] = cv.secret(text) if _SECRET.search(name) else text
    return found


def parameters(options: Mapping[str, str] | None = None) -> Callable[[Any], dict[str, Any]]:
    """What is sent along with each request, as it is. ``options``: words that are none, each with the option it has."""
    known = options or {}

    def check(found: dict[str, Any]) -> dict[str, Any]:
        for name, value in found.items():
            if name in OURS:
                raise vol.Invalid("this is no parameter; nanobot fills it in", path=[name])
            if name in known:
                raise vol.Invalid(f"this is no parameter; use the option '{known[name]}'", path=[name])
            try:
                orjson.dumps(value, option=_OPTIONS)
            except orjson.JSONEncodeError:
                raise vol.Invalid("this cannot be written as JSON", path=[name]) from None
        return found

    return vol.All({cv.string: cv.match_all}, check)


_TIMES = vol.All(cv.whole_number, vol.Range(min=0, max=100))
_SECONDS = vol.All(cv.number, vol.Range(min=0.1, max=86_400))
_ONE_OR_MORE = vol.All(cv.whole_number, vol.Range(min=1))
_DOLLARS = vol.All(cv.number, vol.Range(min=0, max=100_000))

PRICES = {
    vol.Required("input"): _DOLLARS,
    vol.Required("output"): _DOLLARS,
    vol.Optional("cached_input"): _DOLLARS,
    vol.Optional("cache_write"): _DOLLARS,
}
"""US dollars for a million tokens."""

BASE_URL = vol.All(cv.url, _without_password)
KEY = vol.All(cv.secret, _sendable)
HEADERS = vol.All({cv.string: cv.string}, _headers)

OF_AN_ENTRY: Mapping[Any, Any] = {
    vol.Optional("api_key"): KEY,
    vol.Optional("headers", default=dict): HEADERS,
    vol.Optional("timeout", default=TIMEOUT): _SECONDS,
    vol.Optional("retries", default=RETRIES): _TIMES,
}

OF_A_MODEL: Mapping[Any, Any] = {
    vol.Required("model"): cv.string,
    vol.Optional("temperature"): vol.All(cv.number, vol.Range(min=0, max=2)),
    vol.Optional("max_tokens"): vol.All(cv.whole_number, vol.Range(min=1)),
    vol.Optional("parameters", default=dict): parameters(),
    vol.Optional("stream", default=True): cv.boolean,
    vol.Optional("timeout"): _SECONDS,
    vol.Optional("retries"): _TIMES,
    vol.Optional("fallbacks", default=list): vol.All(cv.ensure_list, [cv.string]),
    vol.Optional("rate_limit", default=dict): {
        vol.Optional("requests"): _ONE_OR_MORE,
        vol.Optional("tokens"): _ONE_OR_MORE,
    },
    vol.Optional("concurrency"): _ONE_OR_MORE,
    vol.Optional("context_window"): vol.All(cv.whole_number, vol.Range(min=512)),
    vol.Optional("vision"): cv.boolean,
    vol.Optional("prices"): PRICES,
}


OF_AN_EMBEDDER: Mapping[Any, Any] = {
    vol.Required("model"): cv.string,
    vol.Optional("dimensions"): vol.All(cv.whole_number, vol.Range(min=2, max=100_000)),
    vol.Optional("prefixes", default=dict): {vol.Optional("text"): cv.string, vol.Optional("question"): cv.string},
    vol.Optional("parameters", default=dict): parameters({"dimensions": "dimensions"}),
    vol.Optional("timeout"): _SECONDS,
    vol.Optional("prices"): {vol.Required("input"): _DOLLARS},
}


def with_models(
    of_an_entry: Mapping[Any, Any],
    of_a_model: Mapping[Any, Any] = OF_A_MODEL,
    of_an_embedder: Mapping[Any, Any] = OF_AN_EMBEDDER,
) -> vol.Schema:
    """The schema of an entry that has one ``model`` or several ``models``, or ``embeddings``.

    ``qwen3:8b`` is short for ``{model: qwen3:8b}``.
    """
    model = _by_name_or_whole(of_a_model)
    some = {
        vol.Exclusive("model", "models"): model,
        vol.Exclusive("models", "models"): {cv.string: model},
        vol.Optional("embeddings"): {cv.string: _by_name_or_whole(of_an_embedder)},
    }
    return vol.Schema(vol.All({**of_an_entry, **some}, cv.has_at_least_one_key("model", "models", "embeddings")))


def _by_name_or_whole(options: Mapping[Any, Any]) -> vol.Any:
    whole = vol.Schema({**options})
    return vol.Any(vol.All(cv.string, lambda name: whole({"model": name})), whole)


def models_of(config: Mapping[str, Any], entry_id: str) -> dict[str, Mapping[str, Any]]:
    """The options of each model, by name. A single one without a name is called like its entry."""
    return config.get("models") or ({entry_id: config["model"]} if "model" in config else {})


def embedders_of(config: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """The options of each embedder, by name."""
    return config.get("embeddings") or {}


def settings_of_embedder(embedder: Mapping[str, Any], config: Mapping[str, Any]) -> dict[str, Any]:
    """What ``embedding.Settings`` takes, of the options of an embedder and of its entry."""
    prices = embedder.get("prices")
    return {
        "id": str(embedder["model"]),
        "timeout": embedder.get("timeout", config["timeout"]),
        "dimensions": embedder.get("dimensions"),
        "prefixes": (embedder["prefixes"].get("text", ""), embedder["prefixes"].get("question", "")),
        "parameters": orjson.loads(orjson.dumps(embedder["parameters"], option=_OPTIONS)),
        "price": None if prices is None else Price(prices["input"], 0.0),
    }


def settings_of(model: Mapping[str, Any], config: Mapping[str, Any]) -> dict[str, Any]:
    """What ``Settings`` takes, of the options of a model and of its entry."""
    sent = {name: model[name] for name in ("temperature", "max_tokens") if name in model} | model["parameters"]
    return {
        "id": str(model["model"]),
        "timeout": model.get("timeout", config["timeout"]),
        "retries": model.get("retries", config["retries"]),
        "fallbacks": tuple(model["fallbacks"]),
        "parameters": orjson.loads(orjson.dumps(sent, option=_OPTIONS)),
        "stream": model["stream"],
        "rate_limit": RateLimit(**model.get("rate_limit", {})),
        "concurrency": model.get("concurrency"),
        "price": _price(model.get("prices")),
        "context_window": model.get("context_window"),
        "sees": model.get("vision"),
    }


def _price(prices: Mapping[str, float] | None) -> Price | None:
    if prices is None:
        return None
    return Price(prices["input"], prices["output"], prices.get("cached_input"), prices.get("cache_write"))
