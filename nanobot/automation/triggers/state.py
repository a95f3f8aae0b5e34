"""``trigger: state``: a thing changed its state or attribute, if wanted from and to something, for some time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import voluptuous as vol

from nanobot.config import validators as cv
from nanobot.contracts.trigger import Detach, Fire
from nanobot.hub.bus import Event
from nanobot.hub.hub import Hub
from nanobot.hub.states import State

_ENDS = ("from", "to", "not_from", "not_to")


def _exclusive(config: dict[str, Any]) -> dict[str, Any]:
    for end in ("from", "to"):
        if end in config and f"not_{end}" in config:
            raise vol.Invalid(f"cannot be used together with '{end}'", path=[f"not_{end}"])
    if "attribute" not in config:
        for end in _ENDS:
            values = config.get(end)
            for value in values if isinstance(values, list) else [values]:
                if value is not None and not isinstance(value, str):
                    raise vol.Invalid("a state is text; put it in quotes", path=[end])
    return config


SCHEMA = vol.Schema(
    vol.All(
        {
            vol.Required("entity_id"): cv.entity_ids,
            vol.Optional("attribute"): cv.string,
            vol.Optional("for"): cv.positive_time_period,
            **{vol.Optional(end): object for end in _ENDS},
        },
        _exclusive,
    )
)

Match = Callable[[Any], bool]


async def attach(hub: Hub, config: Mapping[str, Any], fire: Fire) -> Detach:
    """Fires with ``entity_id``, ``from_state``, ``to_state``, ``for``, ``attribute``.

    Without any of from, to, not_from, not_to a change of any attribute counts as well. With ``for`` it fires when
    the new value has lasted that long; where there is a ``from`` and no ``to``, when the old one was gone that long.
    """
    watch = _Watch(config, fire)
    remove = hub.states.track(config["entity_id"], watch.changed)

    def detach() -> None:
        remove()
        watch.forget_all()

    return detach


class _Watch:
    """The entities of one trigger, and for each that has to last its timer."""

    def __init__(self, config: Mapping[str, Any], fire: Fire) -> None:
        self._fire = fire
        self._attribute = config.get("attribute")
        self._for = config.get("for")
        self._from = _match(config, "from")
        self._to = _match(config, "to")
        self._any_change = not any(end in config for end in _ENDS)
        self._until_back = "from" in config and "to" not in config
        self._pending: dict[str, tuple[Match, asyncio.TimerHandle]] = {}

    def changed(self, event: Event) -> None:
        old_state, new_state = event.data["old_state"], event.data["new_state"]
        old, new = self._value(old_state), self._value(new_state)
        if self._pending:
            self._look_after(event.data["entity_id"], new_state, new)
        if old == new and (self._attribute is not None or not self._any_change):
            return
        if not self._from(old) or not self._to(new):
            return
        if not self._for:
            self._tell(event)
        else:
            self._wait(event, old, new)

    def forget_all(self) -> None:
        for _, timer in self._pending.values():
            timer.cancel()
        self._pending.clear()

    def _value(self, state: State | None) -> Any:
        if state is None:
            return None
        return state.state if self._attribute is None else state.attributes.get(self._attribute)

    def _wait(self, event: Event, old: Any, new: Any) -> None:
        entity_id = event.data["entity_id"]
        self._forget(entity_id)
        lasts: Match = (lambda value: value != old) if self._until_back else (lambda value: value == new)
        assert self._for is not None
        loop = asyncio.get_running_loop()
        timer = loop.call_later(self._for.total_seconds(), partial(self._lasted, entity_id, event))
        self._pending[entity_id] = (lasts, timer)

    def _look_after(self, entity_id: str, state: State | None, value: Any) -> None:
        pending = self._pending.get(entity_id)
        if pending is not None and (state is None or not pending[0](value)):
            self._forget(entity_id)

    def _forget(self, entity_id: str) -> None:
        pending = self._pending.pop(entity_id, None)
        if pending is not None:
            pending[1].cancel()

    def _lasted(self, entity_id: str, event: Event) -> None:
        self._pending.pop(entity_id, None)
        self._tell(event)

    def _tell(self, event: Event) -> None:
        entity_id = event.data["entity_id"]
        self._fire(
            {
                "platform": "state",
                "entity_id": entity_id,
                "from_state": event.data["old_state"],
                "to_state": event.data["new_state"],
                "for": self._for,
                "attribute": self._attribute,
                "description": f"state of {entity_id}",
            },
            event.context,
        )


def _match(config: Mapping[str, Any], end: str) -> Match:
    for name, wanted in ((end, True), (f"not_{end}", False)):
        values = config.get(name)
        if values is not None:
            listed = values if isinstance(values, list) else [values]
            return lambda value: (value in listed) is wanted
    return lambda value: True
