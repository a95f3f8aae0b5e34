"""Signing in step by step, as Home Assistant's clients do it (2025.4): who, the code of an app, and then a code for
the client, which it exchanges once."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from nanobot.errors import Busy, NanobotError
from nanobot.hub.hub import Hub
from nanobot.storage.credentials import User
from nanobot.util.aio import in_thread

from .limiter import Limiter

PASSWORD = "homeassistant"  # noqa: S105 - the name of a way to sign in, known to clients
TRUSTED = "trusted_networks"
NAMES = {PASSWORD: "Home Assistant Local", TRUSTED: "Trusted Networks"}
LASTS = 600.0  # s for a sign-in to be finished, and for a code to be used
MAX_FLOWS = 1000
MAX_FLOWS_OF_ONE = 20
MAX_CHECKS = 8  # passwords that are being checked at a time
MAX_CODES_WRONG = 3

_T = TypeVar("_T")


@dataclass(slots=True)
class Flow:
    """Somebody who is signing in. ``user`` is known once the password was right."""

    id: str
    provider: str
    client_id: str
    peer: str
    begun: float
    usernames: tuple[str, ...] = ()
    """Who may be chosen, where no password is asked for."""
    user: User | None = None
    wrong: int = 0


@dataclass(frozen=True, slots=True)
class Granted:
    """What a code is worth."""

    user_id: str
    client_id: str
    provider: str
    until: float
    password: str | None = field(default=None, repr=False)
    """The one that was right, as it is kept: with a new one, what was signed in with the old one ends."""


class Flows:
    """In memory: whoever was signing in while the hub restarts begins again."""

    def __init__(self, hub: Hub, limiter: Limiter, time: Callable[[], float]) -> None:
        self._people = hub.credentials.people
        self._limiter = limiter
        self._time = time
        self._flows: dict[str, Flow] = {}
        self._codes: dict[str, Granted] = {}
        self._checking = 0

    def begin(self, provider: str, client_id: str, peer: str, usernames: list[str]) -> dict[str, Any]:
        """The first step. Raises ``Busy`` when far too many sign in at once."""
        self._forget()
        mine = [flow for flow in self._flows.values() if flow.peer == peer]
        for flow in mine[: max(0, len(mine) - MAX_FLOWS_OF_ONE + 1)]:
            del self._flows[flow.id]
        if len(self._flows) >= MAX_FLOWS:
            raise Busy("too many people are signing in; try again in some minutes")
        flow = Flow(secrets.token_hex(16), provider, client_id, peer, self._now(), tuple(usernames))
        self._flows[flow.id] = flow
        return self._form(flow)

    def find(self, flow_id: str) -> Flow | None:
        """The sign-in of that id, None when there is none (any more)."""
        self._forget()
        return self._flows.get(flow_id)

    def abort(self, flow: Flow) -> None:
        """Forget it."""
        self._flows.pop(flow.id, None)

    async def answer(self, flow: Flow, data: Mapping[str, Any]) -> dict[str, Any]:
        """The next step, or the code. Raises ``WebError`` 429, and ``KeyError`` for data that does not fit."""
        if flow.user is not None:
            return await self._second(flow, flow.user, _text(data, "code"))
        if flow.provider == TRUSTED:
            name = _text(data, "user")
            if name not in flow.usernames:
                return self._form(flow, "invalid_auth")
            return self._done(flow, self._people.named(name))
        username, password = _text(data, "username"), _text(data, "password")
        user = await self._checked(flow.peer, lambda: self._people.with_password(username, password))
        if user is None:
            return self._form(flow, "invalid_auth")
        if user.totp is not None:
            flow.user = user
            return self._form(flow)
        return self._done(flow, user)

    async def _second(self, flow: Flow, user: User, code: str) -> dict[str, Any]:
        if await self._checked(flow.peer, lambda: self._people.use_code(user.id, code)):
            return self._done(flow, user)
        flow.wrong += 1
        if flow.wrong >= MAX_CODES_WRONG:
            self.abort(flow)
            return {"type": "abort", "flow_id": flow.id, "handler": [flow.provider, None], "reason": "too_many_retry"}
        return self._form(flow, "invalid_code")

    async def _checked(self, peer: str, check: Callable[[], _T]) -> _T:
        """The outcome of a check that takes a while. It counts as wrong until it was right."""
        self._limiter.check(peer)
        if self._checking >= MAX_CHECKS:
            raise Busy("too many people are signing in; try again in a moment")
        self._checking += 1
        self._limiter.reserve(peer)
        try:
            found = await in_thread(check)
        finally:
            self._checking -= 1
        if found:
            self._limiter.forgive(peer)
        else:
            self._limiter.strike(peer)
        return found

    def redeem(self, code: str, client_id: str) -> Granted | None:
        """What a code is worth to this client; once, whether it was the right client or not."""
        granted = self._codes.pop(_key(code), None)
        if granted is None or granted.client_id != client_id or self._now() >= granted.until:
            return None
        user = self._people.get(granted.user_id)
        return granted if user is None or user.password == granted.password else None

    def _done(self, flow: Flow, user: User) -> dict[str, Any]:
        if self._flows.pop(flow.id, None) is None:
            raise NanobotError("this sign-in is over")
        code = secrets.token_urlsafe(32)
        self._codes[_key(code)] = Granted(user.id, flow.client_id, flow.provider, self._now() + LASTS, user.password)
        while len(self._codes) > MAX_FLOWS:
            del self._codes[next(iter(self._codes))]
        return {
            "version": 1,
            "minor_version": 1,
            "type": "create_entry",
            "flow_id": flow.id,
            "handler": [flow.provider, None],
            "title": NAMES[flow.provider],
            "description": None,
            "description_placeholders": None,
            "options": {},
            "result": code,
        }

    def _form(self, flow: Flow, error: str | None = None) -> dict[str, Any]:
        step, placeholders = "init", None
        fields: list[dict[str, Any]]
        if flow.user is not None:
            step, fields = "mfa", [_field("code")]
            placeholders = {"mfa_module_name": "Authenticator app", "mfa_module_id": "totp"}
        elif flow.provider == TRUSTED:
            options = [[name, self._people.named(name).name] for name in flow.usernames]
            fields = [{"type": "select", "options": options, "name": "user", "required": True}]
        else:
            fields = [_field("username"), _field("password")]
        return {
            "type": "form",
            "flow_id": flow.id,
            "handler": [flow.provider, None],
            "step_id": step,
            "data_schema": fields,
            "errors": {"base": error} if error else {},
            "description_placeholders": placeholders,
            "last_step": None,
            "preview": None,
        }

    def _now(self) -> float:
        return self._time()

    def _forget(self) -> None:
        before = self._now() - LASTS
        for flow in [flow for flow in self._flows.values() if flow.begun < before]:
            del self._flows[flow.id]


def _field(name: str) -> dict[str, Any]:
    return {"type": "string", "name": name, "required": True}


def _text(data: Mapping[str, Any], key: str) -> str:
    value = data[key]
    if not isinstance(value, str):
        raise KeyError(key)
    return value


def _key(code: str) -> str:
    # looked up by its hash, so that the time of the comparison tells nothing
    return hashlib.sha256(code.encode("utf-8", "surrogatepass")).hexdigest()
