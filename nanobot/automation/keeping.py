"""What automations, scripts and schedules find again after a restart: runs that wait, and pending times of triggers.

A run that waits is on disk a second after it began to wait, and goes on with the rest of its time after a restart. What
was due meanwhile is done at once. Before a run goes on from a wait that is on disk, the disk knows that it has: so no
step is done twice because of a crash; a run that was between two waits is ended, and its trace says so.
"""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Iterator, Mapping, MutableMapping
from functools import partial
from typing import Any

import orjson

from nanobot.automation.packing import context_packed, pack
from nanobot.automation.run import Run
from nanobot.hub.bus import Event
from nanobot.hub.entry import Entry
from nanobot.hub.hub import Phase

ENDING = (Phase.STOPPING, Phase.STOPPED)


class Keeping:
    """One per entry. Things are known by the key of their item, and by a fingerprint of how it was written: a run of
    another version is not gone on with."""

    def __init__(self, entry: Entry) -> None:
        self._hub = entry.hub
        self._store = entry.store("runs")
        self._written_as: dict[str, Any] = {}
        self._runs: dict[str, tuple[str, Run]] = {}
        self._pending: dict[str, dict[str, dict[str, Mapping[str, Any]]]] = {}
        self._written: set[str] = set()
        self._found: dict[str, dict[str, Any]] = {}
        self._frozen: dict[str, Any] | None = None
        entry.listen("homeassistant_stop", self._freeze)

    async def load(self) -> None:
        """Read what was kept."""
        self._found = dict((await self._store.load() or {}).get("items", {}))

    def take(self, key: str, written: Any) -> dict[str, Any]:
        """What was kept of an item (``runs``, ``pending``), once; nothing where it is written differently now."""
        self._written_as[key] = written
        self._pending.pop(key, None)
        found = self._found.pop(key, None)
        if found is None:
            return {}
        if found.get("print") != fingerprint(written):
            return {"runs": found.get("runs", {}), "changed": True}
        self._pending[key] = found.get("pending", {})
        return found

    def forget(self, key: str) -> None:
        """The item is gone, or another one now."""
        self._pending.pop(key, None)
        self._written_as.pop(key, None)
        self._save()

    def pending(self, key: str) -> Callable[[str], MutableMapping[str, Mapping[str, Any]]]:
        """What each trigger of an item keeps, by its index."""
        return lambda index: _Notes(self, self._pending.setdefault(key, {}).setdefault(index, {}))

    def noting(self, key: str) -> Callable[[Run], Awaitable[None] | None]:
        """For ``Run.noted``."""
        return partial(self._noted, key)

    # -- inside ---------------------------------------------------------------------------------

    def _noted(self, key: str, run: Run) -> Awaitable[None] | None:
        if self._hub.phase in ENDING:
            return None
        if run.over:
            if self._runs.pop(run.id, None) is not None:
                self._save()
            return None
        if run.waits or run.queued:
            self._runs[run.id] = (key, run)
            self._save()
        elif run.id in self._written:
            self._save()
            return self._store.flush()
        return None

    def _save(self) -> None:
        if self._frozen is None:
            self._store.save(self._document)

    def _freeze(self, event: Event) -> None:
        """Before anything is undone: what is undone because nanobot stops is to be found again."""
        self._frozen = self._document()
        self._store.save(lambda: self._frozen or {})

    def _document(self) -> dict[str, Any]:
        if self._frozen is not None:
            return self._frozen
        items: dict[str, dict[str, Any]] = {}
        self._written = set(self._runs)
        for run_id, (key, run) in self._runs.items():
            items.setdefault(key, {}).setdefault("runs", {})[run_id] = _packed(run)
        for key, of_item in self._pending.items():
            if pending := {index: dict(notes) for index, notes in of_item.items() if notes}:
                items.setdefault(key, {})["pending"] = pending
        for key, item in items.items():
            item["print"] = fingerprint(self._written_as.get(key))
        return {"items": items}


class _Notes(MutableMapping[str, Mapping[str, Any]]):
    """A mapping that is written down when it changes, and not when nanobot stops."""

    def __init__(self, keeping: Keeping, notes: dict[str, Mapping[str, Any]]) -> None:
        self._keeping = keeping
        self._notes = notes

    def __getitem__(self, key: str) -> Mapping[str, Any]:
        return self._notes[key]

    def __setitem__(self, key: str, value: Mapping[str, Any]) -> None:
        if self._keeping._hub.phase not in ENDING:  # noqa: SLF001 - its own
            self._notes[key] = value
            self._keeping._save()  # noqa: SLF001

    def __delitem__(self, key: str) -> None:
        if self._keeping._hub.phase not in ENDING:  # noqa: SLF001
            del self._notes[key]
            self._keeping._save()  # noqa: SLF001

    def __iter__(self) -> Iterator[str]:
        return iter(list(self._notes))

    def __len__(self) -> int:
        return len(self._notes)


def fingerprint(written: Any) -> str:
    """The same for what is written the same."""
    text = orjson.dumps(pack(written), option=orjson.OPT_SORT_KEYS)
    return hashlib.sha256(text).hexdigest()[:16]


def _packed(run: Run) -> dict[str, Any]:
    return {
        "variables": pack(run.scope.values),
        "context": context_packed(run.context),
        "waits": pack(run.waits),
        "frames": pack(run.frames),
        "queued": run.queued,
        "started": run.started,
    }
