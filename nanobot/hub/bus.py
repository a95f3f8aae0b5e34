"""The event bus: whoever wants to know listens, whoever has news fires.

This is the inner loop of the house. Firing without a listener is one lookup; with listeners, one event object
and one call each. What a listener is (plain, coroutine, filtered, once) is decided when it is added.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from time import time
from typing import Any

from nanobot.hub.context import Context
from nanobot.util.aio import Tasks, is_coroutine_function

ALL = "*"
BY_NAME_ONLY = frozenset({"state_reported"})
"""Happens too often to be told to those who want everything (Home Assistant 2025.4 does the same)."""
LISTENER = "listener"  # how the names of tasks of coroutine listeners begin
MAX_TYPE_LENGTH = 64
MAX_ROUTES = 4096  # event types remembered; a client may invent any number of them

_log = logging.getLogger(__name__)


class Event:
    """Something that happened. ``data`` is not to be changed by listeners."""

    __slots__ = ("_context", "data", "json", "origin", "time", "type")

    def __init__(
        self,
        event_type: str,
        data: Mapping[str, Any],
        context: Context | None = None,
        origin: str = "LOCAL",
    ) -> None:
        self.type = event_type
        self.data = data
        self._context = context
        self.origin = origin
        self.time = time()
        self.json: bytes | None = None
        """This event as JSON, once somebody has read it so; see ``nanobot.hub.shapes``."""

    @property
    def context(self) -> Context:
        """The cause; an event fired without one gets one of its own."""
        if self._context is None:
            self._context = Context()
        return self._context

    def __repr__(self) -> str:
        return f"<Event {self.type} {dict(self.data)}>"


Callback = Callable[[Event], None] | Callable[[Event], Awaitable[None]]
Filter = Callable[[Mapping[str, Any]], bool]
Remove = Callable[[], None]
Call = Callable[[Event], Any]


class Bus:
    """Listeners by event type. A failing listener is logged and harms nobody."""

    def __init__(self) -> None:
        self._listeners: dict[str, list[Call]] = {}
        self._routes: dict[str, tuple[Call, ...]] = {}
        self._callbacks: dict[Call, Callable[..., Any]] = {}
        self.tasks = Tasks("listener")

    def fire(
        self,
        event_type: str,
        data: Mapping[str, Any] | None = None,
        context: Context | None = None,
        origin: str = "LOCAL",
    ) -> None:
        """Tell all listeners, in the order in which they were added, before this returns.

        Coroutine listeners are started before this returns. Raises ``ValueError`` for a type that is empty or
        longer than 64 characters.
        """
        route = self._routes.get(event_type)
        if route is None:
            route = self._route(event_type)
        if not route:
            return
        event = Event(event_type, {} if data is None else data, context, origin)
        for call in route:
            try:
                call(event)
            except Exception:
                self._failed(call, event)

    async def fire_and_wait(self, event_type: str, *, limit: float) -> None:
        """Fire without data, and wait up to ``limit`` seconds until the coroutine listeners are done, too."""
        before = asyncio.all_tasks()
        self.fire(event_type)
        begun = [task for task in asyncio.all_tasks() - before if task.get_name().startswith(LISTENER)]
        if begun:
            await asyncio.wait(begun, timeout=limit)

    def route(self, event_type: str) -> tuple[Call, ...]:
        """Whom an event of this type goes to. Empty: nobody listens, no event is needed."""
        route = self._routes.get(event_type)
        return self._route(event_type) if route is None else route

    def listen(
        self,
        event_type: str,
        callback: Callback,
        *,
        filter: Filter | None = None,  # noqa: A002 - says what it is
        once: bool = False,
        tasks: Tasks | None = None,
    ) -> Remove:
        """Call ``callback(event)`` for each event of this type, or of any type with ``"*"``, save ``BY_NAME_ONLY``.

        ``filter`` sees the data first and may decline. A coroutine function runs as a task of ``tasks``.
        """
        call = self._call_of(callback, tasks or self.tasks)
        if filter is not None:
            call = _filtered(call, filter)
        if once:
            call = self._once(event_type, call)
        self._callbacks[call] = callback
        self._listeners.setdefault(event_type, []).append(call)
        self._forget_routes(event_type)
        return lambda: self._remove(event_type, call)

    def counts(self) -> dict[str, int]:
        """Listeners by event type."""
        return {event_type: len(calls) for event_type, calls in self._listeners.items()}

    def _route(self, event_type: str) -> tuple[Call, ...]:
        if not event_type or len(event_type) > MAX_TYPE_LENGTH:
            raise ValueError(f"an event type has 1 to {MAX_TYPE_LENGTH} characters, not {len(event_type)}")
        if len(self._routes) >= MAX_ROUTES:
            self._routes.clear()
        route = tuple(self._listeners.get(event_type, ()))
        if event_type not in BY_NAME_ONLY:
            route += tuple(self._listeners.get(ALL, ()))
        self._routes[event_type] = route
        return route

    def _forget_routes(self, event_type: str) -> None:
        if event_type == ALL:
            self._routes.clear()
        else:
            self._routes.pop(event_type, None)

    def _call_of(self, callback: Callback, tasks: Tasks) -> Call:
        if not is_coroutine_function(callback):
            # a call of its own, so that the same function can listen twice and be removed once
            return _plain(callback)
        return tasks.starter(callback, f"{LISTENER} {getattr(callback, '__qualname__', callback)}")  # type: ignore[arg-type]

    def _once(self, event_type: str, call: Call) -> Call:
        def one(event: Event) -> None:
            self._remove(event_type, one)
            call(event)

        return one

    def _remove(self, event_type: str, call: Call) -> None:
        calls = self._listeners.get(event_type)
        if calls is None or call not in calls:
            return
        calls.remove(call)
        self._callbacks.pop(call, None)
        if not calls:
            del self._listeners[event_type]
        self._forget_routes(event_type)

    def _failed(self, call: Call, event: Event) -> None:
        callback = self._callbacks.get(call, call)
        _log.exception("a listener of %s failed: %s", event.type, getattr(callback, "__qualname__", repr(callback)))


def _plain(callback: Callable[..., Any]) -> Call:
    def call(event: Event) -> None:
        callback(event)

    return call


def _filtered(call: Call, accepts: Filter) -> Call:
    def filtered(event: Event) -> None:
        if accepts(event.data):
            call(event)

    return filtered
