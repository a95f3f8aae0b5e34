"""The tools ``list_services`` and ``call_service``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orjson
import voluptuous as vol

from nanobot.contracts.agent import Turn
from nanobot.contracts.service import Response, Service
from nanobot.contracts.tool import Risk, Tool, ToolResult
from nanobot.conversations.contacts import concerns
from nanobot.errors import NanobotError, ToolError
from nanobot.hub.hub import Hub
from nanobot.hub.states import State
from nanobot.util.aio import in_thread
from nanobot.util.text import nearest, shorten

from .describe import described, names, takes
from .permissions import HERE, Permissions

MAX_STATES = 10  # entities whose state after a call is told
OF_ANY_KIND = ("nanobot", "homeassistant")
"""Domains of services that have those of other domains called."""


class ListServices(Tool):
    """Names alone, until somebody asks for some of them."""

    name = "list_services"
    description = "Services that can be called. query: a domain, a service or words, for their fields (* is required)."
    parameters = vol.Schema({vol.Optional("query"): str})

    def __init__(self, hub: Hub, permissions: Permissions) -> None:
        self._hub = hub
        self._permissions = permissions

    async def call(self, arguments: Mapping[str, Any], turn: Turn) -> ToolResult:
        known = [service for service in self._permissions.known(turn) if not self._is_twin(service)]
        query = arguments.get("query", "").strip().casefold()
        if not query:
            return ToolResult(names(known) or "There are no services.")
        found = (
            [service for service in known if query in (service.domain, _name(service))]
            or [service for service in known if all(word in _text(service) for word in query.split())]
        )  # fmt: skip
        if not found:
            near = nearest(query, [*map(_name, known), *(service.domain for service in known)])
            raise ToolError(f"No service fits {shorten(query)}." + (f" Did you mean {near}?" if near else ""))
        return ToolResult(described(found))

    def _is_twin(self, service: Service) -> bool:
        """Home Assistant's name for a service of nanobot's own."""
        return service.domain == "homeassistant" and self._hub.services.has("nanobot", service.name)


class CallService(Tool):
    """Says what the things that were acted on are like afterwards."""

    name = "call_service"
    description = "Call a service, such as light.turn_on. entity_id: one or several with commas."
    risk = Risk.WRITE
    guards_guests = True
    parameters = vol.Schema(
        {vol.Required("service"): str, vol.Optional("entity_id"): vol.Any(str, [str]), vol.Optional("data"): dict}
    )

    def __init__(self, hub: Hub, permissions: Permissions) -> None:
        self._hub = hub
        self._permissions = permissions

    def acts(self, arguments: Mapping[str, Any], turn: Turn) -> Sequence[tuple[str, Risk]]:
        """The service by its name and, for one that acts on things of any kind, theirs."""
        domain, _, name = arguments["service"].strip().casefold().partition(".")
        service = self._hub.services.get(domain, name)
        if service is None:
            return ((self.name, self.risk),)
        ids = [*_ids(arguments.get("entity_id")), *_ids((arguments.get("data") or {}).get("entity_id"))]
        domains = {one.partition(".")[0] for one in ids} if domain in OF_ANY_KIND else set()
        found = [one for kind in sorted(domains) if (one := self._hub.services.get(kind, name)) is not None]
        return ((self.name, self.risk), *((_name(one), one.risk) for one in (service, *found)))

    async def call(self, arguments: Mapping[str, Any], turn: Turn) -> ToolResult:
        service = self._find(arguments["service"], turn)
        data = dict(arguments.get("data") or {})
        within = _ids(data.pop("entity_id", None))
        ids = await self._entities(service, _ids(arguments.get("entity_id")) or within, turn)
        self._fill_in(service, data, turn)
        await self._permissions.check(service, data, turn)
        try:
            response = await self._hub.services.call(
                service.domain,
                service.name,
                data,
                target={"entity_id": ids} if ids else None,
                context=turn.context.child("agent"),
                return_response=service.response is not Response.NONE,
            )
        except NanobotError as error:
            raise ToolError(str(error)) from error
        return self._told(service, ids, response)

    def _find(self, name: str, turn: Turn) -> Service:
        domain, _, rest = name.strip().casefold().partition(".")
        service = self._hub.services.get(domain, rest)
        if service is None:
            near = nearest(name, map(_name, self._permissions.known(turn)))
            raise ToolError(f"There is no service {shorten(name)}." + (f" Did you mean {near}?" if near else ""))
        return service

    async def _entities(self, service: Service, ids: list[str], turn: Turn) -> list[str]:
        """Those that are meant. A service leaves out what it does not know; a model has to hear of it."""
        if ids == ["all"]:
            return self._all(service, turn)
        if ids == ["none"]:
            return ids
        for entity_id in ids:
            state = self._hub.states.get(entity_id)
            if state is None or not concerns(state, turn):
                known = [one.entity_id for one in self._hub.states.all(service.entity_domain) if concerns(one, turn)]
                near = await in_thread(nearest, entity_id, known)
                raise ToolError(f"There is no {shorten(entity_id)}." + (f" Did you mean {near}?" if near else ""))
            if service.entity_domain not in (None, entity_id.partition(".")[0]):
                raise ToolError(f"{_name(service)} acts on {service.entity_domain} only, not on {entity_id}.")
        return ids

    def _all(self, service: Service, turn: Turn) -> list[str]:
        """For a guest that is not what belongs to other chats."""
        if turn.owner:
            return ["all"]
        if service.entity_domain is None:
            raise ToolError("Only the people who run nanobot may mean all things at once; name them.")
        states = self._hub.states.all(service.entity_domain)
        return [state.entity_id for state in states if concerns(state, turn)] or ["none"]

    def _fill_in(self, service: Service, data: dict[str, Any], turn: Turn) -> None:
        """Where something is about a chat, it is about this one, unless another is named. Owners are shown all."""
        if "channel" in data or "chat" in data or (turn.owner and service.response is Response.ONLY):
            return
        fields = takes(service)
        if "channel" in fields and "chat" in fields:
            for name in (*HERE, "language"):
                if name in fields and (value := getattr(turn, name)) is not None:
                    data.setdefault(name, value)

    def _told(self, service: Service, ids: list[str], response: Mapping[str, Any] | None) -> ToolResult:
        if response is not None:
            text = orjson.dumps(response, default=str, option=orjson.OPT_NON_STR_KEYS).decode()
            return ToolResult(text, response, untrusted=service.untrusted)
        states = [state for entity_id in ids[:MAX_STATES] if (state := self._hub.states.get(entity_id))]
        entities = self._hub.entities
        foreign = any((entity := entities.get(state.entity_id)) is not None and entity.untrusted for state in states)
        return ToolResult("\n".join(["Done.", *map(_now, states)]), untrusted=foreign)


def _ids(given: Any) -> list[str]:
    several = given if isinstance(given, list) else str(given or "").split(",")
    return [text for one in several if (text := str(one).strip().lower())]


def _now(state: State) -> str:
    shown = "••••" if state.attributes.get("mode") == "password" else " ".join(state.state.split())
    return f"{state.entity_id} is {shown}"


def _name(service: Service) -> str:
    return f"{service.domain}.{service.name}"


def _text(service: Service) -> str:
    return f"{_name(service)} {service.description}".replace("_", " ").casefold() + _name(service)
