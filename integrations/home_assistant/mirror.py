"""The entities of one server, shown here.

Told in the shapes of ``subscribe_entities`` (Home Assistant 2025.4): ``a`` for added ``{entity_id: {s, a, …}}``, ``c``
for changed ``{entity_id: {"+": {s?, a?, …}, "-": {a: [names]}?}}``, ``r`` for removed ``[entity_id]``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from time import perf_counter
from typing import Any, NamedTuple

from nanobot.config.choice import choice
from nanobot.contracts.mirrored import Mirrored
from nanobot.contracts.service import ServiceCall
from nanobot.hub.bus import Event
from nanobot.hub.collection import TARGETS
from nanobot.hub.context import Context
from nanobot.hub.entry import Entry
from nanobot.hub.issues import Severity
from nanobot.hub.states import MAX_STATE_LENGTH, is_entity_id
from nanobot.util.aio import TURN

from .origins import Origins

NOT_MIRRORED = frozenset({"integration"})
"""Domains in which nanobot tells of itself."""
LASTING = frozenset(
    {"friendly_name", "icon", "device_class", "unit_of_measurement", "state_class", "supported_features", "attribution"}
)
"""Attributes that something has also while it is unavailable."""
SECRET = frozenset({"access_token"})
"""Attributes that open something."""
FREE_AFTER = 1.0  # s that an id has to be free: whoever is reloaded takes its own again
MOST_NAMED = 8  # entities in the text of an issue

Call = Callable[[str, str, Mapping[str, Any], list[str], Context | None], Awaitable[Any]]
"""Call a service of the server: domain, name, data, the entities, as the server calls them, and on whose behalf."""


class Thing(Mirrored):
    """An entity of the server. ``remote_id``: what it is called there."""

    def __init__(self, mirror: Mirror, remote_id: str, entity_id: str) -> None:
        self.entity_id = entity_id
        self.remote_id = remote_id
        self.mirror = mirror
        self.untrusted = not mirror.trusted
        self._state = ""
        self._attributes: Mapping[str, Any] = {}

    @property
    def state(self) -> str:
        return self._state[:MAX_STATE_LENGTH]

    @property
    def attributes(self) -> Mapping[str, Any]:
        shown = self._attributes
        return shown if self.available else {name: shown[name] for name in LASTING & shown.keys()}

    def take(self, state: str, attributes: Mapping[str, Any], context: Context | None = None) -> None:
        """Become as it is there now."""
        self._state, self._attributes, self.available = state, attributes, True
        self.changed(context)

    def change(self, state: str | None, more: Mapping[str, Any], gone: list[str], context: Context | None) -> None:
        """Become what differs from before."""
        attributes = self._attributes
        if more or gone:
            attributes = {name: value for name, value in {**attributes, **more}.items() if name not in gone}
        self.take(self._state if state is None else state, attributes, context)

    async def serve(self, call: ServiceCall) -> None:
        data = {name: value for name, value in call.data.items() if name not in TARGETS}
        await self.mirror.call(call.domain, call.service, data, [self.remote_id], call.context)

    async def update(self) -> None:
        """Have the server look again."""
        await self.mirror.call("homeassistant", "update_entity", {}, [self.remote_id], None)

    def ousted(self) -> None:
        self.mirror.ousted(self)


class _Shown(NamedTuple):
    """What undoes that a thing is in the hub, or that its id is waited for."""

    undo: Callable[[], None]
    is_blocked: bool


class Mirror:
    """``part`` holds the entities. What has an id that is taken here is kept up to date, but not shown."""

    def __init__(self, part: Entry, config: Mapping[str, Any], call: Call, origins: Origins) -> None:
        self.call = call
        self._origins = origins
        self.trusted: bool = config["trusted"]
        self._part = part
        self._hub = part.hub
        self._name: str = config["name"]
        self._prefix: str = config["prefix"]
        self._chosen = choice(config)
        self._things: dict[str, Thing] = {}
        self._shown: dict[str, _Shown] = {}
        self._since = 0.0
        self._told: list[str] = []

    def __len__(self) -> int:
        return sum(1 for shown in self._shown.values() if not shown.is_blocked)

    def ids(self, domain: str) -> list[str]:
        """What of a domain is shown, as the server calls it."""
        start = f"{domain}."
        return [one for one, shown in self._shown.items() if one.startswith(start) and not shown.is_blocked]

    def local_id(self, remote_id: str) -> str:
        """What an entity of the server is called here."""
        domain, _, name = remote_id.partition(".")
        return f"{domain}.{self._prefix}{name}"

    async def begin(self, states: Mapping[str, Any], *, is_whole: bool) -> None:
        """Show what there is. ``is_whole``: what is not among it does not exist; else it may come yet."""
        for remote_id in [one for one in self._things if one not in states]:
            if is_whole:
                self._forget(remote_id)
            await self._breathe()
        await self._add(states)
        self._tell()

    async def hear(self, event: Any) -> None:
        """Take over what changed."""
        if not isinstance(event, dict):
            return
        if added := event.get("a"):
            await self._add(added)
        for remote_id, change in (event.get("c") or {}).items():
            thing = self._things.get(remote_id)
            if thing is not None:
                more = change.get("+") or {}
                gone = (change.get("-") or {}).get("a") or []
                context = self._origins.of(remote_id, more.get("c"))
                thing.change(more.get("s"), self._clean(more.get("a") or {}), gone, context)
            await self._breathe()
        for remote_id in event.get("r") or ():
            self._forget(remote_id)
            await self._breathe()
        if added or event.get("r"):
            self._tell()

    async def settle(self) -> None:
        """The server has started: what it has not told of by now does not exist."""
        for remote_id, thing in list(self._things.items()):
            if not thing.available:
                self._forget(remote_id)
                await self._breathe()
        self._tell()

    async def away(self) -> None:
        """The server cannot be heard: nobody knows how things are."""
        for thing in list(self._things.values()):
            if thing.available:
                thing.available = False
                thing.changed()
                await self._breathe()

    async def clear(self) -> None:
        """Show nothing any more."""
        for remote_id in list(self._things):
            self._forget(remote_id)
            await self._breathe()

    def ousted(self, thing: Thing) -> None:
        """An entity of this house took the id of ``thing``."""
        self._shown.pop(thing.remote_id).undo()
        self._block(thing)
        self._tell()

    # -- inside ---------------------------------------------------------------------------------

    async def _add(self, states: Mapping[str, Any]) -> None:
        for remote_id, told in states.items():
            if (thing := self._things.get(remote_id)) is None:
                if not self._chosen(remote_id) or remote_id.partition(".")[0] in NOT_MIRRORED:
                    continue
                entity_id = self.local_id(remote_id)
                if not is_entity_id(entity_id):
                    continue
                thing = self._things[remote_id] = Thing(self, remote_id, entity_id)
            context = self._origins.of(remote_id, told.get("c"))
            thing.take(str(told.get("s", "")), self._clean(told.get("a") or {}), context)
            if remote_id not in self._shown:
                self._show(thing)
            await self._breathe()

    def _show(self, thing: Thing) -> None:
        entity_id = thing.entity_id
        if entity_id in self._hub.states or self._hub.entities.get(entity_id) is not None:
            self._block(thing)
        else:
            self._shown[thing.remote_id] = _Shown(self._part.add(thing), is_blocked=False)

    def _block(self, thing: Thing) -> None:
        """Its id is taken; wait until it is free."""

        def heard(event: Event) -> None:
            if event.data["new_state"] is None:
                self._part.call_later(FREE_AFTER, free)

        def free() -> None:
            shown = self._shown.get(thing.remote_id)
            if shown is not None and shown.is_blocked and thing.entity_id not in self._hub.states:
                shown.undo()
                self._show(thing)
                self._tell()

        self._shown[thing.remote_id] = _Shown(self._part.track(thing.entity_id, heard), is_blocked=True)

    def _forget(self, remote_id: str) -> None:
        if self._things.pop(remote_id, None) is not None and (shown := self._shown.pop(remote_id, None)) is not None:
            shown.undo()

    def _tell(self) -> None:
        """Say which ids are taken, when that is something new."""
        taken = sorted(self._things[one].entity_id for one, shown in self._shown.items() if shown.is_blocked)
        if taken == self._told:
            return
        self._told = taken
        if not taken:
            self._part.resolve("taken")
            return
        more = f" (+{len(taken) - MOST_NAMED})" if len(taken) > MOST_NAMED else ""
        names = ", ".join(taken[:MOST_NAMED]) + more
        self._part.issue("taken", severity=Severity.WARNING, server=self._name, entities=names)

    def _clean(self, attributes: Mapping[str, Any]) -> Mapping[str, Any]:
        """Without what opens something or leads nowhere from here, and with the names that members have here."""
        picture = attributes.get("entity_picture")
        is_path = isinstance(picture, str) and picture.startswith("/")  # signed, and of the server
        members = attributes.get("entity_id") if self._prefix else None
        if not is_path and not isinstance(members, list) and SECRET.isdisjoint(attributes):
            return attributes
        cleaned = {name: value for name, value in attributes.items() if name not in SECRET}
        if is_path:
            del cleaned["entity_picture"]
        if isinstance(members, list):
            cleaned["entity_id"] = [self.local_id(str(one)) for one in members]
        return cleaned

    async def _breathe(self) -> None:
        """Let others have their turn."""
        if perf_counter() - self._since > TURN:
            await asyncio.sleep(0)
            self._since = perf_counter()
