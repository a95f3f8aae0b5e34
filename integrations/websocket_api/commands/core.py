"""Events, states, services and the configuration: what every client asks for."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any

import orjson
import voluptuous as vol

from nanobot.contracts import socket_command as sc
from nanobot.contracts.service import Response, Service
from nanobot.contracts.socket_command import SocketCall, SocketCommand, SocketError, Translation
from nanobot.contracts.view import Access
from nanobot.errors import ServiceNotFound
from nanobot.hub import shapes

from .. import fields

NOT_WAITED_FOR = {("homeassistant", "stop"), ("nanobot", "stop")}
"""The services that end the connection on which the answer would go."""


def ping(call: SocketCall) -> None:
    """Is somebody there?"""
    call.answered = True
    call.connection.tell(b'{"id":%d,"type":"pong"}' % call.id, soon=True)


def get_states(call: SocketCall) -> Any:
    """All states."""
    states, rights = call.hub.states, call.identity.rights
    if rights.scope.entities is None:
        return orjson.Fragment(shapes.all_states_json(states))
    return orjson.Fragment(shapes.states_json(state for state in states if rights.may_see(state.entity_id)))


def get_config(call: SocketCall) -> Any:
    """What is true for the whole house."""
    return shapes.config_dict(call.hub)


def get_services(call: SocketCall) -> Any:
    """What can be called."""
    return shapes.services_dict(call.hub, call.identity.rights)


def call_service(call: SocketCall) -> Any:
    """Call a service and wait until it is done; most are at once."""
    data = call.data
    domain, name, respond = data["domain"], data["service"], data["return_response"]
    service = call.hub.services.get(domain, name) or call.hub.services.get(domain.lower(), name.lower())
    if service is None:
        raise SocketError(sc.NOT_FOUND, f"Service {domain}.{name} not found.", no_such_service(domain, name))
    call.identity.rights.check_call(service, data.get("service_data"), data.get("target"))
    if respond and service.response is Response.NONE:
        text = f"{domain}.{name} gives no response; remove return_response from the call"
        raise SocketError(sc.SERVICE_VALIDATION_ERROR, text, _response("service_does_not_support_response"))
    if not respond and service.response is Response.ONLY:
        text = f"{domain}.{name} only gives a response; ask for it with return_response"
        raise SocketError(sc.SERVICE_VALIDATION_ERROR, text, _response("service_lacks_response_request"))
    given, target = data.get("service_data") or {}, data.get("target")
    services = call.hub.services
    result: Any
    if (domain, name) in NOT_WAITED_FOR:
        result = services.call(domain, name, given, target=target, context=call.context, blocking=False)
    else:
        try:
            result = services.begin(domain, name, given, target=target, context=call.context, return_response=respond)
        except ServiceNotFound as error:
            raise _not_found(service, error) from error
    return _called(call, service, result) if isinstance(result, Awaitable) else _outcome(call, result)


async def _called(call: SocketCall, service: Service, work: Awaitable[Any]) -> Any:
    try:
        return _outcome(call, await work)
    except ServiceNotFound as error:
        raise _not_found(service, error) from error


def _not_found(service: Service, error: ServiceNotFound) -> SocketError:
    """What a client is told: a code of its own when it is this service that is not there, and not one that it calls."""
    domain, name = service.domain, service.name
    if error.service == f"{domain}.{name}":
        return SocketError(sc.NOT_FOUND, str(error), no_such_service(domain, name))
    child_domain, _, child = (error.service or "").partition(".")
    placeholders = {"domain": domain, "service": name, "child_domain": child_domain, "child_service": child}
    told = Translation("websocket_api", "child_service_not_found", placeholders)
    return SocketError(sc.HOME_ASSISTANT_ERROR, str(error), told)


def no_such_service(domain: str, name: str) -> Translation:
    """Of a service that is not there."""
    return Translation("homeassistant", "service_not_found", {"domain": domain, "service": name})


def _response(key: str) -> Translation:
    return Translation("homeassistant", key, {"return_response": "return_response=True"})


def _outcome(call: SocketCall, response: Any) -> Any:
    result: dict[str, Any] = {"context": call.context.as_dict()}
    return {**result, "response": response} if call.data["return_response"] else result


def supported_features(call: SocketCall) -> None:
    """What the client understands. Coalescing: several messages in one frame."""
    call.connection.coalesce(bool(call.data["features"].get("coalesce_messages")))


def get_panels(call: SocketCall) -> Any:
    """The pages of the web interface."""
    return {
        panel.name: {
            "component_name": "custom",
            "icon": panel.icon,
            "title": panel.title,
            "config": {"module_url": panel.module},
            "url_path": panel.url,
            "require_admin": False,
            "config_panel_domain": None,
        }
        for panel in call.hub.panels
    }


COMMANDS = [
    SocketCommand("ping", ping, Access.READ, scoped=True),
    SocketCommand("get_states", get_states, Access.READ, scoped=True),
    SocketCommand("get_config", get_config, Access.READ, scoped=True),
    SocketCommand("get_services", get_services, Access.READ, scoped=True),
    SocketCommand("get_panels", get_panels, Access.READ, scoped=True),
    SocketCommand(
        "call_service",
        call_service,
        Access.USER,
        vol.Schema(
            {
                vol.Required("domain"): fields.name,
                vol.Required("service"): fields.name,
                vol.Optional("service_data"): fields.mapping,
                vol.Optional("target"): fields.target,
                vol.Optional("return_response", default=False): fields.flag,
            }
        ),
        scoped=True,
    ),
    SocketCommand(
        "supported_features",
        supported_features,
        Access.READ,
        vol.Schema({vol.Required("features"): {str: vol.Any(int, bool)}}),
        scoped=True,
    ),
]
