"""Last states: what things were when nanobot stopped, so that a restart does not forget it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from nanobot.hub.entry import Entry

KEPT_AFTER_REMOVAL = 7 * 24 * 3600.0  # s; whoever takes a thing out for a while and puts it back finds it as it was


class LastStates:
    """The last states of an entry's things, by key. On disk a second after each change, and at unload.

    Make it before the things that are restored from it: it is then undone, and written, after them.
    """

    def __init__(self, entry: Entry, key: str = "last_states") -> None:
        self._clock = entry.hub.clock
        self._values: dict[str, Mapping[str, Any]] = {}
        self._gone: dict[str, float] = {}
        self._store = entry.store(key)

    async def load(self) -> None:
        """Read what was kept."""
        data = await self._store.load() or {}
        now = self._clock.time()
        for key, kept in data.get("things", {}).items():
            gone = kept.get("gone")
            if gone is not None:
                if now - gone > KEPT_AFTER_REMOVAL:
                    continue
                self._gone[key] = gone
            self._values[key] = kept["last"]

    def get(self, key: str) -> Mapping[str, Any] | None:
        """What was last put for this key, or None."""
        return self._values.get(key)

    def was_gone(self, key: str) -> bool:
        """Whether the last ``only`` was without this key: it was taken out, and perhaps put back since."""
        return key in self._gone

    def put(self, key: str, last: Mapping[str, Any]) -> None:
        """Keep this. JSON-able values only."""
        if self._values.get(key) == last:
            return
        self._values[key] = last
        self._store.save(self._document)

    def only(self, keys: Collection[str]) -> None:
        """These are all there are now; what is kept of others is forgotten after a week."""
        now = self._clock.time()
        gone = {key: self._gone.get(key, now) for key in self._values if key not in keys}
        if gone != self._gone:
            self._gone = gone
            self._store.save(self._document)

    def _document(self) -> dict[str, Any]:
        return {
            "things": {
                key: {"last": dict(last), "gone": self._gone[key]} if key in self._gone else {"last": dict(last)}
                for key, last in self._values.items()
            }
        }
