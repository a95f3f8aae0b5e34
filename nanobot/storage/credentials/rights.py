"""What somebody may do: an access level, and lists that narrow it to some services, events and entities.

Every way in asks the same object: REST, the WebSocket and whatever else speaks for a credential.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import translate
from functools import lru_cache
from typing import Any

from nanobot.contracts.service import Service
from nanobot.contracts.view import Access
from nanobot.errors import Refused

READABLE = frozenset(
    {
        "area_registry_updated",
        "category_registry_updated",
        "component_loaded",
        "core_config_updated",
        "device_registry_updated",
        "entity_registry_updated",
        "floor_registry_updated",
        "homeassistant_started",
        "label_registry_updated",
        "lovelace_updated",
        "panels_updated",
        "repairs_issue_registry_updated",
        "service_registered",
        "service_removed",
        "state_changed",
        "themes_updated",
    }
)
"""The events that somebody who may only read is told; those of messages and calls are not among them."""

_RANK = {Access.PUBLIC: 0, Access.READ: 1, Access.USER: 2, Access.ADMIN: 3}
_WIDE = (
    "add_entities",
    "area_id",
    "device_id",
    "entities",
    "floor_id",
    "label_id",
    "remove_entities",
    "snapshot_entities",
)
"""What else in a call stands for entities."""

Globs = tuple[str, ...]


def lesser(one: Access, other: Access) -> Access:
    """The one that opens less."""
    return min(one, other, key=_RANK.__getitem__)


@dataclass(frozen=True, slots=True)
class Scope:
    """Allow lists of a token: globs like ``light.*`` (``my_event_*`` of events). None: the access alone decides."""

    services: Globs | None = None
    events: Globs | None = None
    entities: Globs | None = None

    @property
    def is_narrow(self) -> bool:
        """Whether there is any list."""
        return not (self.services is None and self.events is None and self.entities is None)


EVERYTHING = Scope()


@dataclass(frozen=True, slots=True)
class Rights:
    """``may_…`` answers, ``check_…`` raises ``Refused`` with a sentence."""

    access: Access
    scope: Scope = EVERYTHING

    @property
    def is_narrow(self) -> bool:
        """Whether there are allow lists: only what knows how to apply them is open then."""
        return self.scope.is_narrow

    def may(self, access: Access) -> bool:
        """Whether a route or command of that access is open."""
        return _RANK[self.access] >= _RANK[access]

    def may_call(self, domain: str, service: str) -> bool:
        """Whether that service may be called."""
        return self.may(Access.USER) and _is_in(f"{domain}.{service}".lower(), self.scope.services)

    def may_see(self, entity_id: str) -> bool:
        """Whether that entity may be read and acted upon."""
        return _is_in(entity_id, self.scope.entities)

    def may_hear(self, event_type: str) -> bool:
        """Whether events of that type are told. Without a list of its own, a token for some entities hears no more
        than one that may only read: other events tell of other entities."""
        if not _is_in(event_type, self.scope.events):
            return False
        if self.may(Access.USER) and (self.scope.entities is None or self.scope.events is not None):
            return True
        return event_type in READABLE

    def may_hear_event(self, event_type: str, data: Mapping[str, Any]) -> bool:
        """The same for one event: what is about an entity is told to those who may see it."""
        if not self.may_hear(event_type):
            return False
        if self.scope.entities is None:
            return True
        return all(self.may_see(entity_id) for entity_id in _texts(data.get("entity_id")))

    def may_fire(self, event_type: str) -> bool:
        """Whether events of that type may be fired."""
        return self.may(Access.ADMIN) and _is_in(event_type, self.scope.events)

    def check_call(
        self, service: Service, data: Mapping[str, Any] | None = None, target: Mapping[str, Any] | None = None
    ) -> None:
        """Raises ``Refused`` for a call with this data and target that is not allowed."""
        name = f"{service.domain}.{service.name}"
        if service.admin and not self.may(Access.ADMIN):
            raise Refused(f"{name} takes the access 'admin'")
        if not self.may_call(service.domain, service.name):
            raise Refused(f"{name} is not among the services that this token may call")
        if self.scope.entities is None:
            return
        given = [part for part in (data, target) if part]
        ids = [one for part in given for one in _texts(part.get("entity_id"))]
        names_some = bool(ids) and service.takes_entities
        if service.entity_id is not None:
            names_some = self.may_see(service.entity_id)
        if any(part.get(key) for part in given for key in _WIDE) or (not names_some and self.scope.services is None):
            raise Refused(f"this token is for some entities: a call of {name} has to be for these, by their names")
        for entity_id in ids:
            if "." not in entity_id or not self.may_see(entity_id):
                raise Refused(f"{entity_id} is not among the entities that this token is for")


def _texts(value: Any) -> Iterable[str]:
    """``all`` and ``none`` are no entities of anybody's list."""
    if isinstance(value, str):
        return [one.strip().lower() for one in value.split(",")]
    if isinstance(value, (list, tuple)):
        return [str(one).strip().lower() for one in value]
    return [] if value is None else [str(value)]


def _is_in(name: str, globs: Globs | None) -> bool:
    return globs is None or _compiled(globs).fullmatch(name) is not None


@lru_cache(maxsize=256)
def _compiled(globs: Globs) -> re.Pattern[str]:
    return re.compile("|".join(translate(glob) for glob in globs) if globs else r"(?!)")
