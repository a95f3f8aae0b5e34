"""A webhook: an address of the hub, ``/api/webhook/<id>``, that another program calls when it has news.

Whoever knows the id may call it: the id is the secret, and everything that comes in is untrusted.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

METHODS = ("GET", "HEAD", "POST", "PUT")
"""Those that a webhook may take."""

USUAL_METHODS = frozenset({"POST", "PUT"})


@dataclass(frozen=True, slots=True)
class WebhookRequest:
    """One call. Names of ``headers`` are in small letters.

    ``json``: the parsed body of a call that says it is JSON, else None. ``data``: the fields of a form (texts; a file
    is its bytes). ``local``: it came from this machine or its own network.
    """

    webhook_id: str
    method: str
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    json: Any = None
    is_json: bool = False
    data: Mapping[str, Any] = field(default_factory=dict)
    remote: str = ""
    local: bool = False


@dataclass(frozen=True, slots=True)
class WebhookAnswer:
    """What the caller gets, where it should be more than an empty 200."""

    status: int = 200
    body: bytes = b""
    content_type: str = "text/plain"


Handler = Callable[[WebhookRequest], Awaitable[WebhookAnswer | None] | WebhookAnswer | None]
"""May be plain or a coroutine function. What it raises is logged; the caller learns nothing of it."""


@dataclass(frozen=True, slots=True)
class Webhook:
    """Added with ``entry.add(Webhook(...))``, or by a word of the automation language with ``hub.webhooks.add(...)``.

    Several may share an id: each gets the calls that it allows, and the first answer counts.
    """

    id: str
    handler: Handler
    name: str = ""
    methods: frozenset[str] = USUAL_METHODS
    local_only: bool = True

    def allows(self, request: WebhookRequest) -> bool:
        """Whether a call has the method and comes from where this webhook wants it."""
        return request.method in self.methods and (request.local or not self.local_only)
