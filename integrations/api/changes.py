"""Which states a service call changed: those with the call's context, also of entities that only follow others."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType

from nanobot.hub.bus import Event
from nanobot.hub.context import Context
from nanobot.hub.hub import Hub
from nanobot.hub.states import STATE_CHANGED, State


class Changes:
    """One listener for all calls in progress; none, and so no cost for anybody, while there are none."""

    def __init__(self, hub: Hub) -> None:
        self._bus = hub.bus
        self._states = hub.states
        self._open: dict[str, list[State]] = {}
        self._end: Callable[[], None] | None = None

    def of(self, context: Context) -> Watched:
        """To be entered: the changes in this context while the block runs."""
        return Watched(self, context.id)

    def are_followed(self, changed: list[State]) -> bool:
        """Whether anybody else is told of them, who may change more at the end of the tick."""
        if len(self._bus.route(STATE_CHANGED)) > 1:  # more than ours
            return True
        return any(self._states.is_tracked(state.entity_id) for state in changed)

    def begin(self, context_id: str) -> list[State]:
        """The changes as they come: an entity may be there several times."""
        changed = self._open[context_id] = []
        if self._end is None:
            self._end = self._bus.listen(STATE_CHANGED, self._changed)
        return changed

    def end(self, context_id: str) -> None:
        """What comes now is no longer looked at."""
        del self._open[context_id]
        if not self._open and self._end is not None:
            end, self._end = self._end, None
            end()

    def _changed(self, event: Event) -> None:
        changed = self._open.get(event.context.id)
        if changed is not None and (new := event.data["new_state"]) is not None:
            changed.append(new)


class Watched:
    """The block in which changes are looked at."""

    __slots__ = ("_changes", "_context_id")

    def __init__(self, changes: Changes, context_id: str) -> None:
        self._changes = changes
        self._context_id = context_id

    def __enter__(self) -> list[State]:
        return self._changes.begin(self._context_id)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self._changes.end(self._context_id)
