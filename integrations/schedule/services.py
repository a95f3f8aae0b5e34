"""The services of schedules."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import voluptuous as vol

from nanobot.config import validators as cv
from nanobot.contracts.mirrored import Mirrored
from nanobot.contracts.service import Response, ServiceCall
from nanobot.errors import ServiceError
from nanobot.hub.collection import Action, apply_edits, offer_actions, target_schema
from nanobot.hub.entry import Entry
from nanobot.hub.hub import Hub

from .blocks import Blocks
from .entity import Schedule

SHOWN = 10  # coming runs that ``get_schedule`` tells

Do = Callable[[Schedule, ServiceCall], Awaitable[None] | None]


def offer(hub: Hub, entry: Entry) -> None:
    """Add ``schedule.trigger``, ``pause``, ``resume``, ``skip_next``, ``turn_on``, ``turn_off``, ``toggle``, ``reload``
    and ``get_schedule``."""

    async def reload(call: ServiceCall) -> None:
        await apply_edits(hub, call.context)

    def get_schedule(call: ServiceCall) -> dict[str, Any]:
        meant = hub.entities.targets(call.data["entity_id"], entry.domain)
        return {one.entity_id: _told(one) for one in meant if not isinstance(one, Mirrored)}

    stop = {vol.Optional("stop_actions", default=True): cv.boolean}
    run = {
        vol.Optional("skip_condition", default=True): cv.boolean,
        vol.Optional("variables", default=dict): dict,
    }
    offer_actions(
        entry,
        {
            "trigger": Action(_planned(_trigger), "Run the actions now; the next planned run stays.", run, _RUN),
            "pause": Action(_planned(_pause), "Run no more at the planned times; what is under way goes on."),
            "resume": Action(_planned(_resume), "Run at the planned times from now on."),
            "skip_next": Action(_planned(_skip_next), "Leave out the next planned run."),
            "turn_on": Action(_planned(_resume), "Run at the planned times from now on."),
            "turn_off": Action(_planned(_turn_off), "Pause the schedule, and end what it is doing.", stop, _STOP),
            "toggle": Action(_planned(_toggle), "Turn on what is off, and off what is on.", stop, _STOP),
        },
    )
    entry.service("reload", reload, vol.Schema({}), description="Apply the configuration as it is on disk.", admin=True)
    entry.service(
        "get_schedule",
        get_schedule,
        target_schema(),
        response=Response.ONLY,
        description="The blocks of each day of the week, or the runs that come next.",
        entity_domain=entry.domain,
    )


_STOP = {"stop_actions": {"default": True, "selector": {"boolean": {}}}}
_RUN = {
    "skip_condition": {"default": True, "selector": {"boolean": {}}},
    "variables": {"selector": {"object": {}}},
}


def _planned(do: Do) -> Callable[[Schedule | Blocks, ServiceCall], Awaitable[None] | None]:
    """For schedules that run something. Raises ``ServiceError`` for one that is only on in weekly blocks."""

    def run(schedule: Schedule | Blocks, call: ServiceCall) -> Awaitable[None] | None:
        if isinstance(schedule, Blocks):
            raise ServiceError(
                f"{schedule.entity_id} is on and off by its weekly blocks and runs nothing, so {call.domain}."
                f"{call.service} has no effect on it"
            )
        return do(schedule, call) if schedule.available else None

    return run


def _told(schedule: Any) -> dict[str, Any]:
    if isinstance(schedule, Blocks):
        return schedule.written()
    return {"next_runs": [moment.isoformat() for moment in schedule.coming(SHOWN)]}


def _trigger(schedule: Schedule, call: ServiceCall) -> Awaitable[None]:
    data = call.data
    return schedule.trigger(data["variables"], call.context, skip_condition=data["skip_condition"])


def _pause(schedule: Schedule, call: ServiceCall) -> None:
    schedule.pause(call.context)


def _resume(schedule: Schedule, call: ServiceCall) -> None:
    schedule.resume(call.context)


def _skip_next(schedule: Schedule, call: ServiceCall) -> None:
    schedule.skip_next(call.context)


def _turn_off(schedule: Schedule, call: ServiceCall) -> Awaitable[None]:
    return schedule.turn_off(call.context, stop=call.data["stop_actions"])


def _toggle(schedule: Schedule, call: ServiceCall) -> Awaitable[None] | None:
    if schedule.enabled:
        return _turn_off(schedule, call)
    _resume(schedule, call)
    return None
