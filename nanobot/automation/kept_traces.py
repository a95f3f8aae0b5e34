"""The latest traces over a restart: whole when nanobot stops in order, and new ones some seconds after they began, so
that those of the last hours are there after a crash as well.

The store ``traces`` has them all. New ones are lines of a journal beside it, which is taken into the store when it has
grown, and at the next start. A run costs no more than the note that its item has something new.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from itertools import islice, zip_longest
from pathlib import Path
from time import perf_counter
from typing import Any

import orjson

from nanobot.automation.trace import End, Trace, Traces
from nanobot.contracts.runnable import Runnable, RunTrace
from nanobot.hub.bus import Event
from nanobot.hub.context import Context
from nanobot.hub.entry import Entry
from nanobot.storage.files import make_private
from nanobot.util.aio import in_thread

MOST_BYTES = 4 * 1024 * 1024  # of all traces together, and of the journal; the newest of each item come first
MOST_OF_ONE = 128 * 1024  # bytes; a larger one is kept without what its variables were
DELAY = 3.0  # s until a trace is in the journal
MOST_AT_ONCE = 100  # traces written then; of more the newest of each item
SLICE = 0.002  # s that this takes of the loop in one go
JOURNAL = "nanobot.traces.journal"


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
    """Of all automations, scripts and schedules of a hub, from its start on."""

    def __init__(self, entry: Entry) -> None:
        self._hub = entry.hub
        self._entry = entry
        self._store = entry.store("traces")
        self._journal = entry.hub.config_dir / ".storage" / JOURNAL
        self._size = 0
        self._new: dict[Runnable, None] = {}
        self._written: dict[str, str] = {}
        """By item, the run id of its newest trace that is in the journal."""
        self._open: dict[str, set[str]] = {}
        """By item, the runs that were under way when they were written there."""
        self._timer: asyncio.TimerHandle | None = None
        entry.listen("homeassistant_started", self._begin, once=True)
        entry.listen("homeassistant_stop", self._keep)

    def note(self, item: Runnable) -> None:
        """An item has a new trace."""
        self._new[item] = None
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(DELAY, self._due)

    # -- inside ---------------------------------------------------------------------------------

    async def _begin(self, event: Event) -> None:
        data = await self._store.load() or {}
        kept = {key: {one["run_id"]: one for one in told} for key, told in data.get("items", {}).items()}
        lines = await in_thread(_read, self._journal)
        for key, told in lines:
            earlier = kept.setdefault(key, {}).get(told["run_id"])
            if earlier is None or earlier["timestamp"]["finish"] is None:
                kept[key][told["run_id"]] = told
        for item in self._hub.runnables:
            traces = item.traces
            if isinstance(traces, Traces) and (found := kept.get(_key(item))):
                known = {trace.run_id for trace in traces}
                older = sorted(found.values(), key=lambda one: str(one["timestamp"]["start"]))
                traces.restore(PastTrace(one) for one in older if one["run_id"] not in known)
        self._hub.kept_traces = self
        if lines:
            self._entry.spawn(self._take_in(), "keep traces")

    def _due(self) -> None:
        self._timer = None
        self._entry.spawn(self._write(), "keep traces")

    async def _write(self) -> None:
        new, self._new = self._new, {}
        rows = [[(item, trace) for trace in self._unwritten(item)] for item in new if item.item_id is not None]
        chosen = list(islice((one for row in zip_longest(*rows) for one in row if one is not None), MOST_AT_ONCE))
        lines: list[bytes] = []
        since = perf_counter()
        for item, trace in reversed(chosen):
            key = _key(item)
            self._written[key] = trace.run_id
            self._open.get(key, set()).discard(trace.run_id)
            if isinstance(trace, Trace) and trace.finished is None:
                self._open.setdefault(key, set()).add(trace.run_id)
                trace.late = partial(self.note, item)
            lines.append(orjson.dumps([key, _fitting(trace)[0]], default=str))
            if perf_counter() - since > SLICE:
                await asyncio.sleep(0)
                since = perf_counter()
        if not lines:
            return
        text = b"\n".join(lines) + b"\n"
        self._size += len(text)
        with contextlib.suppress(OSError):  # a disk that cannot be written to is told of by all others
            await in_thread(_append, self._journal, text)
        if self._size > MOST_BYTES:
            await self._take_in()

    def _unwritten(self, item: Runnable) -> Iterator[RunTrace]:
        """Newest first."""
        key = _key(item)
        open_, last, is_new = self._open.get(key, set()), self._written.get(key), True
        traces = list(item.traces)
        open_ &= {trace.run_id for trace in traces}
        for trace in reversed(traces):
            is_new = is_new and trace.run_id != last
            over = isinstance(trace, Trace) and trace.finished is not None
            if isinstance(trace, Trace) and (is_new or (over and trace.run_id in open_)):
                yield trace

    async def _take_in(self) -> None:
        """Put all into the store, and begin the journal anew."""
        self._size = 0
        items: dict[str, list[dict[str, Any]]] = {}
        since = perf_counter()
        for key, told in self._told():
            items.setdefault(key, []).insert(0, told)
            if perf_counter() - since > SLICE:
                await asyncio.sleep(0)
                since = perf_counter()
        self._store.save(lambda: {"items": items})
        await self._store.flush()
        with contextlib.suppress(OSError):
            await in_thread(self._journal.unlink)

    def _keep(self, event: Event) -> None:
        """Before anything is undone: runs that are under way are told as they stand now."""
        self._hub.kept_traces = None
        if self._timer is not None:
            self._timer.cancel()
        items: dict[str, list[dict[str, Any]]] = {}
        for key, told in self._told():
            items.setdefault(key, []).insert(0, told)
        self._store.save(lambda: {"items": items})

    def _told(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """The newest trace of each item, then the second of each, and so on, as many as there is room for."""
        left = MOST_BYTES
        rows = [
            [(_key(item), trace) for trace in reversed(list(item.traces))]
            for item in self._hub.runnables
            if item.item_id is not None
        ]
        for row in zip_longest(*rows):
            for key, trace in (one for one in row if one is not None):
                told, size = _fitting(trace)
                left -= size
                if left < 0:
                    return
                yield key, told


def _key(item: Runnable) -> str:
    return f"{item.domain}.{item.item_id}"


def _fitting(trace: RunTrace) -> tuple[dict[str, Any], int]:
    """A trace as it is kept, and its size in bytes."""
    told = {**trace.full(), "actor": trace.context.actor}
    if isinstance(trace, Trace) and trace.finished is None:
        told |= {"state": "stopped", "script_execution": End.INTERRUPTED.value}  # for a later process
    size = len(orjson.dumps(told, default=str))
    if size <= MOST_OF_ONE:
        return told, size
    told = _without_variables(told)
    return told, len(orjson.dumps(told, default=str))


def _without_variables(told: dict[str, Any]) -> dict[str, Any]:
    bare = {
        path: [{key: value for key, value in step.items() if key != "changed_variables"} for step in steps[-5:]]
        for path, steps in list(told["trace"].items())[:200]
    }
    return {**told, "trace": bare}


def _append(path: Path, text: bytes) -> None:
    make_private(path.parent)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600), "ab") as file:
        file.write(text)


def _read(path: Path) -> list[tuple[str, dict[str, Any]]]:
    """What the journal has, as far as it can be read: its last line may be half written."""
    try:
        lines: Iterable[bytes] = path.read_bytes().splitlines()
    except OSError:
        return []
    found: list[tuple[str, dict[str, Any]]] = []
    for line in lines:
        with contextlib.suppress(ValueError, KeyError, TypeError):
            key, told = orjson.loads(line)
            PastTrace(told)
            found.append((str(key), told))
    return found
