"""Services over REST: what there is, and calling one, answered with the states that it changed."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable

from aiohttp import web

from nanobot.contracts.service import Response, Service
from nanobot.errors import InvalidServiceData, NanobotError, ServiceNotFound
from nanobot.hub.entry import Entry
from nanobot.hub.shapes import services_dict, states_json
from nanobot.hub.web import WebError, context_of, plain_error, rights_of

from .answer import answer, body_of, raw
from .changes import Changes

_log = logging.getLogger("nanobot.api")


class ServiceCalls:
    """Each call has a context of its own, for the user of the token."""

    def __init__(self, entry: Entry) -> None:
        self._hub = entry.hub
        self._changes = Changes(entry.hub)

    async def all(self, request: web.Request) -> web.Response:
        """``[{domain, services: {name: {name, description, fields, target?, response?}}}]``."""
        shapes = services_dict(self._hub, rights_of(request))
        return answer([{"domain": domain, "services": services} for domain, services in shapes.items()])

    async def call(self, request: web.Request) -> web.Response:
        """The changed states; with ``?return_response`` ``{changed_states, service_response}``.

        An unknown service and data that does not fit are 400 in plain text, as clients know it, and then the reason.
        """
        data = await body_of(request, "Data should be valid JSON.")
        domain, name = request.match_info["domain"].lower(), request.match_info["service"].lower()
        wants_response = "return_response" in request.query
        service = self._hub.services.get(domain, name)
        if service is not None:
            self._check(service, wants_response)
        if data is not None and not isinstance(data, dict):
            return plain_error(400, "the data of a service is a JSON object")
        rights = rights_of(request)
        if service is not None:
            rights.check_call(service, data)
        context = context_of(request)
        with self._changes.of(context) as changed:
            try:
                response = self._hub.services.begin(domain, name, data, context=context, return_response=wants_response)
                if isinstance(response, Awaitable):
                    if asyncio.current_task() is None:
                        await asyncio.sleep(0)  # what is waited for may want a task around it
                    response = await response
            except (ServiceNotFound, InvalidServiceData) as error:
                return plain_error(400, self._hub.scrubber.scrub(str(error)))
            except NanobotError as error:
                _log.warning("%s.%s failed: %s", domain, name, error)
                return plain_error(500, self._hub.scrubber.scrub(str(error)))
            if self._changes.are_followed(changed):
                await asyncio.sleep(0)  # for what follows other states at the end of a tick
            states = [state for state in changed if rights.may_see(state.entity_id)]
        if wants_response:
            return answer({"changed_states": states, "service_response": response})
        return raw(states_json(states))

    def _check(self, service: Service, wants_response: bool) -> None:
        if wants_response and service.response is Response.NONE:
            raise WebError(400, "Service does not support responses. Remove return_response from request.")
        if not wants_response and service.response is Response.ONLY:
            raise WebError(
                400,
                "Service call requires responses but caller did not ask for responses. "
                "Add ?return_response to query parameters.",
            )
