"""Events: who follows them, and who fires one."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from typing import Any

import voluptuous as vol

from nanobot.config import validators as cv
from nanobot.contracts import socket_command as sc
from nanobot.contracts.socket_command import SocketCall, SocketCommand, SocketError
from nanobot.contracts.view import Access
from nanobot.hub.bus import ALL, Bus, Event
from nanobot.hub.shapes import event_json
from nanobot.hub.states import STATE_CHANGED, as_change

from .. import fields

Put = Callable[[bytes], None]

_log = logging.getLogger("nanobot.websocket_api")


class Followers:
    """The clients that follow one type of events, or all, without a limit of their rights.

    The bus tells them together: what goes to those whose messages have the same id is the same bytes, made once.
    """

    def __init__(self, bus: Bus, event_type: str) -> None:
        self._by_id: dict[int, tuple[bytes, tuple[Put, ...]]] = {}
        """How the messages begin, and where they go: in the order of the ids, so that each client is told in the order
        of its subscriptions. Never changed in place: it may be that somebody is being told."""
        self.leave_bus = bus.listen(event_type, self._tell)

    def __bool__(self) -> bool:
        return bool(self._by_id)

    def add(self, call: SocketCall, put: Put) -> None:
        """One more."""
        _, puts = self._by_id.get(call.id, (b"", ()))
        self._by_id = dict(sorted({**self._by_id, call.id: (call.event_head(), (*puts, put))}.items()))

    def remove(self, call: SocketCall, put: Put) -> None:
        """One less."""
        head, puts = self._by_id[call.id]
        left = list(puts)
        left.remove(put)
        self._by_id = {**self._by_id, call.id: (head, tuple(left))}
        if not left:
            del self._by_id[call.id]

    def _tell(self, event: Event) -> None:
        json = event.json or event_json(event)
        for head, puts in self._by_id.values():
            message = b"%b%b}" % (head, json)
            for put in puts:
                try:
                    put(message)
                except Exception:  # one client must not keep the event from the others
                    _log.exception("a client was not told of %s", event.type)


class EventCommands:
    """``subscribe_events``, with what its subscribers share, and the commands beside it."""

    def __init__(self) -> None:
        self._followers: dict[str, Followers] = {}

    def commands(self) -> list[SocketCommand]:
        """All of them."""
        event_type, data = fields.event_type, fields.mapping
        followed = vol.Schema({vol.Optional("event_type"): event_type})
        ended = vol.Schema({vol.Required("subscription"): cv.positive_int})
        fired = vol.Schema({vol.Required("event_type"): event_type, vol.Optional("event_data"): data})
        return [
            SocketCommand("subscribe_events", self.subscribe, Access.READ, followed, scoped=True),
            SocketCommand("unsubscribe_events", unsubscribe, Access.READ, ended, scoped=True),
            SocketCommand("fire_event", fire, Access.ADMIN, fired, scoped=True),
        ]

    def subscribe(self, call: SocketCall) -> None:
        """Be told each event of one type, or all."""
        event_type, rights = call.data.get("event_type", ALL), call.identity.rights
        if event_type != ALL and not rights.may_hear(event_type):
            raise SocketError(sc.UNAUTHORIZED, f"{call.identity.name} may not be told of {event_type}")
        if rights.is_narrow or (event_type == ALL and not rights.may(Access.USER)):
            call.subscribe(call.hub.bus.listen(event_type, _teller_of_some(call)))
            return
        followers = self._followers.get(event_type)
        if followers is None:
            followers = self._followers[event_type] = Followers(call.hub.bus, event_type)
        put = call.connection.teller()
        followers.add(call, put)
        call.subscribe(partial(self._leave, event_type, call, put))

    def _leave(self, event_type: str, call: SocketCall, put: Put) -> None:
        followers = self._followers[event_type]
        followers.remove(call, put)
        if not followers:
            followers.leave_bus()
            del self._followers[event_type]


def _teller_of_some(call: SocketCall) -> Callable[[Event], None]:
    put, head, rights = call.connection.teller(), call.event_head(), call.identity.rights

    def tell(event: Event) -> None:
        if rights.may_hear_event(event.type, event.data):
            put(b"%b%b}" % (head, event.json or event_json(event)))

    return tell


def unsubscribe(call: SocketCall) -> None:
    """End a subscription, of whatever kind."""
    if not call.connection.unsubscribe(call.data["subscription"]):
        raise SocketError(sc.NOT_FOUND, "Subscription not found.")


def fire(call: SocketCall) -> Any:
    """Tell everybody something."""
    event_type, event_data = call.data["event_type"], call.data.get("event_data")
    if not call.identity.rights.may_fire(event_type):
        raise SocketError(sc.UNAUTHORIZED, f"{call.identity.name} may not fire {event_type}")
    if event_type == STATE_CHANGED:
        try:
            event_data = as_change(event_data or {})
        except ValueError as error:
            raise SocketError(sc.INVALID_FORMAT, str(error)) from error
    context = call.context
    call.hub.bus.fire(event_type, event_data, context)
    return {"context": context.as_dict()}
