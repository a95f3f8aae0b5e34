"""A view: one route of the web server, served by whichever integration runs it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from aiohttp.web import Request, StreamResponse


class Access(Enum):
    """Who may use a route or command. There is no default: each one declares it."""

    PUBLIC = "public"
    """Without credentials. Only liveness, log-in, and the static files of the log-in page."""
    READ = "read"
    USER = "user"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class View:
    """``path`` may hold ``{name}`` for one segment and ``{name:.*}`` for the rest.

    The handler finds what matched in ``request.match_info``, and who asks with ``nanobot.hub.web.identity_of``.
    ``failed`` makes the body of a failure's answer from its status and sentence, also of one that no handler sees
    (401, 403, 429); without it that is ``{"message": …}``.
    """

    method: str
    path: str
    access: Access
    handler: Callable[[Request], Awaitable[StreamResponse]]
    name: str = ""
    websocket: bool = False
    scoped: bool = False
    """It applies the allow lists of a token itself, or shows nothing that they are about. Others are closed to tokens
    that have such lists."""
    failed: Callable[[int, str], Mapping[str, Any]] | None = None

    def __hash__(self) -> int:
        return hash((self.method, self.path))

    @property
    def key(self) -> str:
        """What makes it unique."""
        return f"{self.method} {self.path}"
