"""A socket command: what a client of ``/api/websocket`` may ask by its ``type``, and how it is answered.

    async def sleep(call: SocketCall) -> Any:
        await asyncio.sleep(call.data["seconds"])
        return {"slept": True}

    entry.add(SocketCommand("my/sleep", sleep, Access.USER, vol.Schema({vol.Required("seconds"): float})))

A subscription answers first and tells the news after that, for as long as it lasts:

    def subscribe(call: SocketCall) -> None:
        call.subscribe(entry.listen("my_news", lambda event: call.event({"news": event.data["text"]})))
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import voluptuous as vol

from nanobot.contracts.view import Access
from nanobot.errors import NanobotError

if TYPE_CHECKING:
    from nanobot.hub.context import Context
    from nanobot.hub.hub import Hub
    from nanobot.storage.credentials import Identity

INVALID_FORMAT = "invalid_format"
NOT_ALLOWED = "not_allowed"
NOT_FOUND = "not_found"
NOT_SUPPORTED = "not_supported"
HOME_ASSISTANT_ERROR = "home_assistant_error"
SERVICE_VALIDATION_ERROR = "service_validation_error"
TEMPLATE_ERROR = "template_error"
TIMEOUT = "timeout"
UNAUTHORIZED = "unauthorized"


@dataclass(frozen=True, slots=True)
class Translation:
    """Where clients of Home Assistant find the sentence of an error in the language of who reads it."""

    domain: str
    key: str
    placeholders: Mapping[str, str]


class SocketError(NanobotError):
    """A command that is answered with this error. ``code`` is one that Home Assistant's clients know."""

    def __init__(self, code: str, message: str, translation: Translation | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.translation = translation


class SocketConnection(ABC):
    """One client for as long as it stays connected. Nothing here ever waits for it."""

    hub: Hub
    identity: Identity

    @property
    @abstractmethod
    def subscriptions(self) -> Mapping[int, Callable[[], Any]]:
        """What lasts, by the id of the message that began it."""

    @abstractmethod
    def cause(self) -> Context:
        """A new context: this client is the cause of whatever happens in it."""

    @abstractmethod
    def encode(self, value: Any) -> bytes:
        """As JSON: states, events and contexts too, and whatever else has no form of its own as text."""

    @abstractmethod
    def tell(self, message: bytes, *, soon: bool = False) -> None:
        """Send one message that is JSON already. ``soon``: not together with what comes in the next milliseconds."""

    def teller(self) -> Callable[[bytes], None]:
        """``tell``, with as little between the two as can be: for what is told a thousand times a second."""
        return self.tell

    @abstractmethod
    def tell_result(self, message_id: int, result: Any) -> None:
        """Send the result of a message: anything JSON-able, or an ``orjson.Fragment``."""

    @abstractmethod
    def tell_error(self, message_id: int, code: str, message: str, translation: Translation | None = None) -> None:
        """Send an error for a message."""

    @abstractmethod
    def subscribe(self, call: SocketCall, undo: Callable[[], Any]) -> None:
        """Keep a subscription until the client, the connection or the command ends. Raises ``SocketError``."""

    @abstractmethod
    def coalesce(self, yes: bool) -> None:
        """Whether the client takes several messages in one frame, as a JSON list."""

    @abstractmethod
    def unsubscribe(self, message_id: int) -> bool:
        """End a subscription. False: there is none of that id."""


class SocketCall:
    """One message of a client. ``data`` has passed the schema and is without ``id`` and ``type``."""

    __slots__ = ("_context", "_head", "answered", "command", "connection", "data", "id")

    def __init__(
        self,
        connection: SocketConnection,
        message_id: int,
        command: SocketCommand,
        data: Mapping[str, Any],
    ) -> None:
        self.connection = connection
        self.id = message_id
        self.command = command
        self.data = data
        self.answered = False
        self._context: Context | None = None
        self._head: bytes | None = None

    @property
    def context(self) -> Context:
        """The cause of whatever this message brings about. Made when it is first asked for: most messages only ask."""
        if self._context is None:
            self._context = self.connection.cause()
        return self._context

    @property
    def hub(self) -> Hub:
        """The hub that is asked."""
        return self.connection.hub

    @property
    def identity(self) -> Identity:
        """Who asks."""
        return self.connection.identity

    def answer(self, result: Any = None) -> None:
        """Send the result now; what the handler returns later is not sent."""
        self.answered = True
        self.connection.tell_result(self.id, result)

    def event(self, event: Any) -> None:
        """Send an event of this subscription: anything JSON-able, or an ``orjson.Fragment``."""
        self.event_bytes(self.connection.encode(event))

    def event_bytes(self, event: bytes) -> None:
        """Send an event of this subscription that is JSON already."""
        if self._head is None:
            self._head = self.event_head()
        self.connection.tell(self._head + event + b"}")

    def event_head(self) -> bytes:
        """How each event of this subscription begins; then comes the event as JSON, and a brace."""
        return b'{"id":%d,"type":"event","event":' % self.id

    def subscribe(self, undo: Callable[[], Any], result: Any = None) -> None:
        """Keep a subscription: ``undo`` is called once when it ends, however that comes. Answers with ``result``.

        Raises ``SocketError`` when the client has too many; ``undo`` was called then.
        """
        self.connection.subscribe(self, undo)
        self.answer(result)


Handler = Callable[[SocketCall], Awaitable[Any] | Any]


@dataclass(frozen=True, slots=True, eq=False)
class SocketCommand:
    """Added with ``entry.add(...)``. ``handler(call)`` gives the result, or raises.

    A plain function runs before the next message is read; a coroutine function as a task, so results may come in
    another order. A ``NanobotError`` becomes an error with its sentence, ``vol.Invalid`` one of the format; of
    anything else the client learns nothing.
    """

    type: str
    handler: Handler
    access: Access
    schema: vol.Schema | None = None
    """Of the message without ``id`` and ``type``; None: it holds nothing else."""
    scoped: bool = False
    """It applies the allow lists of a token itself, or shows nothing that they are about. Others are closed to tokens
    that have such lists."""
