"""MCP: the tools, resources and prompts of servers of the Model Context Protocol, for agents."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import voluptuous as vol

from nanobot.config import validators as cv
from nanobot.contracts.tool import Risk
from nanobot.hub.entry import Entry
from nanobot.hub.hub import Hub
from nanobot.util.aio import in_thread

from .server import Server

RISKS = cv.one_of(*(risk.value for risk in Risk))
_WAYS = ("command", "url")


def _one_way(server: dict[str, Any]) -> dict[str, Any]:
    if sum(way in server for way in _WAYS) != 1:
        raise vol.Invalid("a server has either 'command', a program on this machine, or 'url'")
    for option, way in (("args", "command"), ("env", "command"), ("folder", "command"), ("headers", "url")):
        if option in server and way not in server:
            raise vol.Invalid(f"this goes with '{way}' only", path=[option])
    return server


SERVER = vol.All(
    {
        vol.Exclusive("command", "way"): cv.string,
        vol.Exclusive("url", "way"): cv.url,
        vol.Optional("args"): vol.All(cv.ensure_list, [cv.string]),
        vol.Optional("env"): {cv.string: cv.secret},
        vol.Optional("folder"): cv.existing_folder,
        vol.Optional("headers"): {cv.string: cv.secret},
        vol.Optional("tools", default=lambda: ["*"]): vol.All(cv.ensure_list, [cv.string]),
        vol.Optional("risk", default=dict): vol.Any(
            vol.All(RISKS, lambda risk: {"*": risk}), vol.Schema({cv.string: RISKS})
        ),
        vol.Optional("trusted", default=False): cv.boolean,
        vol.Optional("timeout", default=60): vol.All(cv.positive_float, vol.Range(min=1, max=3600)),
    },
    _one_way,
)
CONFIG_SCHEMA = vol.Schema(cv.slug_keys(SERVER))


async def setup(hub: Hub, entry: Entry) -> None:
    await in_thread(_warm_up)
    store = entry.store("tools")
    known = await store.load() or {}

    def start(name: str, config: Mapping[str, Any]) -> None:
        part = entry.part(name, config)

        def remember(tools: Mapping[str, str]) -> None:
            known[name] = dict(tools)
            store.save(lambda: known)

        part.run(Server(part, name, config, known.get(name, {}), remember).run, name=f"MCP server {name}")

    entry.data = start
    for name, config in entry.config.items():
        start(name, config)


async def reload(hub: Hub, entry: Entry, config: Mapping[str, Any]) -> bool:
    """Only the servers that are other than before are connected anew."""
    for name in [name for name, server in entry.config.items() if config.get(name) != server]:
        await entry.parts[name].release()
    for name, server in config.items():
        if name not in entry.parts:
            entry.data(name, server)
    return True


def _warm_up() -> None:
    import mcp.client.stdio
    import mcp.client.streamable_http  # noqa: F401


def rights(config: Mapping[str, Any]) -> set[str]:
    """What this configuration allows; `nanobot plan` shows what an edit adds."""
    found = set()
    for name, server in config.items():
        tools = ", ".join(server["tools"])
        found.add(f"agents use the tools {tools} of the MCP server {name}")
        if "command" in server:
            found.add(f"the program {server['command']} runs as the MCP server {name}")
    return found
