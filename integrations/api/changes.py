"""Which states a service call changed: those with the call's context, also of entities that only follow others."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from nanobot.hub.bus import Event
from nanobot.hub.context import Context
from nanobot.hub.entry import Entry
from nanobot.hub.states import STATE_CHANGED, State


class Changes:
    """One listener for all calls in progress; none, and so no cost for anybody, while there are none."""

    def __init__(self, entry: Entry) -> None:
        self._entry = entry
        self._open: dict[str, list[State]] = {}
        self._end: Callable[[], None] | None = None

    @contextmanager
    def of(self, context: Context) -> Iterator[list[State]]:
        """The changes in this context while the block runs, as they come: an entity may be there several times."""
        changed: list[State] = []
        self._open[context.id] = changed
        if self._end is None:
            self._end = self._entry.listen(STATE_CHANGED, self._changed)
        try:
            yield changed
        finally:
            del self._open[context.id]
            if not self._open and self._end is not None:
                end, self._end = self._end, None
                end()

    def _changed(self, event: Event) -> None:
        changed = self._open.get(event.context.id)
        if changed is not None and (new := event.data["new_state"]) is not None:
            changed.append(new)
