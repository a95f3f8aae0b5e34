"""``subscribe_entities``: the states that a client shows, as short as they can be said, and then what changes in them.

Shapes of Home Assistant 2025.4: ``a`` for added ``{entity_id: {s, a, c, lc, lu?}}``, ``c`` for changed
``{entity_id: {"+": {s?, a?, c?, lc? | lu?}, "-": {a: [names]}?}}``, ``r`` for removed ``[entity_id]``.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from fnmatch import fnmatchcase
from typing import Any

import voluptuous as vol

from nanobot.config import validators as cv
from nanobot.contracts.socket_command import SocketCall, SocketCommand
from nanobot.contracts.view import Access
from nanobot.hub.bus import Event
from nanobot.hub.context import Context
from nanobot.hub.shapes import to_json
from nanobot.hub.states import STATE_CHANGED, State

Accepts = Callable[[str], bool]

_LISTS = {vol.Optional(key, default=list): [str] for key in ("domains", "entities", "entity_globs")}
SCHEMA = vol.Schema(
    {
        vol.Optional("entity_ids"): cv.entity_ids,
        vol.Optional("include", default=dict): _LISTS,
        vol.Optional("exclude", default=dict): _LISTS,
    }
)


class Changes:
    """What a change of a state is to clients; made once, for they all ask about the same event one after the other."""

    def __init__(self) -> None:
        self._event: Event | None = None
        self._json = b""

    def json(self, event: Event) -> bytes:
        """The JSON of ``change_of``."""
        if event is not self._event:
            self._json = to_json(change_of(event))
            self._event = event
        return self._json


class EntityCommands:
    """``subscribe_entities``, with what its subscribers share."""

    def __init__(self) -> None:
        self._changes = Changes()

    def commands(self) -> list[SocketCommand]:
        """All of them."""
        return [SocketCommand("subscribe_entities", self.subscribe, Access.READ, SCHEMA, scoped=True)]

    def subscribe(self, call: SocketCall) -> None:
        """Tell all states that the client wants, then each change."""
        states, ids = call.hub.states, call.data.get("entity_ids")
        accepts = _within(call, selection(call.data["include"], call.data["exclude"]))
        changes, tell = self._changes, call.event_bytes

        def changed(event: Event) -> None:
            if accepts is None or accepts(event.data["entity_id"]):
                tell(changes.json(event))

        remove = states.track(ids, changed, first=True) if ids else call.hub.bus.listen(STATE_CHANGED, changed)
        call.subscribe(remove)
        wanted = [state for state in map(states.get, ids) if state is not None] if ids else states.all()
        call.event(
            {"a": {state.entity_id: short(state) for state in wanted if accepts is None or accepts(state.entity_id)}}
        )


def _within(call: SocketCall, accepts: Accepts | None) -> Accepts | None:
    """Of those that are meant, the ones that the client may see."""
    rights = call.identity.rights
    if rights.scope.entities is None:
        return accepts
    if accepts is None:
        return rights.may_see
    return lambda entity_id: accepts(entity_id) and rights.may_see(entity_id)


def short(state: State) -> dict[str, Any]:
    """All of a state."""
    told: dict[str, Any] = {
        "s": state.state,
        "a": state.attributes,
        "c": _short_context(state.context),
        "lc": state.last_changed,
    }
    if state.last_updated != state.last_changed:
        told["lu"] = state.last_updated
    return told


def change_of(event: Event) -> dict[str, Any]:
    """What a ``state_changed`` means to somebody who knows the old state."""
    new: State | None = event.data["new_state"]
    old: State | None = event.data["old_state"]
    if new is None:
        return {"r": [event.data["entity_id"]]}
    if old is None:
        return {"a": {new.entity_id: short(new)}}
    more: dict[str, Any] = {}
    if old.state != new.state:
        more["s"] = new.state
    if old.last_changed != new.last_changed:
        more["lc"] = new.last_changed
    elif old.last_updated != new.last_updated:
        more["lu"] = new.last_updated
    context = _changed_context(old.context, new.context)
    if context:
        more["c"] = context
    told: dict[str, Any] = {"+": more}
    before, now = old.attributes, new.attributes
    if before is not now and before != now:
        if added := {key: value for key, value in now.items() if key not in before or before[key] != value}:
            more["a"] = added
        if gone := [key for key in before if key not in now]:
            told["-"] = {"a": gone}
    return {"c": {new.entity_id: told}}


def _short_context(context: Context) -> Any:
    return context.as_dict() if context.parent_id or context.user_id else context.id


def _changed_context(old: Context, new: Context) -> Any:
    """The id alone when nothing else has changed."""
    if old is new:
        return None
    changed = {}
    if old.parent_id != new.parent_id:
        changed["parent_id"] = new.parent_id
    if old.user_id != new.user_id:
        changed["user_id"] = new.user_id
    if old.id == new.id:
        return changed
    return {**changed, "id": new.id} if changed else new.id


def selection(include: dict[str, Collection[str]], exclude: dict[str, Collection[str]]) -> Accepts | None:
    """Which entities are meant, as with the options of Home Assistant's recorder. None: all.

    What names an entity counts more than a pattern, and a pattern more than a domain; without anything to include,
    all is included that is not excluded.
    """
    if not any(include.values()) and not any(exclude.values()):
        return None

    def includes(entity_id: str) -> bool:
        if entity_id in include["entities"]:
            return True
        if entity_id in exclude["entities"]:
            return False
        if _matches(entity_id, include["entity_globs"]):
            return True
        if _matches(entity_id, exclude["entity_globs"]):
            return False
        domain = entity_id.partition(".")[0]
        if domain in include["domains"]:
            return True
        if domain in exclude["domains"]:
            return False
        if include["entity_globs"] or include["domains"]:
            return False
        return bool(exclude["entity_globs"] or exclude["domains"]) or not include["entities"]

    return includes


def _matches(entity_id: str, patterns: Collection[str]) -> bool:
    return any(fnmatchcase(entity_id, pattern) for pattern in patterns)
