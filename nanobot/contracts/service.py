"""A service: an action with a name, ``domain.service``, that anybody in the hub may call."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any

import voluptuous as vol

from nanobot.contracts.tool import Risk

if TYPE_CHECKING:
    from nanobot.hub.context import Context


class Response(Enum):
    """Whether a service answers with data."""

    NONE = "none"
    OPTIONAL = "optional"
    ONLY = "only"


class ServiceCall:
    """One call. ``data`` has passed the schema; ``target`` ids are merged into ``data["entity_id"]`` (a list)."""

    __slots__ = ("context", "data", "domain", "return_response", "service")

    def __init__(
        self, domain: str, service: str, data: Mapping[str, Any], context: Context, return_response: bool
    ) -> None:
        self.domain = domain
        self.service = service
        self.data = data
        self.context = context
        self.return_response = return_response

    def __repr__(self) -> str:
        return f"<{self.domain}.{self.service} {dict(self.data)}>"


Handler = Callable[[ServiceCall], Awaitable[Any] | Any]
"""Plain functions run inline, coroutine functions are awaited. The value is the response: a mapping or None."""


@dataclass(frozen=True, slots=True)
class Service:
    """Added with ``entry.add(Service(...))``. ``fields`` and ``description`` are for people and clients, in the
    shape of Home Assistant's services.yaml; ``entity_domain`` says which entities may be targeted."""

    domain: str
    name: str
    handler: Handler
    schema: vol.Schema | None = None
    response: Response = Response.NONE
    description: str = ""
    fields: Mapping[str, Any] = field(default_factory=dict)
    entity_domain: str | None = None
    admin: bool = False
    title: str = ""
    """For people; made of the name when there is none."""
    risk: Risk = Risk.WRITE
    """What a call may do to the world, for rules about agents."""
    gives_way: bool = False
    """Whether another service may take its name, as the services of another system do."""
    untrusted: bool = False
    """Whether its response holds words of strangers."""
    entity_id: str | None = None
    """The entity that a call runs, of a service that stands for one, as ``script.tea`` does."""

    @property
    def takes_entities(self) -> bool:
        """Whether a call names the entities that it is for. Others may let an ``entity_id`` pass as any other word."""
        known = self.schema.schema if self.schema is not None else None
        steps = known.validators if isinstance(known, vol.All) else (known,)
        names = any(isinstance(step, dict) and "entity_id" in step for step in steps)
        return self.entity_id is None and (names or self.entity_domain is not None or "entity_id" in self.fields)
