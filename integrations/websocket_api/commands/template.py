"""``render_template``: the result of a template, now and whenever it has become another."""

from __future__ import annotations

from typing import Any

import voluptuous as vol

from nanobot.contracts import socket_command as sc
from nanobot.contracts.socket_command import SocketCall, SocketCommand, SocketError
from nanobot.contracts.view import Access
from nanobot.templates import RenderInfo, Template
from nanobot.templates.errors import Refused
from nanobot.templates.track import Tracker, Update, track


def render(call: SocketCall) -> None:
    """Events ``{result, listeners}``. A failing template is silent, unless ``report_errors`` asks for
    ``{error, level}``; what it found undefined is told as well then. With a ``timeout``, one that takes too long is
    refused at once: rendering is bounded anyway, far below what clients ask for."""
    data = call.data
    template, variables, report = Template(data["template"]), data.get("variables"), data["report_errors"]

    def changed(updates: list[Update]) -> None:
        _tell(call, tracker.infos[0], report)

    tracker: Tracker = track(call.hub, [(template, variables)], changed, strict=data["strict"], warnings=report)
    error = tracker.infos[0].error
    if "timeout" in data and error is not None and isinstance(error.__cause__, Refused):
        tracker.remove()
        raise SocketError(sc.TEMPLATE_ERROR, str(error))
    call.subscribe(tracker.remove)
    _tell(call, tracker.infos[0], report)


def _tell(call: SocketCall, info: RenderInfo, report: bool) -> None:
    for warning in info.warnings or ():
        call.event({"error": call.hub.scrubber.scrub(warning), "level": "WARNING"})
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
