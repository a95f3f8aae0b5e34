"""``trigger: numeric_state``: a number enters a range, if wanted for some time."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import voluptuous as vol

from nanobot.automation.duration import duration, period
from nanobot.automation.lasting import Lasting, Ring, is_away, later
from nanobot.automation.numeric import OPTIONS, in_order, value_of, within
from nanobot.automation.plain_state import plain, state_of
from nanobot.config import validators as cv
from nanobot.contracts.trigger import Detach, Watch
from nanobot.errors import ConditionError, NanobotError
from nanobot.hub.bus import Event
from nanobot.hub.hub import Hub
from nanobot.hub.states import State

SCHEMA = vol.Schema(
    vol.All({**OPTIONS, vol.Optional("for"): duration}, cv.has_at_least_one_key("above", "below"), in_order)
)


async def attach(hub: Hub, config: Mapping[str, Any], watch: Watch) -> Detach:
    """Fires with ``entity_id``, ``above``, ``below`` as written, ``from_state``, ``to_state``, ``for``.

    Each entity fires when it enters the range and has been seen outside of it before. ``unavailable`` and ``unknown``
    are outside; what is no number is neither. A bound that is an entity is read when the watched entity changes.
    """
    ranges = _Ranges(hub, config, watch)
    remove = hub.states.track(config["entity_id"], ranges.changed)
    ranges.lasting.resume(ranges.still_true)

    def detach() -> None:
        remove()
        ranges.lasting.close()

    return detach


class _Ranges:
    """The entities of one trigger, and which of them have been outside of the range."""

    def __init__(self, hub: Hub, config: Mapping[str, Any], watch: Watch) -> None:
        self._hub = hub
        self._config = config
        self._watch = watch
        self._armed: set[str] = set()
        self.lasting = Lasting(hub, watch)
        for entity_id in config["entity_id"]:
            state = hub.states.get(entity_id)
            if state is None:
                watch.log.warning("trigger 'numeric_state': there is no entity %s yet", entity_id)
            elif self._is_within(state) is False:
                self._armed.add(entity_id)

    def changed(self, event: Event) -> None:
        old: State | None = event.data["old_state"]
        new: State | None = event.data["new_state"]
        entity_id: str = event.data["entity_id"]
        if entity_id in self.lasting.later and self.lasting.again([entity_id]):
            return
        inside = None if new is None else self._is_within(new)
        if not inside and entity_id in self.lasting:
            self.lasting.end(entity_id)
        if inside is False:
            self._armed.add(entity_id)
        elif inside and new is not None and entity_id in self._armed:
            self._armed.discard(entity_id)
            self._entered(entity_id, old, new)

    def still_true(self, entity_id: str, true: Mapping[str, Any]) -> Ring | None:
        """What was true before a restart, if it is now and this trigger still asks for it."""
        old, new, now = state_of(true["from"]), state_of(true["to"]), self._hub.states.get(entity_id)
        if "for" not in self._config or entity_id not in self._config["entity_id"] or new is None:
            return None
        if now is None or not self._is_within(now):
            return later if is_away(now) else None
        self._armed.discard(entity_id)
        return lambda: self._tell(entity_id, old, new, timedelta(seconds=true["for"]))

    def _is_within(self, state: State) -> bool | None:
        """None: it cannot be said."""
        try:
            value = value_of(self._hub, self._config, state, self._variables(state.entity_id))
            return value is not None and within(self._hub, self._config, value)
        except ConditionError as error:
            self._watch.log.warning("trigger 'numeric_state': %s", error)
            return None

    def _variables(self, entity_id: str) -> dict[str, Any]:
        config = self._config
        trigger = {
            "platform": "numeric_state",
            "entity_id": entity_id,
            "below": config.get("below"),
            "above": config.get("above"),
            "attribute": config.get("attribute"),
        }
        return {**self._watch.variables, "trigger": trigger}

    def _entered(self, entity_id: str, old: State | None, new: State) -> None:
        written = self._config.get("for")
        if not written:
            self._tell(entity_id, old, new, written)
            return
        try:
            lasts = period(self._hub, written, self._variables(entity_id))
        except NanobotError as error:
            self._watch.log.error("trigger 'numeric_state', for: %s", error)
            return
        true = {"from": plain(old), "to": plain(new)}
        self.lasting.begin(entity_id, lasts, lambda: self._tell(entity_id, old, new, lasts), true)

    def _tell(self, entity_id: str, old: State | None, new: State, lasted: timedelta | None) -> None:
        self._watch.fire(
            {
                "platform": "numeric_state",
                "entity_id": entity_id,
                "below": self._config.get("below"),
                "above": self._config.get("above"),
                "from_state": old,
                "to_state": new,
                "for": lasted,
                "description": f"numeric state of {entity_id}",
            },
            new.context,
        )
