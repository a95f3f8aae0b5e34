"""The services: actions by name. Calling one validates, tells the bus, runs the handler, gives the response."""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from time import time
from typing import Any

import voluptuous as vol

from nanobot.config.explain import MOST_TOLD, explain
from nanobot.config.quick import Check, quick
from nanobot.contracts.service import Response, Service, ServiceCall
from nanobot.errors import InvalidServiceData, ServiceNotFound
from nanobot.hub.bus import Bus, Remove
from nanobot.hub.causes import CALLS, Called
from nanobot.hub.context import Context
from nanobot.util.aio import Tasks, is_coroutine_function
from nanobot.util.text import nearest

CALL_SERVICE = "call_service"
SERVICE_REGISTERED = "service_registered"
SERVICE_REMOVED = "service_removed"

_ONLY = Response.ONLY  # a class attribute of an enum costs more to look up than the rest of its line


class _Registered:
    """A service as the inner loop wants it."""

    __slots__ = ("check", "handler", "is_coroutine", "mode", "service")

    def __init__(self, service: Service) -> None:
        self.service = service
        self.handler = service.handler
        self.check: Check | None = None if service.schema is None else self._first_check
        self.mode = service.response
        self.is_coroutine = is_coroutine_function(service.handler)

    def _first_check(self, data: Any) -> Any:
        """Most services are never called, and a schema takes longer to make ready than all else in a registration."""
        assert self.service.schema is not None
        check = self.check = quick(self.service.schema)
        return check(data)


