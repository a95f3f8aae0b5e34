"""One client that has signed in: its messages in, results and events out."""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import Callable, Coroutine, Iterable, Mapping
from typing import Any

import orjson
import voluptuous as vol

from nanobot.config.explain import MOST_TOLD, explain
from nanobot.config.quick import Check, quick
from nanobot.contracts import socket_command as sc
from nanobot.contracts.socket_command import SocketCall, SocketCommand, SocketConnection, SocketError, Translation
from nanobot.errors import InvalidServiceData, NanobotError, Refused, ServiceNotFound
from nanobot.hub.context import Context
from nanobot.hub.entry import Entry
from nanobot.hub.hub import Hub
from nanobot.hub.shapes import to_json
from nanobot.storage.credentials import Identity
from nanobot.util.aio import is_coroutine_function

from .outbox import Outbox

MAX_SUBSCRIPTIONS = 1024
MAX_AT_WORK = 512  # commands that have not ended
LONGEST_REST = 1.0  # s for which a client that asks too often is not listened to
TURN = 32  # messages of one client, and then it is the turn of others
TOO_MANY_REQUESTS = "too_many_requests"
MAX_ID = 2**53 - 1  # what every client can read back

_log = logging.getLogger("nanobot.websocket_api")
_EMPTY = vol.Schema({})


class Ready:
    """A command as the inner loop wants it."""

    __slots__ = ("access", "check", "command", "handler", "is_coroutine", "scoped", "takes_nothing")

    def __init__(self, command: SocketCommand) -> None:
        self.command = command
        self.handler = command.handler
        self.access = command.access
        self.scoped = command.scoped
        self.takes_nothing = command.schema is None
        self.check: Check = quick(command.schema or _EMPTY)
        self.is_coroutine = is_coroutine_function(command.handler)


class Known:
    """The commands by their type, made ready when they are first asked for.

    ``stand_ins`` answer while no integration has brought a command of that type.
    """

    def __init__(self, hub: Hub, stand_ins: Iterable[SocketCommand] = ()) -> None:
        self._commands = hub.socket_commands
        self._stand_ins = {command.type: command for command in stand_ins}
        self._ready: dict[str, Ready] = {}

    def get(self, kind: str) -> Ready | None:
        """The command of that type, None when there is none."""
        ready = self._ready.get(kind)
        if ready is None:
            command = self._commands.get(kind) or self._stand_ins.get(kind)
            if command is not None:
                ready = self._ready[kind] = Ready(command)
        return ready

    def forget(self) -> None:
        """Commands have come or gone."""
        self._ready.clear()


