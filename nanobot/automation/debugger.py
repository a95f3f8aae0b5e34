"""Breakpoints: a run is held before a step until it is told to go on, to do one step, or to end.

There are breakpoints only while somebody listens for runs that reach one; the last one to leave lets all go on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from nanobot.automation.run import Run
from nanobot.hub.hub import Hub

ANY = "*"
"""In the place of a run or a path: each one."""

Key = tuple[str, str]
"""Domain and id of an item."""

Hit = Callable[[dict[str, str]], None]


class Debugger:
    """Of one hub, while anybody listens."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._listeners: list[Hit] = []
        self._points: dict[Key, dict[str, set[str]]] = {}
        self._held: dict[tuple[Key, str], list[tuple[Run, asyncio.Future[None]]]] = {}

    # -- asked by the engine ----------------------------------------------------------------------

    def holds(self, run: Run, path: str) -> Awaitable[None] | None:
        """What a run has to wait for before the step at ``path``; None for nothing."""
        trace = run.trace
        if trace is None or trace.item_id is None:
            return None
        key = (trace.domain, trace.item_id)
        points = self._points.get(key)
        if points is None or not {path, ANY} & (points.get(run.id, set()) | points.get(ANY, set())):
            return None
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._held.setdefault((key, run.id), []).append((run, future))
        hit = {"domain": trace.domain, "item_id": trace.item_id, "run_id": run.id, "node": path}
        for listener in tuple(self._listeners):
            listener(hit)
        return self._wait(key, run, future)

    async def _wait(self, key: Key, run: Run, future: asyncio.Future[None]) -> None:
        try:
            await future
        finally:
            held = self._held.get((key, run.id), [])
            if (run, future) in held:  # it was ended while it waited
                held.remove((run, future))
                if not held:
                    del self._held[key, run.id]

    # -- asked by people --------------------------------------------------------------------------

    def listen(self, hit: Hit) -> Callable[[], None]:
        """Be told of each run that is held; gives what ends it."""
        self._listeners.append(hit)

        def remove() -> None:
            if hit in self._listeners:
                self._listeners.remove(hit)
            if not self._listeners:
                self._close()

        return remove

    def set(self, key: Key, node: str, run_id: str | None = None) -> None:
        """Hold the runs of an item before the step at ``node``; all of them or one."""
        self._points.setdefault(key, {}).setdefault(run_id or ANY, set()).add(node)

    def clear(self, key: Key, node: str, run_id: str | None = None) -> None:
        """Hold them there no more. A run that is held stays so until it is told to go on."""
        of_item = self._points.get(key, {})
        nodes = of_item.get(run_id or ANY, set())
        nodes.discard(node)
        if not nodes:
            of_item.pop(run_id or ANY, None)
        if not of_item:
            self._points.pop(key, None)

    def points(self) -> list[dict[str, Any]]:
        """All breakpoints."""
        return [
            {"domain": domain, "item_id": item_id, "run_id": run_id, "node": node}
            for (domain, item_id), runs in self._points.items()
            for run_id, nodes in runs.items()
            for node in sorted(nodes)
        ]

    def go_on(self, key: Key, run_id: str) -> bool:
        """Let a run go on to the next breakpoint. False: it is not held."""
        self.clear(key, ANY, run_id)
        return self._release(key, run_id)

    def step(self, key: Key, run_id: str) -> bool:
        """Let a run do one step. False: it is not held."""
        self.set(key, ANY, run_id)
        if self._release(key, run_id):
            return True
        self.clear(key, ANY, run_id)
        return False

    def stop(self, key: Key, run_id: str) -> bool:
        """End a run that is held. False: it is not."""
        self.clear(key, ANY, run_id)
        for run, _ in self._held.get((key, run_id), ()):
            run.stopped = True
        return self._release(key, run_id)

    # -- inside -------------------------------------------------------------------------------------

    def _release(self, key: Key, run_id: str) -> bool:
        held = self._held.pop((key, run_id), [])
        for _, future in held:
            if not future.done():
                future.set_result(None)
        return bool(held)

    def _close(self) -> None:
        if self._hub.debugger is self:
            self._hub.debugger = None
        self._points.clear()
        for key, run_id in list(self._held):
            self._release(key, run_id)


def debugger_of(hub: Hub) -> Debugger:
    """The one of a hub. It is there from the first who listens to the last."""
    found: Debugger | None = hub.debugger
    if found is None:
        found = hub.debugger = Debugger(hub)
    return found
