"""``trigger: state``: a thing changed its state or attribute, if wanted from and to something, for some time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

import voluptuous as vol

from nanobot.automation.duration import duration, period
from nanobot.automation.lasting import Lasting, Ring, is_away, later
from nanobot.automation.plain_state import plain, state_of
from nanobot.config import validators as cv
from nanobot.contracts.trigger import Detach, Watch
from nanobot.errors import NanobotError
from nanobot.hub.bus import Event
from nanobot.hub.context import Context
from nanobot.hub.hub import Hub
from nanobot.hub.states import State

_ENDS = ("from", "to", "not_from", "not_to")
ANY = "*"


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
            vol.Optional("for"): duration,
            **{vol.Optional(end): object for end in _ENDS},
        },
        _exclusive,
    )
)

Match = Callable[[Any], bool]


async def attach(hub: Hub, config: Mapping[str, Any], watch: Watch) -> Detach:
    """Fires with ``entity_id``, ``from_state``, ``to_state``, ``for``, ``attribute``.

    Without any of from, to, not_from, not_to a change of any attribute counts as well. With ``for`` it fires when
    the new value has lasted that long; where there is a ``from`` and no ``to``, when the old one was gone that long.
    """
    watched = _Watched(hub, config, watch)
    remove = hub.states.track(config["entity_id"], watched.changed)
    watched.resume()

    def detach() -> None:
        remove()
        watched.lasting.close()

    return detach


class _Watched:
    """The entities of one trigger, and for each what has to last."""

    def __init__(self, hub: Hub, config: Mapping[str, Any], watch: Watch) -> None:
        self._hub = hub
        self._watch = watch
        self._ids = frozenset(config["entity_id"])
        self._attribute = config.get("attribute")
        self._for = config.get("for")
        self._from = _match(config, "from")
        self._to = _match(config, "to")
        self._any_change = not any(end in config for end in _ENDS)
        self._until_back = "from" in config and "to" not in config
        self._lasts: dict[str, dict[str, Match]] = {}
        """By entity, by key of what lasts. There are several at a time where attributes count as changes: each has a
        wait of its own, as in Home Assistant."""
        self._count = 0
        self.lasting = Lasting(hub, watch)

    def changed(self, event: Event) -> None:
        entity_id: str = event.data["entity_id"]
        old_state, new_state = event.data["old_state"], event.data["new_state"]
        old, new = self._value(old_state), self._value(new_state)
        if self.lasting.later and self._is_back(entity_id):
            return
        if entity_id in self._lasts:
            self._look_after(entity_id, new_state, new)
        if old == new and (self._attribute is not None or not self._any_change):
            return
        if not self._from(old) or not self._to(new):
            return
        if not self._for:
            self._tell(entity_id, old_state, new_state, self._for, event.context)
        else:
            self._wait(entity_id, old_state, new_state, event.context)

    def resume(self) -> None:
        self.lasting.resume(self._still_true)

    def _is_back(self, entity_id: str) -> bool:
        """Whether this entity is there again after a start, as it was before, so that what was pending goes on."""
        return self.lasting.again([key for key in self.lasting.later if key.rpartition(" ")[0] == entity_id])

    def _value(self, state: State | None) -> Any:
        if state is None:
            return None
        return state.state if self._attribute is None else state.attributes.get(self._attribute)

    def _wait(self, entity_id: str, old: State | None, new: State | None, context: Context) -> None:
        given = {"platform": "state", "entity_id": entity_id, "from_state": old, "to_state": new}
        try:
            lasts = period(self._hub, self._for or timedelta(), {**self._watch.variables, "trigger": given})
        except NanobotError as error:
            self._watch.log.error("trigger 'state', for: %s", error)
            return
        self._count += 1
        key = f"{entity_id} {self._count}"
        true = {"entity_id": entity_id, "from": plain(old), "to": plain(new), "context": context.as_dict()}
        if self.lasting.begin(key, lasts, self._ring(key, entity_id, old, new, lasts, context), true):
            self._lasts.setdefault(entity_id, {})[key] = self._match_of(old, new)

    def _match_of(self, old_state: State | None, new_state: State | None) -> Match:
        old, new = self._value(old_state), self._value(new_state)
        return (lambda value: value != old) if self._until_back else (lambda value: value == new)

    def _look_after(self, entity_id: str, state: State | None, value: Any) -> None:
        for key, match in list(self._lasts[entity_id].items()):
            if state is None or not match(value):
                self.lasting.end(key)
                self._forget(entity_id, key)

    def _forget(self, entity_id: str, key: str) -> None:
        kept = self._lasts.get(entity_id, {})
        kept.pop(key, None)
        if not kept:
            self._lasts.pop(entity_id, None)

    def _still_true(self, key: str, true: Mapping[str, Any]) -> Ring | None:
        """What was true before a restart, if it is now and this trigger still asks for it."""
        entity_id = true["entity_id"]
        old, new, now = state_of(true["from"]), state_of(true["to"]), self._hub.states.get(entity_id)
        match = self._match_of(old, new)
        if not self._for or entity_id not in self._ids:
            return None
        if not self._from(self._value(old)) or not self._to(self._value(new)):
            return None
        self._count = max(self._count, int(key.rpartition(" ")[2]))
        if now is None or not match(self._value(now)):
            return later if is_away(now) else None
        self._lasts.setdefault(entity_id, {})[key] = match
        lasts = timedelta(seconds=true["for"])
        return self._ring(key, entity_id, old, new, lasts, Context(**true["context"]))

    def _ring(
        self, key: str, entity_id: str, old: State | None, new: State | None, lasts: timedelta, context: Context
    ) -> Ring:
        def ring() -> None:
            self._forget(entity_id, key)
            self._tell(entity_id, old, new, lasts, context)

        return ring

    def _tell(
        self, entity_id: str, old: State | None, new: State | None, lasted: timedelta | None, context: Context
    ) -> None:
        self._watch.fire(
            {
                "platform": "state",
                "entity_id": entity_id,
                "from_state": old,
                "to_state": new,
                "for": lasted,
                "attribute": self._attribute,
                "description": f"state of {entity_id}",
            },
            context,
        )


def _match(config: Mapping[str, Any], end: str) -> Match:
    for name, wanted in ((end, True), (f"not_{end}", False)):
        values = config.get(name)
        if values == ANY:
            return lambda value: wanted
        if values is not None:
            listed = values if isinstance(values, list) else [values]
            return lambda value: (value in listed) is wanted
    return lambda value: True
