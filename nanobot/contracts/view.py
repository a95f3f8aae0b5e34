"""A view: one route of the web server, served by whichever integration runs it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
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

    __hash__ = object.__hash__  # looked up for each request; the one of enums is a function in Python


JsonSchema = Mapping[str, Any]
"""As of OpenAPI 3.1: JSON Schema, draft 2020-12."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """What a view takes and gives, in the words of OpenAPI. It describes; it checks nothing.

    What every view may say (401, 403, 404, 405, 413, 429 …) need not be told.
    """

    summary: str
    """One line, as the command "do that"."""
    description: str = ""
    path: Mapping[str, JsonSchema] = field(default_factory=dict)
    """The values in the path that are more than any text."""
    query: Mapping[str, JsonSchema] = field(default_factory=dict)
    """A schema with ``"required": True`` is of one that has to be there."""
    body: Any = None
    """A voluptuous schema or a JSON schema of the JSON that it takes; None: none."""
    body_required: bool = True
    form: bool = False
    """The body is a form, urlencoded or multipart, not JSON."""
    streams: bool = False
    """What is asked for decides whether 200 is JSON or server-sent events."""
    failure: JsonSchema | None = None
    """What failures look like; None: ``{"message": …}``, or text where nobody was let in."""
    answers: Mapping[int, JsonSchema | str | None] = field(default_factory=dict)
    """By status: the schema of the JSON, another media type, or None for nothing at all. 4xx and 5xx are failures of
    the usual shape unless a schema is given; then None stands for the usual one."""


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
    prompt: bool = False
    """Its handler waits for nothing once the body is there, so that the server may run it without a task."""
    failed: Callable[[int, str], Mapping[str, Any]] | None = None
    operation: Operation | None = None
    """For the description of the API. Without it there is the first line of the handler's docstring."""

    def __hash__(self) -> int:
        return hash((self.method, self.path))

    @property
    def key(self) -> str:
        """What makes it unique."""
        return f"{self.method} {self.path}"
