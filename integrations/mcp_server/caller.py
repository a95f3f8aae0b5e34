"""Who is behind a message: the credential of the very request that brought it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from mcp.server.context import ServerRequestContext

from nanobot.hub.context import Context
from nanobot.storage.credentials import Identity, Rights

SCOPE_KEY = "nanobot.caller"

Ctx = ServerRequestContext[Any, Any]


@dataclass(frozen=True, slots=True)
class Caller:
    """``context`` is the cause of whatever the message brings about."""

    identity: Identity
    context: Context

    @property
    def rights(self) -> Rights:
        """What the credential may do now; a session that began with more has no more than this."""
        return self.identity.rights


def caller_of(ctx: Ctx) -> Caller:
    """From the ASGI scope, in which no client can write."""
    assert ctx.request is not None
    caller: Caller = ctx.request.scope[SCOPE_KEY]
    return caller
