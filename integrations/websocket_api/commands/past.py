"""History and logbook, from whoever records them; nothing recorded is an empty past."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import voluptuous as vol

from nanobot.config import validators as cv
from nanobot.contracts.history import PastState, Recording
from nanobot.contracts.socket_command import SocketCall, SocketCommand, SocketError
from nanobot.contracts.view import Access
from nanobot.hub.bus import ALL, Event
from nanobot.hub.states import STATE_REPORTED, State

from .times import span_of

MAX_WAITING = 10_000  # changes that are kept while the past is read


def _span_to_follow(call: SocketCall) -> tuple[float, float | None]:
    """The same for what is followed: it has begun, and its end comes after that."""
    start, end = span_of(call, call.data)
    if start > call.hub.clock.time():
        raise SocketError("invalid_start_time", "Invalid start_time")
    if end is not None and end <= start:
        raise SocketError("invalid_end_time", "Invalid end_time")
    return start, end


async def history(call: SocketCall) -> Any:
    """The states of some entities in a period: ``{entity_id: [{s, a, lu, lc?}]}``."""
    start, end = span_of(call, call.data)
    return await _states(call, start, end)


def _mine(call: SocketCall) -> list[str]:
    """Of the entities that the client asks for, those that it may see."""
    return [entity_id for entity_id in call.data["entity_ids"] if call.identity.rights.may_see(entity_id)]


async def _states(call: SocketCall, start: float, end: float | None) -> dict[str, Any]:
    recorded, data = call.hub.history, call.data
    if recorded is None or start > call.hub.clock.time() or (end is not None and end < start):
        return {}
    found = await recorded.states(
        _mine(call),
        start,
        end,
        minimal=data["minimal_response"],
        no_attributes=data["no_attributes"],
        significant_only=data["significant_changes_only"],
        include_start=data["include_start_time_state"],
    )
    return {entity_id: [_short(call, state) for state in states] for entity_id, states in found.items()}


def _short(call: SocketCall, state: PastState) -> dict[str, Any]:
    row = state.compressed()
    if call.data["no_attributes"]:
        row.pop("a", None)
    return row


async def history_stream(call: SocketCall) -> None:
    """The same, and then what happens until the end."""
    start, end = _span_to_follow(call)
    data, hub = call.data, call.hub
    is_live = end is None or end > hub.clock.time()
    stream = _Stream(call, lambda told: {"states": told})

    def changed(event: Event) -> None:
        new: State | None = event.data["new_state"]
        if new is None or (hub.history is not None and not hub.history.shows(new.entity_id, "history")):
            return
        old: State | None = event.data["old_state"]
        if data["significant_changes_only"] and old is not None and old.state == new.state:
            return
        past = PastState(new.entity_id, new.state, new.attributes, new.last_changed, new.last_updated)
        stream.tell(new.last_updated, {new.entity_id: [_short(call, past)]})

    remove = hub.states.track(_mine(call), changed, first=True) if is_live else _nothing_to_undo
    call.subscribe(stream.until(end, remove))
    now = hub.clock.time()
    told = await _states(call, start, min(now, end or now))  # what happens from now on is told by the bus
    stream.begin(now, {"states": told, "start_time": start, "end_time": min(now, end or now)})


async def logbook(call: SocketCall) -> Any:
    """What happened, in words."""
    start, end = span_of(call, call.data)
    return await _rows(call, start, end)


async def _rows(call: SocketCall, start: float, end: float | None) -> list[dict[str, Any]]:
    recorded, data = call.hub.history, call.data
    if recorded is None or start > call.hub.clock.time():
        return []
    if _wants_devices(call):
        return []
    ids = data.get("entity_ids") or None
    rows = await recorded.logbook(start, end, ids, data.get("context_id"), language=call.hub.language)
    return [_row(call, row) for row in rows]


def _wants_devices(call: SocketCall) -> bool:
    """Whether nothing but devices is asked for, which there are none of."""
    return bool(call.data.get("device_ids")) and not call.data.get("entity_ids")


def _row(call: SocketCall, row: dict[str, Any]) -> dict[str, Any]:
    """Somebody who asks for some entities knows their names."""
    if call.data.get("entity_ids"):
        row.pop("name", None)
    return row


async def logbook_stream(call: SocketCall) -> None:
    """The same, and then what happens until the end."""
    start, end = _span_to_follow(call)
    hub = call.hub
    is_live = (end is None or end > hub.clock.time()) and hub.history is not None and not _wants_devices(call)
    ids = frozenset(call.data.get("entity_ids") or ())
    stream = _Stream(call, lambda row: {"events": [row]})

    def happened(event: Event) -> None:
        if event.type == STATE_REPORTED or hub.history is None:
            return
        row = hub.history.tell(event, language=hub.language)
        if row is not None and (not ids or row.get("entity_id") in ids):
            stream.tell(row["when"], _row(call, row))

    remove = hub.bus.listen(ALL, happened) if is_live else _nothing_to_undo
    call.subscribe(stream.until(end, remove))
    now = hub.clock.time()
    rows = await _rows(call, start, min(now, end or now))  # as above
    stream.begin(now, {"events": rows, "start_time": start, "end_time": min(now, end or now)})


class _Stream:
    """Tells of the past first and of what came meanwhile after it; nothing twice, nothing after the end."""

    def __init__(self, call: SocketCall, shape: Callable[[Any], dict[str, Any]]) -> None:
        self._call = call
        self._shape = shape
        self._waiting: list[tuple[float, Any]] | None = []
        self._has_ended = False

    def until(self, end: float | None, remove: Callable[[], None]) -> Callable[[], None]:
        """What ends it; at ``end`` it falls silent by itself."""
        forget = _nothing_to_undo
        if end is not None:
            forget = self._call.hub.alarms.set(lambda after: end if after < end else None, lambda when: remove())

        def stop() -> None:
            self._has_ended = True
            forget()
            remove()

        return stop

    def tell(self, when: float, told: Any) -> None:
        """Something has happened."""
        if self._waiting is None:
            self._call.event(self._shape(told))
        elif len(self._waiting) < MAX_WAITING:
            self._waiting.append((when, told))

    def begin(self, until: float, past: dict[str, Any]) -> None:
        """The past has been read up to ``until``."""
        waiting, self._waiting = self._waiting or (), None
        if self._has_ended:
            return
        self._call.event(past)
        for when, told in waiting:
            if when > until:
                self._call.event(self._shape(told))


def _nothing_to_undo() -> None:
    pass


async def info(call: SocketCall) -> Any:
    """How the recorder is doing."""
    recorded = call.hub.history
    recording = await recorded.info() if recorded is not None else Recording(recording=False)
    return {
        "backlog": recording.backlog,
        "db_in_default_location": True,
        "max_backlog": recording.max_backlog,
        "migration_in_progress": False,
        "migration_is_live": False,
        "recording": recording.recording,
        "thread_running": recorded is not None,
        **recording.details,
    }


_SPAN = {vol.Required("start_time"): str, vol.Optional("end_time"): str}
_HISTORY = vol.Schema(
    {
        **_SPAN,
        vol.Required("entity_ids"): vol.All(cv.entity_ids, vol.Length(min=1)),
        vol.Optional("include_start_time_state", default=True): bool,
        vol.Optional("significant_changes_only", default=True): bool,
        vol.Optional("minimal_response", default=False): bool,
        vol.Optional("no_attributes", default=False): bool,
    }
)
_LOGBOOK = vol.Schema({**_SPAN, vol.Optional("entity_ids"): cv.entity_ids, vol.Optional("device_ids"): [str]})

COMMANDS = [
    SocketCommand("history/history_during_period", history, Access.READ, _HISTORY, scoped=True),
    SocketCommand("history/stream", history_stream, Access.READ, _HISTORY, scoped=True),
    SocketCommand("logbook/get_events", logbook, Access.READ, _LOGBOOK.extend({vol.Optional("context_id"): str})),
    SocketCommand("logbook/event_stream", logbook_stream, Access.READ, _LOGBOOK),
    SocketCommand("recorder/info", info, Access.READ),
]
