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
        self._open: dict[str, dict[str, State]] = {}
        self._end: Callable[[], None] | None = None

    @contextmanager
    def of(self, context: Context) -> Iterator[dict[str, State]]:
        """The states that change in this context while the block runs, by entity id, each as it was last."""
        changed: dict[str, State] = {}
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
        if changed is None:
            return
        new = event.data["new_state"]
        if new is None:
            changed.pop(event.data["entity_id"], None)
        else:
            changed[new.entity_id] = new
