"""The latest traces over a restart: written down when nanobot stops, found again when it has started."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import zip_longest
from typing import Any

import orjson

from nanobot.automation.trace import Trace, Traces
from nanobot.contracts.runnable import RunTrace
from nanobot.hub.bus import Event
from nanobot.hub.context import Context
from nanobot.hub.entry import Entry

MOST_BYTES = 4 * 1024 * 1024  # of all traces together; the newest of each item come first
MOST_OF_ONE = 128 * 1024  # bytes; a larger one is kept without what its variables were


class PastTrace:
    """A trace of an earlier process, as it was told then."""

    def __init__(self, kept: Mapping[str, Any]) -> None:
        given = kept["context"]
        self.run_id: str = kept["run_id"]
        self.context = Context(
            id=given["id"], parent_id=given["parent_id"], user_id=given["user_id"], actor=kept.get("actor", "system")
        )
        self._full = {key: value for key, value in kept.items() if key != "actor"}

    def short(self) -> dict[str, Any]:
        """As ``trace/list`` gives it."""
        left_out = ("trace", "config", "blueprint_inputs", "context", "steps_left_out")
        return {key: value for key, value in self._full.items() if key not in left_out}

    def full(self) -> dict[str, Any]:
        """As ``trace/get`` gives it."""
        return dict(self._full)


class KeptTraces:
    """Of all automations, scripts and schedules of a hub."""

    def __init__(self, entry: Entry) -> None:
        self._hub = entry.hub
        self._store = entry.store("traces")
        entry.listen("homeassistant_started", self._restore, once=True)
        entry.listen("homeassistant_stop", self._keep)

    async def _restore(self, event: Event) -> None:
        data = await self._store.load() or {}
        kept = data.get("items", {})
        for item in self._hub.runnables:
            traces = item.traces
            if isinstance(traces, Traces) and (found := kept.get(f"{item.domain}.{item.item_id}")):
                known = {trace.run_id for trace in traces}
                traces.restore(PastTrace(one) for one in found if one["run_id"] not in known)

    def _keep(self, event: Event) -> None:
        """Before anything is undone: runs that are under way are told as they stand now."""
        items: dict[str, list[dict[str, Any]]] = {}
        left = MOST_BYTES
        for key, trace in self._newest_first():
            told = _told(trace)
            size = len(orjson.dumps(told, default=str))
            if size > MOST_OF_ONE:
                told = _without_variables(told)
                size = len(orjson.dumps(told, default=str))
            left -= size
            if left < 0:
                break
            items.setdefault(key, []).insert(0, told)
        self._store.save(lambda: {"items": items})

    def _newest_first(self) -> Iterator[tuple[str, RunTrace]]:
        """The newest trace of each item, then the second of each, and so on."""
        rows = [
            [(f"{item.domain}.{item.item_id}", trace) for trace in reversed(list(item.traces))]
            for item in self._hub.runnables
            if item.item_id is not None
        ]
        for row in zip_longest(*rows):
            yield from (one for one in row if one is not None)


def _told(trace: RunTrace) -> dict[str, Any]:
    told = {**trace.full(), "actor": trace.context.actor}
    if isinstance(trace, Trace) and trace.finished is None:
        told["state"] = "stopped"  # whoever looks at it again is another process
    return told


def _without_variables(told: dict[str, Any]) -> dict[str, Any]:
    bare = {
        path: [{key: value for key, value in step.items() if key != "changed_variables"} for step in steps[-5:]]
        for path, steps in list(told["trace"].items())[:200]
    }
    return {**told, "trace": bare}
