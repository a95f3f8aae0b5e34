"""The services of automations."""

from __future__ import annotations

from collections.abc import Awaitable

import voluptuous as vol

from nanobot.config import validators as cv
from nanobot.contracts.service import ServiceCall
from nanobot.hub.collection import Action, apply_edits, offer_actions
from nanobot.hub.entry import Entry
from nanobot.hub.hub import Hub

from .automations import RELOADED, Automations
from .entity import Automation


def offer(hub: Hub, entry: Entry, automations: Automations) -> None:
    """Add ``automation.turn_on``, ``turn_off``, ``toggle``, ``trigger`` and ``reload``."""

    async def reload(call: ServiceCall) -> None:
        automations.announced += 1
        try:
            await apply_edits(hub, call.context)
        finally:
            automations.announced -= 1
        hub.bus.fire(RELOADED, {}, call.context)

    stop = {vol.Optional("stop_actions", default=True): cv.boolean}
    run = {
        vol.Optional("skip_condition", default=True): cv.boolean,
        vol.Optional("variables", default=dict): dict,
    }
    actions = {
        "turn_on": Action(_turn_on, "Have the automation listen to its triggers."),
        "turn_off": Action(_turn_off, "Have the automation listen no more, and end what it is doing.", stop, _STOP),
        "toggle": Action(_toggle, "Turn on what is off, and off what is on.", stop, _STOP),
        "trigger": Action(_trigger, "Run the actions now, whatever the conditions say.", run, _RUN),
    }
    offer_actions(entry, actions)
    entry.service(
        "reload",
        reload,
        vol.Schema({vol.Optional("id"): str}),
        description="Apply the configuration as it is on disk.",
        admin=True,
    )


_STOP = {"stop_actions": {"default": True, "selector": {"boolean": {}}}}
_RUN = {
    "skip_condition": {"default": True, "selector": {"boolean": {}}},
    "variables": {"selector": {"object": {}}},
}


def _turn_on(automation: Automation, call: ServiceCall) -> Awaitable[None] | None:
    return automation.turn_on(call.context) if automation.available else None


def _turn_off(automation: Automation, call: ServiceCall) -> Awaitable[None] | None:
    return automation.turn_off(call.context, stop=call.data["stop_actions"]) if automation.available else None


def _toggle(automation: Automation, call: ServiceCall) -> Awaitable[None] | None:
    return _turn_off(automation, call) if automation.enabled else _turn_on(automation, call)


def _trigger(automation: Automation, call: ServiceCall) -> Awaitable[None] | None:
    data = call.data
    return automation.trigger(data["variables"], call.context, skip_condition=data["skip_condition"])
