"""What the core itself offers: the services ``nanobot.*``, also under Home Assistant's name for them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

import voluptuous as vol

from nanobot.contracts.service import Handler, Response, Service, ServiceCall
from nanobot.errors import InvalidServiceData, ServiceNotFound
from nanobot.hub.context import ACTING
from nanobot.hub.entry import Entry
from nanobot.hub.hub import Hub
from nanobot.lifecycle.edits import Applied, Edits
from nanobot.lifecycle.plan import CORE
from nanobot.util.text import nearest

DOMAINS = ("nanobot", "homeassistant")

_TARGET = vol.Schema({vol.Optional("entity_id"): vol.Any(str, [str])}, extra=vol.ALLOW_EXTRA)


def offer(entry: Entry, edits: Edits, stop: Callable[[], None]) -> None:
    """Add the core's services to the core's own entry. ``stop`` begins the shutdown."""
    hub = entry.hub

    async def reload_all(call: ServiceCall) -> Mapping[str, Any]:
        return _told(await edits.wait(edits.request()), hub)

    async def reload(call: ServiceCall) -> Mapping[str, Any]:
        wanted = call.data.get("entry")
        ids = [wanted] if isinstance(wanted, str) else list(wanted or ())
        for entry_id in ids:
            if entry_id not in hub.entries:
                near = nearest(entry_id, hub.entries)
                hint = f"; did you mean '{near}'?" if near else ""
                raise InvalidServiceData(f"nothing named '{entry_id}' is configured{hint}")
        return _told(await edits.wait(edits.request(restart=ids)), hub)

    async def check(call: ServiceCall) -> Mapping[str, Any]:
        _, problems = await edits.plan()
        return {"problems": [problem.as_dict(hub.language) for problem in problems]}

    def halt(call: ServiceCall) -> None:
        asyncio.get_running_loop().call_soon(stop)

    add = _adder(entry)
    optional = Response.OPTIONAL
    one_or_more = vol.Schema({vol.Required("entry"): vol.Any(str, [str])})
    add("reload", reload, one_or_more, "Read the configuration again and restart an integration.", optional)
    add(
        "reload_all",
        reload_all,
        vol.Schema({}),
        "Read the configuration again and apply what changed.",
        optional,
    )
    add("check_config", check, vol.Schema({}), "Check the configuration without applying it.", optional)
    add("stop", halt, vol.Schema({}), "Stop nanobot.")
    for name in ("turn_on", "turn_off", "toggle"):
        add(
            name,
            _for_each_domain(hub, name),
            _TARGET,
            f"{name.replace('_', ' ').capitalize()} things of any kind.",
        )


def _told(applied: Applied | None, hub: Hub) -> Mapping[str, Any]:
    if applied is None:
        return {
            "applied": False,
            "reason": f"'{ACTING.get()}' is itself reloaded; the edit is applied meanwhile",
        }
    plan = applied.plan
    return {
        "applied": not applied.rejected,
        "added": list(plan.added),
        "changed": [*([CORE] if applied.core else []), *plan.changed],
        "removed": list(plan.removed),
        "problems": [problem.as_dict(hub.language) for problem in applied.problems],
    }


def _adder(entry: Entry) -> Callable[..., None]:
    def add(
        name: str,
        handler: Handler,
        schema: vol.Schema,
        description: str,
        response: Response = Response.NONE,
    ) -> None:
        for domain in DOMAINS:
            entry.add(Service(domain, name, handler, schema, response, description, admin=True))

    return add


def _for_each_domain(hub: Hub, name: str) -> Handler:
    """Split the targets by domain and call ``<domain>.<name>`` of each, as Home Assistant 2025.4 does."""

    async def handle(call: ServiceCall) -> None:
        ids = call.data.get("entity_id") or []
        by_domain: dict[str, list[str]] = {}
        for entity_id in [ids] if isinstance(ids, str) else ids:
            by_domain.setdefault(entity_id.partition(".")[0], []).append(entity_id)
        rest = {key: value for key, value in call.data.items() if key != "entity_id"}
        lacking = [domain for domain in by_domain if not hub.services.has(domain, name)]
        calls = [
            hub.services.call(domain, name, {**rest, "entity_id": entity_ids}, context=call.context)
            for domain, entity_ids in by_domain.items()
            if domain not in lacking
        ]
        if calls:
            await asyncio.gather(*calls)
        elif lacking:
            raise ServiceNotFound(f"{', '.join(lacking)} cannot be told to {name.replace('_', ' ')}")

    return handle
