"""The services as tools: ``light.turn_on`` is the tool ``light__turn_on``."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from typing import Any

from mcp import types

from nanobot.contracts.service import Response, Service
from nanobot.contracts.view import Access
from nanobot.errors import NanobotError, Refused
from nanobot.hub.bus import Event
from nanobot.hub.entry import Entry
from nanobot.hub.services import SERVICE_REGISTERED, SERVICE_REMOVED
from nanobot.hub.shapes import to_json
from nanobot.util.json_schema import to_json_schema
from nanobot.util.text import cut_in_the_middle, nearest, shorten

from .caller import Caller
from .fields import is_required, schema_of

SEPARATOR = "__"
"""No domain and no service has two underlines in a row, and models may not have a dot in a name."""
CLOSED = ("*.reload*", "nanobot.stop", "nanobot.restart", "homeassistant.stop", "homeassistant.restart")
"""Closed unless ``allow`` names the very service."""
WAIT = 60.0  # s for a service; it goes on after that
RESULT_LIMIT = 16_000  # characters
MAX_STATES = 10  # things whose state after a call is told
_NOBODY_HAS = ("device_id", "area_id", "floor_id", "label_id")


class ServiceTools:
    """What a token may call, by the same rules as over REST."""

    def __init__(self, entry: Entry) -> None:
        self._entry = entry
        self._hub = entry.hub
        self._config: Mapping[str, Any] = entry.config["services"]
        self._described: dict[str, types.Tool] = {}
        for event in (SERVICE_REGISTERED, SERVICE_REMOVED):
            entry.listen(event, self._changed)

    def offered(self, caller: Caller) -> list[types.Tool]:
        """By domain and name."""
        if not caller.rights.may(Access.USER):
            return []
        services = sorted(self._hub.services, key=lambda service: (service.domain, service.name))
        return [self._describe(one) for one in services if self._may(one, caller) and not self._is_twin(one)]

    async def call(self, caller: Caller, name: str, arguments: Mapping[str, Any]) -> tuple[str, bool]:
        """What came of it, and whether it failed. Raises ``Refused``."""
        domain, _, rest = name.partition(SEPARATOR)
        service = self._hub.services.get(domain, rest)
        if service is None or not self._may(service, caller):
            near = nearest(name, [one.name for one in self.offered(caller)])
            raise Refused(f"There is no tool {shorten(name)}." + (f" Did you mean {near}?" if near else ""))
        caller.rights.check_call(service, arguments)
        # a client that leaves does not end what it began, as over every other way in
        work = self._entry.spawn(self._run(service, caller, arguments), f"call {_name(service)}")
        await asyncio.wait({work}, timeout=WAIT)
        if not work.done():
            return f"{_name(service)} has begun, and is not done after {WAIT:g} s. It goes on.", False
        text, failed = work.result()
        return cut_in_the_middle(self._hub.scrubber.scrub(text), RESULT_LIMIT), failed

    async def _run(self, service: Service, caller: Caller, arguments: Mapping[str, Any]) -> tuple[str, bool]:
        wants = service.response is not Response.NONE
        call = self._hub.services.call
        try:
            response = await call(
                service.domain, service.name, arguments, context=caller.context, return_response=wants
            )
        except NanobotError as error:
            return str(error), True
        except Exception as error:  # a service may raise what it likes: the client gets a sentence, the log the rest
            self._entry.log.exception("%s failed", _name(service))
            return f"{_name(service)} failed: {type(error).__name__}", True
        if response is not None:
            return to_json(response).decode(), False
        await asyncio.sleep(0)  # for what follows other states at the end of a tick
        return "\n".join(["Done.", *self._now(arguments, caller)]), False

    def _now(self, arguments: Mapping[str, Any], caller: Caller) -> list[str]:
        given = arguments.get("entity_id") or []
        ids = given.split(",") if isinstance(given, str) else given
        states = [self._hub.states.get(str(one).strip().lower()) for one in ids[:MAX_STATES]]
        return [f"{one.entity_id} is {one.state}" for one in states if one and caller.rights.may_see(one.entity_id)]

    def _changed(self, event: Event) -> None:
        self._described.pop(f"{event.data['domain']}{SEPARATOR}{event.data['service']}", None)

    def _may(self, service: Service, caller: Caller) -> bool:
        name, allow = _name(service), self._config["allow"]
        if not fits(name, allow) or fits(name, self._config["deny"]) or (fits(name, CLOSED) and name not in allow):
            return False
        if service.admin and not caller.rights.may(Access.ADMIN):
            return False
        return caller.rights.may_call(service.domain, service.name)

    def _is_twin(self, service: Service) -> bool:
        """Home Assistant's name for a service of nanobot's own: both work, one is shown."""
        return service.domain == "homeassistant" and self._hub.services.has("nanobot", service.name)

    def _describe(self, service: Service) -> types.Tool:
        name = f"{service.domain}{SEPARATOR}{service.name}"
        described = self._described.get(name)
        if described is None:
            described = self._described[name] = types.Tool(
                name=name,
                title=service.title or None,
                description=service.description or f"The service {_name(service)}.",
                input_schema=_schema(service),
                annotations=types.ToolAnnotations(read_only_hint=False),
            )
        return described


def fits(name: str, globs: Iterable[str]) -> bool:
    """Whether one of the globs is for it."""
    return any(fnmatchcase(name, glob) for glob in globs)


def _name(service: Service) -> str:
    return f"{service.domain}.{service.name}"


def _schema(service: Service) -> dict[str, Any]:
    """Of its data, with what is said of each field for people."""
    found = to_json_schema(service.schema) if service.schema is not None else {}
    properties: dict[str, Any] = {} if found.get("type") != "object" else dict(found.get("properties", {}))
    for name in _NOBODY_HAS:
        properties.pop(name, None)
    required = list(found.get("required", ()))
    for name, field in service.fields.items():
        if not isinstance(field, Mapping) or name in _NOBODY_HAS:
            continue
        told = schema_of(field)
        if name not in properties:
            properties[name] = told
            if is_required(field) and service.domain != "script":  # a script may do without any of its fields
                required.append(name)
        elif "description" in told and "description" not in properties[name]:
            properties[name] = {**properties[name], "description": told["description"]}
    if service.entity_domain is not None:
        about = f"one or several ids of the domain {service.entity_domain}"
        properties["entity_id"] = {**properties.get("entity_id", {}), "description": about}
    schema: dict[str, Any] = {"type": "object", "properties": properties}
    if required := [name for name in required if name in properties]:
        schema["required"] = required
    return schema
