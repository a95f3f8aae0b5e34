"""What became different, told to clients that listen: lists, each when it is another one for them, and resources."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

from mcp.shared.subscriptions import (
    PromptsListChanged,
    ResourcesListChanged,
    ResourceUpdated,
    ServerEvent,
    ToolsListChanged,
)

from nanobot.hub.bus import Event
from nanobot.hub.entry import ENTRY_CHANGED, Entry
from nanobot.hub.services import SERVICE_REGISTERED, SERVICE_REMOVED
from nanobot.hub.states import STATE_CHANGED

from .caller import Caller
from .prompts import Prompts
from .resources import CONFIGURATION, SERVICES, STATES, Resources, may_configure
from .tools import Tools

SETTLED_AFTER = 0.5  # s in which nothing more changed in the lists: a reload takes away and brings again
LONGEST = 5.0  # s that they may go on changing before it is told all the same
UPDATED_AFTER = 0.2  # s in which changes of one resource are one

Told = Callable[[ServerEvent], None]
Look = Callable[[Caller], Any]


class Changes:
    """Costs nothing while nobody listens."""

    def __init__(self, entry: Entry, tools: Tools, resources: Resources, prompts: Prompts) -> None:
        self._entry = entry
        self._hub = entry.hub
        self._lists: dict[ServerEvent, Look] = {
            ToolsListChanged(): tools.offered,
            PromptsListChanged(): prompts.listed,
            ResourcesListChanged(): resources.known,
        }
        self._listeners: set[Listening] = set()
        self._wanted: Counter[str] = Counter()
        """By resource, how many want to know of it."""
        self._attached = ExitStack()
        self._changed: set[ServerEvent] = set()
        self._first = 0.0
        """When the first of these changes was, and when the last, by the loop's time."""
        self._last = 0.0
        self._updated: set[str] = set()

    def listen(self, caller: Caller, told: Told) -> Listening:
        """Call ``told`` with each change that ``caller`` may know of, until the end of what is returned."""
        if not self._listeners:
            self._attach()
        listening = Listening(caller, told, {event: look(caller) for event, look in self._lists.items()}, self)
        self._listeners.add(listening)
        return listening

    def count(self, uri: str, number: int) -> None:
        """So many more listeners want to know of a resource."""
        self._wanted[uri] += number
        if not self._wanted[uri]:
            del self._wanted[uri]

    def leave(self, listening: Listening) -> None:
        """Tell it nothing more."""
        self._listeners.discard(listening)
        if not self._listeners:
            self._attached.close()

    # -- what happens ---------------------------------------------------------------------------

    def _attach(self) -> None:
        tools, prompts, resources = self._lists
        attached = self._attached
        attached.callback(self._entry.on_unload(attached.close))
        attached.callback(self._hub.tools.watch(lambda: self._list_changed(tools)))
        attached.callback(self._hub.skills.watch(lambda: self._list_changed(prompts)))
        for event in (SERVICE_REGISTERED, SERVICE_REMOVED):
            attached.callback(self._entry.listen(event, lambda _: self._services_changed(tools)))
        attached.callback(self._entry.listen(ENTRY_CHANGED, lambda _: self._configuration_changed(resources)))
        attached.callback(self._entry.listen(STATE_CHANGED, lambda event: self._state_changed(event, resources)))

    def _services_changed(self, tools: ServerEvent) -> None:
        self._list_changed(tools)
        self._resource_changed(SERVICES)

    def _configuration_changed(self, resources: ServerEvent) -> None:
        self._list_changed(resources)
        for uri in [uri for uri in self._wanted if uri.startswith(CONFIGURATION)]:
            self._resource_changed(uri)

    def _state_changed(self, event: Event, resources: ServerEvent) -> None:
        data = event.data
        if data["old_state"] is None or data["new_state"] is None:
            self._list_changed(resources)
        if self._wanted:
            self._resource_changed(f"{STATES}/{data['entity_id']}", STATES)

    def _list_changed(self, event: ServerEvent) -> None:
        self._last = now = asyncio.get_running_loop().time()
        if not self._changed:
            self._first = now
            self._entry.call_later(SETTLED_AFTER, self._settle)
        self._changed.add(event)

    def _resource_changed(self, uri: str, whole: str | None = None) -> None:
        if uri not in self._wanted and whole not in self._wanted:
            return
        if not self._updated:
            self._entry.call_later(UPDATED_AFTER, self._tell_updated)
        self._updated.add(uri)

    # -- what is told ---------------------------------------------------------------------------

    def _settle(self) -> None:
        """Once the lists rest: tell those for whom they are others."""
        now = asyncio.get_running_loop().time()
        left = min(self._last + SETTLED_AFTER, self._first + LONGEST) - now
        if left > 0.01:  # s
            self._entry.call_later(left, self._settle)
            return
        changed, self._changed = self._changed, set()
        seen: dict[tuple[str, ServerEvent], Any] = {}
        for listener in list(self._listeners):
            for event in changed:
                key = (listener.caller.identity.id, event)
                if key not in seen:
                    seen[key] = self._lists[event](listener.caller)
                listener.look(event, seen[key])

    def _tell_updated(self) -> None:
        updated, self._updated = self._updated, set()
        states = [uri.removeprefix(f"{STATES}/") for uri in updated if uri.startswith(f"{STATES}/")]
        for listener in list(self._listeners):
            if not listener.uris:
                continue
            rights = listener.caller.rights
            seen = [entity_id for entity_id in states if rights.may_see(entity_id)]
            known = {f"{STATES}/{entity_id}" for entity_id in seen} | ({STATES} if seen else set())
            known |= updated & {SERVICES}
            if may_configure(listener.caller):
                known |= {uri for uri in updated if uri.startswith(CONFIGURATION)}
            for uri in sorted(known.intersection(listener.uris)):
                listener.told(ResourceUpdated(uri))


class Listening:
    """One client, the resources that it wants to know of, and what its lists were when it was last told."""

    def __init__(self, caller: Caller, told: Told, lists: dict[ServerEvent, Any], changes: Changes) -> None:
        self.caller = caller
        self.told = told
        self.uris: set[str] = set()
        self._lists = lists
        self._changes = changes

    def subscribe(self, uri: str) -> None:
        """Be told of this resource as well."""
        if uri not in self.uris:
            self.uris.add(uri)
            self._changes.count(uri, 1)

    def unsubscribe(self, uri: str) -> None:
        """No longer."""
        if uri in self.uris:
            self.uris.discard(uri)
            self._changes.count(uri, -1)

    def look(self, event: ServerEvent, now: Any) -> None:
        """Tell of a list if it is another one."""
        if self._lists[event] != now:
            self._lists[event] = now
            self.told(event)

    def end(self) -> None:
        """Be told nothing more."""
        for uri in list(self.uris):
            self.unsubscribe(uri)
        self._changes.leave(self)