class Connection(SocketConnection):
    """``handle`` takes one message of the client, or a list of them. It may change them."""

    def __init__(self, entry: Entry, identity: Identity, outbox: Outbox, known: Known) -> None:
        self.hub = entry.hub
        self.identity = identity
        self.outbox = outbox
        self._entry = entry
        self._known = known
        self._open: dict[str, Ready] = {}
        """The commands that this client has asked for and may use. Its rights stay the same as long as it is here."""
        self._last_id = 0
        self._handled = 0
        self._not_begun = 0
        self._subscriptions: dict[int, tuple[SocketCommand, Callable[[], Any]]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._user_id = identity.user_id
        self._actor = identity.actor
        self._rights = identity.rights
        self._take_turn = self.hub.credentials.rates.take
        self._credential = identity.id
        self._is_closed = False

    # -- from the client ------------------------------------------------------------------------

    async def handle(self, message: Any) -> None:
        """Do what a frame says. Whatever comes of it is sent; this raises nothing."""
        for one in message if type(message) is list else (message,):
            if self._is_closed:
                return
            if (wait := self._take_turn(self._credential)) > 0:
                await self._rest(one, wait)
                continue
            self.outbox.more()
            self._handled += 1
            if not self._take(one):
                await asyncio.sleep(0)  # what came before begins
                self._take(one)
            if self._handled % TURN == 0:
                await asyncio.sleep(0)

    def take_now(self, message: Any) -> bool:
        """``handle`` without a wait. False: nothing was done, and nothing can be without one."""
        if type(message) is list or self._is_closed or self._take_turn(self._credential) > 0:
            return False
        return self._take(message)

    async def _rest(self, message: Any, wait: float) -> None:
        """Nothing of this client is read for a while: what it writes meanwhile is its own to keep."""
        self.tell_error(
            _id_of(message), TOO_MANY_REQUESTS, f"too many requests with this token; try again in {wait:.1f} s"
        )
        await asyncio.sleep(min(wait, LONGEST_REST))

    def _take(self, message: Any) -> bool:
        """False: nothing was done, for something that came before has not begun yet."""
        try:
            message_id, kind = message["id"], message["type"]
        except (KeyError, TypeError):
            return self._not_understood(message)
        if type(message_id) is not int or not 0 <= message_id <= MAX_ID or type(kind) is not str or not kind:
            return self._not_understood(message)
        if message_id <= self._last_id:
            self.tell_error(message_id, "id_reuse", "Identifier values have to increase.")
            return True
        if kind == "ping" and len(message) == 2 and not self._not_begun:  # no other is asked so often
            self._last_id = message_id
            self.outbox.put(b'{"id":%d,"type":"pong"}' % message_id, soon=True)
            return True
        ready = self._open.get(kind)
        is_new = ready is None
        if ready is None and (ready := self._known.get(kind)) is None:
            self.tell_error(message_id, "unknown_command", "Unknown command.")
            return True
        if self._not_begun and not ready.is_coroutine:
            return False
        self._last_id = message_id
        if is_new:
            if (refusal := self._refusal(kind, ready)) is not None:
                self.tell_error(message_id, sc.UNAUTHORIZED, refusal)
                return True
            self._open[kind] = ready
        del message["id"], message["type"]
        try:
            data = message if ready.takes_nothing and not message else ready.check(message)
            call = SocketCall(self, message_id, ready.command, data)
            result = ready.handler(call)
            if result is not None and inspect.iscoroutine(result):
                self._begin(call, message, result)
                return True
        except Exception as error:
            self._failed(message_id, ready.command, message, error)
            return True
        if not call.answered:
            self.tell_result(message_id, result)
        return True

    def _refusal(self, kind: str, ready: Ready) -> str | None:
        """Why the client may not use that command."""
        if not self.identity.may(ready.access):
            return f"this takes the access '{ready.access.value}', and {self.identity.name} has less"
        if self._rights.is_narrow and not ready.scoped:
            return f"{self.identity.name} is for some entities, events or services, and {kind} knows no such limits"
        return None

    def _not_understood(self, message: Any) -> bool:
        self.tell_error(_id_of(message), sc.INVALID_FORMAT, "Message incorrectly formatted.")
        return True

    def _begin(self, call: SocketCall, given: Mapping[str, Any], work: Coroutine[Any, Any, Any]) -> None:
        if len(self._tasks) >= MAX_AT_WORK:
            work.close()
            self.tell_error(call.id, sc.HOME_ASSISTANT_ERROR, f"{MAX_AT_WORK} commands are at work already")
            return
        self._not_begun += 1
        task = self._entry.spawn(self._work(call, given, work), call.command.type)
        if not task.done():
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _work(self, call: SocketCall, given: Mapping[str, Any], work: Coroutine[Any, Any, Any]) -> None:
        self._not_begun -= 1
        try:
            answer = await work
        except Exception as error:
            self._failed(call.id, call.command, given, error)
        else:
            if not call.answered:
                self.tell_result(call.id, answer)

    def _failed(self, message_id: int, command: SocketCommand, given: Mapping[str, Any], error: Exception) -> None:
        scrub = self.hub.scrubber.scrub
        translation = None
        match error:
            case SocketError():
                code, text, translation = error.code, scrub(str(error)), error.translation
            case vol.Invalid():
                code = sc.INVALID_FORMAT
                problems = explain(error, given, (), command.schema, scrub, most=MOST_TOLD)
                text = "; ".join(problem.told() for problem in problems)
            case ServiceNotFound() | NanobotError() if not isinstance(error, (InvalidServiceData, Refused)):
                code, text = sc.HOME_ASSISTANT_ERROR, scrub(str(error))
            case InvalidServiceData():
                code, text = sc.INVALID_FORMAT, scrub(str(error))
            case Refused():
                code, text = sc.UNAUTHORIZED, scrub(str(error))
            case TimeoutError():
                code, text = sc.TIMEOUT, "this took too long"
            case _:
                _log.error("%s failed: %s", command.type, scrub(str(error)), exc_info=error)
                code, text = "unknown_error", "something went wrong in nanobot; its log says what"
        self.tell_error(message_id, code, text, translation)

    # -- to the client --------------------------------------------------------------------------

    def cause(self) -> Context:
        return Context(user_id=self._user_id, actor=self._actor, rights=self._rights)

    def encode(self, value: Any) -> bytes:
        return to_json(value)

    def tell(self, message: bytes, *, soon: bool = False) -> None:
        self.outbox.put(message, soon=soon)

    def teller(self) -> Callable[[bytes], None]:
        return self.outbox.put

    def tell_result(self, message_id: int, result: Any) -> None:
        body = b"null" if result is None else to_json(result)
        self.outbox.put(b'{"id":%d,"type":"result","success":true,"result":%b}' % (message_id, body), soon=True)

    def tell_error(self, message_id: int, code: str, message: str, translation: Translation | None = None) -> None:
        told: dict[str, Any] = {"code": code, "message": message}
        if translation is not None:
            told["translation_key"] = translation.key
            told["translation_domain"] = translation.domain
            told["translation_placeholders"] = translation.placeholders
        error = to_json(told)
        self.outbox.put(b'{"id":%d,"type":"result","success":false,"error":%b}' % (message_id, error), soon=True)

    def coalesce(self, yes: bool) -> None:
        self.outbox.coalesces = yes

    # -- what lasts -----------------------------------------------------------------------------

    @property
    def subscriptions(self) -> Mapping[int, Callable[[], Any]]:
        return {message_id: undo for message_id, (_, undo) in self._subscriptions.items()}

    def subscribe(self, call: SocketCall, undo: Callable[[], Any]) -> None:
        if self._is_closed or len(self._subscriptions) >= MAX_SUBSCRIPTIONS:
            undo()
            raise SocketError(sc.HOME_ASSISTANT_ERROR, f"there are {MAX_SUBSCRIPTIONS} subscriptions already")
        self._subscriptions[call.id] = (call.command, undo)

    def unsubscribe(self, message_id: int) -> bool:
        found = self._subscriptions.pop(message_id, None)
        if found is None:
            return False
        self._end(message_id, *found)
        return True

    def commands_changed(self) -> None:
        """End the subscriptions to commands that are gone."""
        self._open.clear()
        for message_id, (command, _) in list(self._subscriptions.items()):
            ready = self._known.get(command.type)
            if ready is None or ready.command is not command:
                self.unsubscribe(message_id)

    def close(self) -> None:
        """The client is gone: end what it has begun. A service that it called goes on."""
        if self._is_closed:
            return
        self._is_closed = True
        self.outbox.close()
        for message_id in list(self._subscriptions):
            self.unsubscribe(message_id)

    def _end(self, message_id: int, command: SocketCommand, undo: Callable[[], Any]) -> None:
        try:
            result = undo()
        except Exception:  # one subscription must not keep the others
            _log.exception("ending the subscription %s to %s failed", message_id, command.type)
            return
        if inspect.iscoroutine(result):
            self._entry.spawn(result, f"end of {command.type}")


def _id_of(message: Any) -> int:
    """What an answer to it is numbered with; 0 where it has no number."""
    given = message.get("id") if isinstance(message, dict) else None
    return given if type(given) is int and -MAX_ID <= given <= MAX_ID else 0


def parse(text: str | bytes | bytearray) -> Any:
    """The JSON of a frame. Raises ``ValueError``."""
    return orjson.loads(text)
