"""What a server is: where it is, what of it is mirrored, and which of its services may be called."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import voluptuous as vol

from nanobot.config import validators as cv
from nanobot.config.choice import options
from nanobot.config.globs import service_globs


def _url(value: Any) -> str:
    url = cv.url(value)
    if urlsplit(url).username is not None:
        raise vol.Invalid("has a name or password in it; what signs in is 'token'")
    return url


def _prefix(value: Any) -> str:
    text = cv.string(value).lower()
    if text:
        cv.slug(text.strip("_"))
    return text


def _each_its_name(servers: list[dict[str, Any]]) -> list[dict[str, Any]]:
    seen: set[str] = set()
    for place, server in enumerate(servers):
        if server["name"] in seen:
            raise vol.Invalid(f"there are two servers named '{server['name']}'; give each its own name", path=[place])
        seen.add(server["name"])
    return servers


SERVER = vol.Schema(
    {
        vol.Optional("name", default="home"): cv.slug,
        vol.Required("url"): _url,
        vol.Required("token"): cv.secret,
        vol.Optional("verify_ssl", default=True): cv.boolean,
        **options(),
        vol.Optional("prefix", default=""): _prefix,
        vol.Optional("services", default=dict): {
            vol.Optional("include", default=lambda: ["*"]): service_globs,
            vol.Optional("exclude", default=list): service_globs,
        },
        vol.Optional("trusted", default=False): cv.boolean,
        vol.Optional("timeout", default=300): vol.All(cv.positive_float, vol.Range(min=1, max=86_400)),
    }
)
SCHEMA = vol.Schema(vol.All(cv.ensure_list, [SERVER], _each_its_name))
