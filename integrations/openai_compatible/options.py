"""The options of an entry, and what is made of them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import orjson
import voluptuous as vol

from nanobot.config import validators as cv
from nanobot.util.secrets import Secret

from .address import Address
from .request import Settings

TIMEOUT = 120.0  # s
RETRIES = 2
OURS = ("messages", "model", "stream", "tools")
"""Parts of a request that are no parameters."""

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


def _parameters(parameters: dict[str, Any]) -> dict[str, Any]:
    for name, value in parameters.items():
        if name in OURS:
            raise vol.Invalid("this is no parameter; nanobot fills it in", path=[name])
        try:
            orjson.dumps(value, option=_OPTIONS)
        except orjson.JSONEncodeError:
            raise vol.Invalid("this cannot be written as JSON", path=[name]) from None
    return parameters


_TIMES = vol.All(cv.whole_number, vol.Range(min=0, max=100))
_SECONDS = vol.All(cv.number, vol.Range(min=0.1, max=86_400))

_MODEL = vol.Schema(
    {
        vol.Required("model"): cv.string,
        vol.Optional("temperature"): vol.All(cv.number, vol.Range(min=0, max=2)),
        vol.Optional("max_tokens"): vol.All(cv.whole_number, vol.Range(min=1)),
        vol.Optional("parameters", default=dict): vol.All({cv.string: cv.match_all}, _parameters),
        vol.Optional("stream", default=True): cv.boolean,
        vol.Optional("timeout"): _SECONDS,
        vol.Optional("retries"): _TIMES,
        vol.Optional("fallbacks", default=list): vol.All(cv.ensure_list, [cv.string]),
    }
)

MODEL = vol.Any(vol.All(cv.string, lambda name: _MODEL({"model": name})), _MODEL)
"""``qwen3:8b`` is short for ``{model: qwen3:8b}``."""

SCHEMA = vol.Schema(
    vol.All(
        {
            vol.Required("base_url"): vol.All(cv.url, _without_password),
            vol.Optional("api_key"): vol.All(cv.secret, _sendable),
            vol.Optional("headers", default=dict): vol.All({cv.string: cv.string}, _headers),
            vol.Optional("timeout", default=TIMEOUT): _SECONDS,
            vol.Optional("retries", default=RETRIES): _TIMES,
            vol.Exclusive("model", "models"): MODEL,
            vol.Exclusive("models", "models"): {cv.string: MODEL},
        },
        cv.has_at_least_one_key("model", "models"),
    )
)


def settings_of(config: Mapping[str, Any], entry_id: str) -> dict[str, Settings]:
    """The models that are configured, by name. A single one without a name is called like its entry."""
    models = config.get("models") or {entry_id: config["model"]}
    return {name: _settings(model, config) for name, model in models.items()}


def _settings(model: Mapping[str, Any], config: Mapping[str, Any]) -> Settings:
    sent = {name: model[name] for name in ("temperature", "max_tokens") if name in model} | model["parameters"]
    return Settings(
        id=str(model["model"]),
        timeout=model.get("timeout", config["timeout"]),
        retries=model.get("retries", config["retries"]),
        fallbacks=tuple(model["fallbacks"]),
        parameters=orjson.loads(orjson.dumps(sent, option=_OPTIONS)),
        stream=model["stream"],
    )
