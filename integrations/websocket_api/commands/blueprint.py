"""Blueprints: listed, tried, taken from others, saved and deleted. An edit is noticed like any other of the folder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import voluptuous as vol

from nanobot.config import blueprints
from nanobot.config.blueprint import DOMAINS
from nanobot.config.blueprint_source import fetch, is_url
from nanobot.config.blueprints import BlueprintError
from nanobot.config.substitute import FOLDER, is_inside
from nanobot.contracts import socket_command as sc
from nanobot.contracts.socket_command import SocketCall, SocketCommand, SocketError
from nanobot.contracts.view import Access
from nanobot.util.aio import in_thread

FAILED = "unknown_error"
"""What Home Assistant calls a blueprint that cannot be used; the text says why."""


async def listing(call: SocketCall) -> Any:
    """The blueprints of a domain by path: ``{metadata}``, or ``{error}`` for one that cannot be used."""
    if call.data["domain"] not in DOMAINS:
        return {}
    return await in_thread(blueprints.listing, call.hub.config_dir, call.data["domain"])


async def substitute(call: SocketCall) -> Any:
    """What a blueprint stands for with some inputs."""
    data = call.data
    made = await _tried(FAILED, blueprints.made, call.hub.config_dir, _domain(call), data["path"], data["input"])
    return {"substituted_config": made}


async def take(call: SocketCall) -> Any:
    """Look at a blueprint behind an address; nothing is saved."""
    url = call.data["url"]
    if not is_url(url):
        raise SocketError(sc.NOT_SUPPORTED, "This url is not supported")
    fetched = await fetch(url)
    blueprint, wrong = await in_thread(blueprints.understand_text, fetched.text)
    exists = False
    if blueprint is not None:
        exists = await in_thread((_folder(call, blueprint.domain) / f"{fetched.name}.yaml").exists)
    return {
        "suggested_filename": fetched.name,
        "raw_data": fetched.text,
        "blueprint": None if blueprint is None else {"metadata": blueprints.metadata(blueprint)},
        "validation_errors": wrong or None,
        "exists": exists,
    }


async def save(call: SocketCall) -> Any:
    """Write a blueprint."""
    data = call.data
    path = data["path"] if data["path"].endswith(".yaml") else f"{data['path']}.yaml"
    domain, replace = _domain(call), data["allow_override"]
    if not replace and is_inside(path) and await in_thread((_folder(call, domain) / path).exists):
        raise SocketError("already_exists", "File already exists")
    replaced = await _tried(
        sc.INVALID_FORMAT,
        lambda: blueprints.save(
            call.hub.config_dir, domain, path, data["yaml"], source_url=data.get("source_url"), replace=replace
        ),
    )
    return {"overrides_existing": replaced}


async def delete(call: SocketCall) -> None:
    """Delete a blueprint that nothing uses."""
    domain, path = _domain(call), call.data["path"]
    await _tried(sc.HOME_ASSISTANT_ERROR, blueprints.delete, call.hub.config_dir, domain, path)


async def _tried(code: str, function: Callable[..., Any], *arguments: Any) -> Any:
    try:
        return await in_thread(function, *arguments)
    except BlueprintError as error:
        raise SocketError(sc.NOT_FOUND if error.missing and code != FAILED else code, str(error)) from error
    except OSError as error:
        raise SocketError(FAILED, f"it cannot be written: {error.strerror or error}") from error


def _folder(call: SocketCall, domain: str) -> Path:
    return call.hub.config_dir / FOLDER / domain


def _domain(call: SocketCall) -> str:
    domain: str = call.data["domain"]
    if domain not in DOMAINS:
        raise SocketError(sc.INVALID_FORMAT, "Unsupported domain")
    return domain


_PLACE: dict[Any, Any] = {vol.Required("domain"): str, vol.Required("path"): vol.All(str, vol.Length(min=1, max=255))}

COMMANDS = [
    SocketCommand("blueprint/list", listing, Access.USER, vol.Schema({vol.Required("domain"): str})),
    SocketCommand("blueprint/substitute", substitute, Access.USER, vol.Schema({**_PLACE, vol.Required("input"): dict})),
    SocketCommand("blueprint/import", take, Access.ADMIN, vol.Schema({vol.Required("url"): str})),
    SocketCommand(
        "blueprint/save",
        save,
        Access.ADMIN,
        vol.Schema(
            {
                **_PLACE,
                vol.Required("yaml"): str,
                vol.Optional("source_url"): vol.Any(str, None),
                vol.Optional("allow_override", default=False): bool,
            }
        ),
    ),
    SocketCommand("blueprint/delete", delete, Access.ADMIN, vol.Schema(_PLACE)),
]