class Services:
    """All services, by domain and name (small letters)."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._route = bus.route
        self._services: dict[str, dict[str, _Registered]] = {}
        self.tasks = Tasks("service call")
        self.gate: Callable[[Service, Mapping[str, Any], Context], None] | None = None
        """Raises ``ServiceError`` for a call that may not be made; None while nothing is to be judged."""
        self.recent: deque[Called] = deque(maxlen=CALLS)
        """The latest calls, for ``hub.causes``."""

    def __iter__(self) -> Any:
        return iter([known.service for names in self._services.values() for known in names.values()])

    def has(self, domain: str, name: str) -> bool:
        """Whether ``domain.name`` can be called."""
        return name in self._services.get(domain, ())

    def get(self, domain: str, name: str) -> Service | None:
        """The service, or None."""
        known = self._services.get(domain, {}).get(name)
        return known.service if known else None

    def is_free(self, domain: str, name: str) -> bool:
        """Whether a service of this house may have that name: one that ``gives_way`` would do so."""
        known = self._services.get(domain, {}).get(name)
        return known is None or known.service.gives_way

    def domains(self) -> list[str]:
        """The domains that have services."""
        return list(self._services)

    def register(self, service: Service) -> Remove:
        """Raises ``ValueError`` when the name is taken. Fires ``service_registered``.

        Another one takes the name of one that ``gives_way``; such a one takes none.
        """
        names = self._services.setdefault(service.domain, {})
        if service.name in names and (service.gives_way or not names[service.name].service.gives_way):
            raise ValueError(f"there is already a service {service.domain}.{service.name}")
        known = names[service.name] = _Registered(service)
        self._bus.fire(SERVICE_REGISTERED, {"domain": service.domain, "service": service.name})

        def remove() -> None:
            names = self._services.get(service.domain, {})
            if names.get(service.name) is known:
                del names[service.name]
                if not names:
                    del self._services[service.domain]
                self._bus.fire(SERVICE_REMOVED, {"domain": service.domain, "service": service.name})

        return remove

    async def call(
        self,
        domain: str,
        name: str,
        data: Mapping[str, Any] | None = None,
        *,
        target: Mapping[str, Any] | None = None,
        context: Context | None = None,
        blocking: bool = True,
        return_response: bool = False,
    ) -> Mapping[str, Any] | None:
        """Call ``domain.name`` and, if ``blocking``, wait until it is done. See ``begin`` for all else."""
        if blocking:
            result = self.begin(domain, name, data, target=target, context=context, return_response=return_response)
            return await result if isinstance(result, Awaitable) else result
        if return_response:
            self._mode(domain, name, self._find(domain, name).mode, return_response)
            raise InvalidServiceData("a response can only be had when the call is waited for")
        known, call = self._prepare(domain, name, data, target, context, return_response)
        self.tasks.spawn(self._run(known, call), f"{domain}.{name}")
        return None

    def begin(
        self,
        domain: str,
        name: str,
        data: Mapping[str, Any] | None = None,
        *,
        target: Mapping[str, Any] | None = None,
        context: Context | None = None,
        return_response: bool = False,
    ) -> Awaitable[Mapping[str, Any] | None] | Mapping[str, Any] | None:
        """Call ``domain.name``; what takes time is left to the awaitable that is given back.

        ``target`` (``entity_id``: one or a list) goes into the data. Fires ``call_service`` before it runs, with
        the data as it was written: nothing that the service itself adds or changes.
        Gives the response when asked for one, else None. Raises ``ServiceNotFound``, ``InvalidServiceData``
        (also for asking a response of a service that has none), or what the handler raises.
        """
        known, call = self._prepare(domain, name, data, target, context, return_response)
        result = known.handler(call)
        if known.is_coroutine or (result is not None and isinstance(result, Awaitable)):
            return self._rest(call, result) if return_response else _done(result)
        return self._response(call, result) if return_response else None

    def _prepare(
        self,
        domain: str,
        name: str,
        data: Mapping[str, Any] | None,
        target: Mapping[str, Any] | None,
        context: Context | None,
        return_response: bool,
    ) -> tuple[_Registered, ServiceCall]:
        """Look up, validate, and tell the bus."""
        try:
            known = self._services[domain][name]
        except KeyError:
            known = self._find(domain, name)
        mode = known.mode
        if return_response or mode is _ONLY:
            self._mode(domain, name, mode, return_response)
        given: Any = {} if data is None else data
        if target:
            given = {**given, **target}
        told = given
        if known.check is not None:
            try:
                given = known.check(given)
            except vol.Invalid as error:
                raise self._wrong(known.service, given, error) from error
        call = ServiceCall(domain, name, given, context or Context(), return_response)
        if self.gate is not None:
            self.gate(known.service, given, call.context)
        self.recent.append((time(), domain, name, given.get("entity_id"), call.context))
        if self._route(CALL_SERVICE):
            self._bus.fire(
                CALL_SERVICE, {"domain": domain, "service": name, "service_data": _as_given(told, target)}, call.context
            )
        return known, call

    def _mode(self, domain: str, name: str, mode: Response, return_response: bool) -> None:
        if return_response and mode is Response.NONE:
            raise InvalidServiceData(f"{domain}.{name} gives no response; remove return_response from the call")
        if not return_response and mode is _ONLY:
            raise InvalidServiceData(f"{domain}.{name} only gives a response; ask for it with return_response")

    async def _rest(self, call: ServiceCall, result: Awaitable[Any]) -> Mapping[str, Any]:
        return self._response(call, await result)

    async def _run(self, known: _Registered, call: ServiceCall) -> None:
        result = known.handler(call)
        if known.is_coroutine or isinstance(result, Awaitable):
            await result

    def _response(self, call: ServiceCall, result: Any) -> Mapping[str, Any]:
        if isinstance(result, Mapping):
            return result
        raise InvalidServiceData(
            f"{call.domain}.{call.service} was to give a response, but gave {type(result).__name__}"
        )

    def _wrong(self, service: Service, data: Mapping[str, Any], error: vol.Invalid) -> InvalidServiceData:
        text = "; ".join(problem.told() for problem in explain(error, data, (), service.schema, most=MOST_TOLD))
        return InvalidServiceData(f"{service.domain}.{service.name}: {text}")

    def _find(self, domain: str, name: str) -> _Registered:
        known = self._services.get(domain.lower(), {}).get(name.lower())
        if known is not None:
            return known
        names = [f"{d}.{n}" for d, of_domain in self._services.items() for n in of_domain]
        near = nearest(f"{domain}.{name}", names)
        hint = f"; did you mean '{near}'?" if near else ""
        raise ServiceNotFound(f"there is no service {domain}.{name}{hint}", service=f"{domain}.{name}")


def _as_given(data: Mapping[str, Any], target: Mapping[str, Any] | None) -> dict[str, Any]:
    """The data as it was written; a single entity of a target as a list, as clients know it."""
    told = dict(data)
    if target and isinstance(one := target.get("entity_id"), str) and one not in ("all", "none"):
        told["entity_id"] = [one]
    return told


async def _done(result: Awaitable[Any]) -> None:
    await result
