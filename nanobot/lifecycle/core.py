"""What the core itself offers: the services ``nanobot.*``, also under Home Assistant's name for them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

import voluptuous as vol

from nanobot.agent.approval_commands import offer_approvals
from nanobot.config import validators as cv
from nanobot.contracts.service import Handler, Response, Service, ServiceCall
from nanobot.errors import InvalidServiceData, ServiceError
from nanobot.hub.collection import target_schema
from nanobot.hub.context import ACTING
from nanobot.hub.entry import Entry
from nanobot.hub.hub import Hub
from nanobot.lifecycle.edits import Applied, Edits
from nanobot.lifecycle.explaining import offer_explanations
from nanobot.lifecycle.macros import load_macros
from nanobot.lifecycle.plan import CORE
from nanobot.lifecycle.prompting import offer_prompt
from nanobot.lifecycle.sessions import offer_sessions
from nanobot.lifecycle.targets import look_again, split_by_domain
from nanobot.lifecycle.verdict import is_error, verdict
from nanobot.util.text import nearest

DOMAINS = ("nanobot", "homeassistant")

_NOTHING = vol.Schema({})
_TARGET = target_schema({vol.Extra: object})
_ENTRY = vol.Schema({vol.Required("entry"): vol.Any(str, [str])})
_ENTRY_ID = vol.Schema({vol.Required("entry_id"): vol.All(cv.ensure_list, [str])})
_LOCATION = vol.Schema(
    {
        vol.Required("latitude"): cv.latitude,
        vol.Required("longitude"): cv.longitude,
        vol.Optional("elevation"): cv.whole_number,
    }
)
_RESTART = vol.Schema({vol.Optional("safe_mode", default=False): cv.boolean})


def offer(entry: Entry, edits: Edits, stop: Callable[[], None], restart: Callable[[], None] | None = None) -> None:
    """Add the core's services to the core's own entry. ``stop`` begins the shutdown, ``restart`` too, and then a start.

    Without ``restart`` there is no such service.
    """
    hub = entry.hub

    async def reload_all(call: ServiceCall) -> Mapping[str, Any]:
        return _answer(call, await edits.wait(edits.request()), hub)

    async def reload(call: ServiceCall) -> Mapping[str, Any]:
        return await _reload(call, edits, call.data["entry"])

    async def stop_entry(call: ServiceCall) -> Mapping[str, Any]:
        ids = _known(edits, call.data["entry"])
        if core := [one for one in ids if edits.entries.live_config(one) is None]:
            raise InvalidServiceData(f"'{core[0]}' is not stopped alone; nanobot.stop stops all of it")
        return _answer(call, await edits.wait(edits.request(stop=ids)), hub)

    async def start_entry(call: ServiceCall) -> Mapping[str, Any]:
        stopped = [one for one in _known(edits, call.data["entry"]) if edits.rests(one)]
        return _answer(call, await edits.wait(edits.request(restart=stopped)), hub)

    async def reload_entry(call: ServiceCall) -> Mapping[str, Any]:
        return await _reload(call, edits, call.data["entry_id"])

    async def check(call: ServiceCall) -> Mapping[str, Any]:
        found = await verdict(hub, edits)
        if found["errors"] and not call.return_response:
            raise ServiceError(f"the configuration is not valid: {found['errors']}")
        return found

    async def reload_macros(call: ServiceCall) -> None:
        await load_macros(hub)

    def set_location(call: ServiceCall) -> None:
        hub.configure(replace(hub.config, **call.data))

    async def save(call: ServiceCall) -> None:
        await asyncio.gather(*(one.save() for one in list(hub.entries.values())))

    def halt(call: ServiceCall) -> None:
        asyncio.get_running_loop().call_soon(stop)

    async def start_anew(call: ServiceCall) -> None:
        found = await verdict(hub, edits)
        if found["errors"]:
            raise ServiceError(f"nanobot is not restarted, for it would not find its way: {found['errors']}")
        assert restart is not None
        asyncio.get_running_loop().call_soon(restart)

    add = _adder(entry)
    optional = Response.OPTIONAL
    add("reload", reload, _ENTRY, "Read the configuration again and restart an integration.", optional)
    add("stop_entry", stop_entry, _ENTRY, "Unload an integration until it is started, edited, or nanobot is.", optional)
    add("start_entry", start_entry, _ENTRY, "Set an integration up again that was stopped.", optional)
    add("reload_config_entry", reload_entry, _ENTRY_ID, "The same, in Home Assistant's words.", optional)
    add("reload_all", reload_all, _NOTHING, "Read the configuration again and apply what changed.", optional)
    add("reload_core_config", reload_all, _NOTHING, "The same; also the core's own block is applied.", optional)
    add("reload_custom_templates", reload_macros, _NOTHING, "Read the macros in custom_templates again.")
    add("check_config", check, _NOTHING, "Check the configuration without applying it.", optional)
    add("set_location", set_location, _LOCATION, "Where the hub stands, until the configuration is applied again.")
    add("save_persistent_states", save, _NOTHING, "Write to disk now what a restart must not lose.")
    add("stop", halt, _NOTHING, "Stop nanobot.")
    if restart is not None:
        add("restart", start_anew, _RESTART, "Stop nanobot and start it again.")
    for name in ("turn_on", "turn_off", "toggle"):
        told = f"{name.replace('_', ' ').capitalize()} things of any kind."
        add(name, split_by_domain(hub, name), _TARGET, told, admin=False)
    add("update_entity", look_again(hub), _TARGET, "Have things look at what they show.", admin=False)
    offer_explanations(entry)
    offer_approvals(entry)
    offer_prompt(entry)
    offer_sessions(entry)


async def _reload(call: ServiceCall, edits: Edits, wanted: str | Iterable[str]) -> Mapping[str, Any]:
    return _answer(call, await edits.wait(edits.request(restart=_known(edits, wanted))), edits.hub)


def _known(edits: Edits, wanted: str | Iterable[str]) -> list[str]:
    """The ids of entries. Raises ``InvalidServiceData`` for one that nothing has."""
    ids = [wanted] if isinstance(wanted, str) else list(wanted)
    for entry_id in ids:
        if entry_id not in edits.hub.entries:
            near = nearest(entry_id, edits.hub.entries)
            hint = f"; did you mean '{near}'?" if near else ""
            raise InvalidServiceData(f"nothing named '{entry_id}' is configured{hint}")
    return ids


def _answer(call: ServiceCall, applied: Applied | None, hub: Hub) -> Mapping[str, Any]:
    """What was done. Raises ``ServiceError`` for a configuration that is not valid, to whoever takes no answer."""
    if applied is not None and not call.return_response:
        wrong = applied.problems if applied.rejected else [one for one in applied.problems if is_error(one)]
        why = "; ".join(problem.told(hub.language) for problem in wrong)
        if applied.rejected:
            raise ServiceError(f"the configuration cannot be read, so nothing was changed: {why}")
        if why:
            raise ServiceError(f"the configuration is not valid; what is wrong stays as it was: {why}")
    return _told(applied, hub)


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
        *,
        admin: bool = True,
    ) -> None:
        for domain in DOMAINS:
            entry.add(Service(domain, name, handler, schema, response, description, admin=admin))

    return add
