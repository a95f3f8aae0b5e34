"""``trigger: template``: a template turns true, if wanted for some time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

import voluptuous as vol

from nanobot.automation.duration import duration, period
from nanobot.automation.lasting import Lasting, Ring, is_away, later
from nanobot.automation.plain_state import plain, state_of
from nanobot.automation.truth import is_true
from nanobot.contracts.trigger import Detach, Watch
from nanobot.errors import NanobotError
from nanobot.hub.bus import Event
from nanobot.hub.hub import Hub
from nanobot.hub.states import State
from nanobot.templates import validators as tv
from nanobot.templates.info import RenderInfo
from nanobot.templates.track import Update, track

SCHEMA = vol.Schema({vol.Required("value_template"): tv.template, vol.Optional("for"): duration})

PENDING = "template"


async def attach(hub: Hub, config: Mapping[str, Any], watch: Watch) -> Detach:
    """Fires with ``entity_id``, ``from_state``, ``to_state`` of the change that made it true, and ``for``.

    It is rendered again when something that it read changes, and once a minute where it asks for the time. It fires
    when the result was false before, or something that is no truth. With ``for``, any other result ends the wait.
    """
    edge = _Edge(hub, config, watch)
    tracker = track(hub, [(config["value_template"], watch.variables)], edge.changed)
    info = tracker.infos[0]
    if info.error is not None:
        watch.log.warning("trigger 'template': %s", info.error)
    edge.armed = info.error is None and not is_true(info.result)
    edge.read = lambda: tracker.infos[0]
    edge.lasting.resume(edge.still_true)
    removes = [tracker.remove]
    if edge.lasting.later:  # the tracker says nothing of what leaves the template false
        removes.append(hub.states.track(info.entities, edge.seen))

    def detach() -> None:
        for remove in removes:
            remove()
        edge.lasting.close()

    return detach


class _Edge:
    """Whether the template has been false since it last fired."""

    def __init__(self, hub: Hub, config: Mapping[str, Any], watch: Watch) -> None:
        self._hub = hub
        self._for = config.get("for")
        self._watch = watch
        self.armed = False
        self.read: Callable[[], RenderInfo] = RenderInfo
        """The template as it was rendered last."""
        self.lasting = Lasting(hub, watch)

    def changed(self, updates: list[Update]) -> None:
        update = updates[-1]
        if self.look():
            return
        if update.error is not None:
            self._watch.log.warning("trigger 'template': %s", update.error)
            return
        self.lasting.end(PENDING)
        if not is_true(update.result):
            self.armed = True
        elif self.armed:
            self.armed = False
            data: Mapping[str, Any] = {} if update.event is None else update.event.data
            self._turned_true(data.get("entity_id"), data.get("old_state"), data.get("new_state"))

    def seen(self, event: Event) -> None:
        """Something that it read changed."""
        self.look()

    def look(self) -> bool:
        """After a start, whether it is true again as it was before, so that what was pending goes on."""
        goes_on = self.lasting.again([PENDING])
        if goes_on:
            self.armed = False
        return goes_on

    def still_true(self, key: str, true: Mapping[str, Any]) -> Ring | None:
        """What was true before a restart, when it still is."""
        if not self._for:
            return None
        info = self.read()
        if info.error is not None or not is_true(info.result):
            away = any(is_away(self._hub.states.get(entity_id)) for entity_id in info.entities)
            return later if away else None
        told = self._told(true["entity_id"], state_of(true["from"]), state_of(true["to"]))
        return lambda: self._tell(told, timedelta(seconds=true["for"]))

    def _turned_true(self, entity_id: str | None, old: State | None, new: State | None) -> None:
        told = self._told(entity_id, old, new)
        if not self._for:
            self._tell(told, self._for)
            return
        try:
            lasts = period(self._hub, self._for, {**self._watch.variables, "trigger": told})
        except NanobotError as error:
            self._watch.log.error("trigger 'template', for: %s", error)
            return
        true = {"entity_id": entity_id, "from": plain(old), "to": plain(new)}
        self.lasting.begin(PENDING, lasts, lambda: self._tell(told, lasts), true)

    def _told(self, entity_id: str | None, old: State | None, new: State | None) -> dict[str, Any]:
        return {"platform": "template", "entity_id": entity_id, "from_state": old, "to_state": new}

    def _tell(self, told: Mapping[str, Any], lasted: timedelta | None) -> None:
        entity_id, new = told["entity_id"], told["to_state"]
        description = f"{entity_id} via template" if entity_id else "time change or manual update via template"
        context = None if new is None else new.context
        self._watch.fire({**told, "for": lasted, "description": description}, context)
