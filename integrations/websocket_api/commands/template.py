"""``render_template``: the result of a template, now and whenever it has become another."""

from __future__ import annotations

from typing import Any

import voluptuous as vol

from nanobot.contracts import socket_command as sc
from nanobot.contracts.socket_command import SocketCall, SocketCommand, SocketError
from nanobot.contracts.view import Access
from nanobot.templates import RenderInfo, Template, TemplateError
from nanobot.templates.track import Tracker, Update, track


def render(call: SocketCall) -> None:
    """Events ``{result, listeners}``. A failing template is silent, unless ``report_errors`` asks for
    ``{error, level}``; with a ``timeout`` it is refused at once, as in Home Assistant."""
    data = call.data
    template, variables, report = Template(data["template"]), data.get("variables"), data["report_errors"]
    if "timeout" in data:
        _try(call, template, variables)

    def changed(updates: list[Update]) -> None:
        _tell(call, tracker.infos[0], report)

    tracker: Tracker = track(call.hub, [(template, variables)], changed, strict=data["strict"])
    call.subscribe(tracker.remove)
    _tell(call, tracker.infos[0], report)


def _try(call: SocketCall, template: Template, variables: Any) -> None:
    """Rendering is bounded anyway, far below what clients ask for."""
    try:
        template.render(call.hub, variables, strict=call.data["strict"])
    except TemplateError as error:
        raise SocketError(sc.TEMPLATE_ERROR, str(error)) from error


def _tell(call: SocketCall, info: RenderInfo, report: bool) -> None:
    if info.error is None:
        call.event({"result": info.result, "listeners": _listeners(info)})
    elif report:
        call.event({"error": call.hub.scrubber.scrub(str(info.error)), "level": "ERROR"})


def _listeners(info: RenderInfo) -> dict[str, Any]:
    """What the template waits for."""
    return {
        "all": info.all_states or info.all_states_lifecycle,
        "entities": sorted(info.entities),
        "domains": sorted(info.domains | info.domains_lifecycle),
        "time": info.time,
    }


COMMANDS = [
    SocketCommand(
        "render_template",
        render,
        Access.ADMIN,
        vol.Schema(
            {
                vol.Required("template"): str,
                vol.Optional("entity_ids"): object,
                vol.Optional("variables"): vol.Any(dict, None),
                vol.Optional("timeout"): vol.Coerce(float),
                vol.Optional("strict", default=False): bool,
                vol.Optional("report_errors", default=False): bool,
            }
        ),
    )
]
