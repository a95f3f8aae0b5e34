"""All servers, and the services that they have in common: a call goes to those whose entities are meant."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Iterable, Mapping
from functools import partial
from time import perf_counter
from typing import Any

import voluptuous as vol

from nanobot.config import validators as cv
from nanobot.contracts.service import Response, Service, ServiceCall
from nanobot.contracts.tool import Risk
from nanobot.errors import InvalidServiceData
from nanobot.hub.bus import Event
from nanobot.hub.collection import TARGETS
from nanobot.hub.entry import Entry, Remove
from nanobot.hub.groups import PREFIX, expanded
from nanobot.hub.services import SERVICE_REGISTERED, SERVICE_REMOVED
from nanobot.util.aio import TURN

from .mirror import Thing
from .offer import Name, Offer
from .server import Server

MET_WITHIN = 5.0  # s

Answer = Mapping[str, Any] | None

_TARGET: dict[Any, Any] = {vol.Optional(name): vol.Any(None, str, [str]) for name in TARGETS}
_CALL = vol.Schema(
    {
        vol.Required("service"): cv.service_name,
        vol.Optional("server"): cv.string,
        vol.Optional("data", default=dict): dict,
        vol.Optional("target", default=dict): _TARGET,
        **_TARGET,
    }
)
_CALL_FIELDS = {
    "service": {"description": "What is called there.", "required": True, "example": "light.turn_on"},
    "server": {"description": "The name of the server, where there are several.", "example": "home"},
    "data": {"description": "What the service takes.", "selector": {"object": {}}},
}


class House:
    """``entry.data`` of the integration."""

    def __init__(self, entry: Entry) -> None:
        self._entry = entry
        self._hub = entry.hub
        self._services = entry.part("all services")
        """Undone last, so that a call has its answer to the end."""
        self._servers: dict[str, Server] = {}
        self._offers: dict[Name, dict[str, Offer]] = {}
        """What each server has under a name."""
        self._registered: dict[Name, tuple[Offer, bool, Remove]] = {}
        for event in (SERVICE_REGISTERED, SERVICE_REMOVED):
            self._services.listen(event, self._others_changed)
        self._services.add(
            Service(
                entry.domain,
                "call",
                self._call,
                _CALL,
                Response.OPTIONAL,
                "Call any service of a Home Assistant.",
                _CALL_FIELDS,
                admin=True,
                risk=Risk.DANGEROUS,
                untrusted=True,
            )
        )

    def configure(self, config: list[dict[str, Any]]) -> None:
        """Have these servers; those that have a part already go on as they are."""
        before, self._servers = self._servers, {}
        for one in config:
            name = one["name"]
            if name in self._entry.parts:
                self._servers[name] = before[name]
                continue
            part = self._entry.part(name, one)
            part.on_unload(partial(self._gone, name))
            server = self._servers[name] = Server(part, one, self._offered)
            server.start()

    async def met(self) -> None:
        """Wait a moment for the servers, so that what begins with the start finds their entities and services."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(MET_WITHIN):
                for server in self._servers.values():
                    await server.met()

    # -- what they offer ------------------------------------------------------------------------

    async def _offered(self, server: Server, offers: Mapping[Name, Offer]) -> None:
        since = perf_counter()
        for name in {*self._offers, *offers}:
            known = self._offers.setdefault(name, {})
            if name in offers:
                known[server.name] = offers[name]
            else:
                known.pop(server.name, None)
            self._bring(name)
            if perf_counter() - since > TURN:
                await asyncio.sleep(0)
                since = perf_counter()

    def _gone(self, server: str) -> None:
        """A server is no longer configured."""
        for name in list(self._offers):
            if self._offers[name].pop(server, None) is not None:
                self._bring(name)

    def _bring(self, name: Name) -> None:
        """Have a service of that name in the hub, or none, as the servers say."""
        known = self._offers.get(name, {})
        first = next((server for server in self._servers.values() if server.name in known), None)
        is_trusted = all(self._servers[one].config["trusted"] for one in known if one in self._servers)
        registered = self._registered.get(name)
        if first is None:
            self._offers.pop(name, None)
            if registered is not None:
                del self._registered[name]
                registered[2]()
            return
        offer = known[first.name]
        if registered is not None:
            if registered[:2] == (offer, is_trusted):
                return
            del self._registered[name]
            registered[2]()
        if self._hub.services.has(*name):  # of nanobot's own, or of somebody else's
            return
        service = Service(
            offer.domain,
            offer.name,
            self._handle,
            offer.schema(),
            offer.response,
            offer.description,
            offer.fields,
            offer.entity_domain,
            title=offer.title,
            risk=offer.risk,
            gives_way=True,
            untrusted=not is_trusted,
        )
        self._registered[name] = (offer, is_trusted, self._services.add(service))

    def _others_changed(self, event: Event) -> None:
        """A service of the same name came, which comes first, or went."""
        name = (event.data["domain"], event.data["service"])
        if name not in self._offers:
            return
        service = self._hub.services.get(*name)
        if service is not None and service.handler != self._handle:
            if (registered := self._registered.pop(name, None)) is not None:
                registered[2]()
        elif service is None and name not in self._registered:
            self._bring(name)

    # -- calls ----------------------------------------------------------------------------------

    async def _handle(self, call: ServiceCall) -> Mapping[str, Any] | None:
        """A service that the servers brought. What is not theirs is left out with a warning, as everywhere."""
        data = dict(call.data)
        given = data.pop("entity_id", None)
        if given is None:
            first = self._that_has((call.domain, call.service))
            return await first.call(call.domain, call.service, data, context=call.context, respond=call.return_response)
        meant = self._meant(call, given)
        calls = [
            self._servers[name].call(call.domain, call.service, data, ids, call.context, respond=call.return_response)
            for name, ids in meant.items()
        ]
        answers = await _all(calls)
        if not call.return_response:
            return None
        return {key: value for answer in answers if answer for key, value in answer.items()}

    async def _call(self, call: ServiceCall) -> Mapping[str, Any] | None:
        """``home_assistant.call``. Entities that are not shown here go by the name that they have there."""
        domain, _, name = call.data["service"].partition(".")
        wanted = call.data.get("server")
        if wanted is not None and wanted not in self._servers:
            known = ", ".join(self._servers) or "none"
            raise InvalidServiceData(f"there is no Home Assistant named '{wanted}'; there is: {known}")
        server = self._servers[wanted] if wanted is not None else self._that_has((domain, name))
        target = {**{key: call.data[key] for key in TARGETS if key in call.data}, **call.data["target"]}
        given = target.pop("entity_id", None)
        ids = [one.strip().lower() for one in given.split(",")] if isinstance(given, str) else given
        ids = [self._remote_id(server, one) for one in ids or ()]
        data = {**call.data["data"], **target}
        return await server.call(domain, name, data, ids, call.context, respond=call.return_response)

    def _that_has(self, name: Name) -> Server:
        known = self._offers.get(name, {})
        servers = list(self._servers.values())
        if not servers:
            raise InvalidServiceData("there is no Home Assistant configured")
        return next((server for server in servers if server.name in known), servers[0])

    def _remote_id(self, server: Server, entity_id: str) -> str:
        thing = self._hub.entities.get(entity_id)
        return thing.remote_id if isinstance(thing, Thing) and thing.mirror is server.mirror else entity_id

    def _meant(self, call: ServiceCall, given: list[str]) -> dict[str, list[str]]:
        """By server, the entities that are meant, as they are called there."""
        if given == ["all"]:
            found = {server.name: server.mirror.ids(call.domain) for server in self._servers.values()}
            return {name: ids for name, ids in found.items() if ids}
        service = self._hub.services.get(call.domain, call.service)
        kind = service.entity_domain if service is not None else None
        meant: dict[str, list[str]] = {}
        for entity_id in given:
            known = self._hub.entities.get(entity_id)
            is_group = entity_id.startswith(PREFIX) and not isinstance(known, Thing)
            for one in expanded(self._hub.states, entity_id) if is_group else (entity_id,):
                thing = self._hub.entities.get(one)
                server = self._server_of(thing)
                if is_group and kind is not None and not one.startswith(f"{kind}."):
                    continue
                if server is not None and isinstance(thing, Thing):
                    ids = meant.setdefault(server.name, [])
                    if thing.remote_id not in ids:
                        ids.append(thing.remote_id)
                elif not is_group:
                    self._entry.log.warning("%s.%s: %s is no entity of theirs", call.domain, call.service, one)
        return meant

    def _server_of(self, thing: Any) -> Server | None:
        if not isinstance(thing, Thing):
            return None
        return next((server for server in self._servers.values() if server.mirror is thing.mirror), None)


async def _all(calls: Iterable[Awaitable[Answer]]) -> list[Answer]:
    """All are made, also when one fails; the first failure is raised then."""
    done: list[Answer] = []
    for answer in await asyncio.gather(*calls, return_exceptions=True):
        if isinstance(answer, BaseException):
            raise answer
        done.append(answer)
    return done
