"""Who is signed in, the people, and the tokens: each makes, lists and takes back their own."""

from __future__ import annotations

from functools import partial
from typing import Any

import voluptuous as vol

from nanobot.config import validators as cv
from nanobot.contracts import socket_command as sc
from nanobot.contracts.socket_command import SocketCall, SocketCommand, SocketError
from nanobot.contracts.view import Access
from nanobot.errors import NanobotError
from nanobot.storage.credentials import DAY, SIGNATURE, Credential, Kind, Role
from nanobot.util.aio import in_thread
from nanobot.util.dt import iso

_GROUPS = {Role.OWNER: "system-admin", Role.USER: "system-users", Role.READ_ONLY: "system-read-only"}
DAYS = 3650  # that a token lasts when nothing else is said, as in Home Assistant


MAX_SIGNED = 10 * 365 * 86400  # s that a signed path may open something


def current_user(call: SocketCall) -> Any:
    """Who is signed in. A person is called by their name, a program by that of its token."""
    identity = call.identity
    user = call.hub.credentials.people.get(identity.user_id)
    is_person = identity.kind is Kind.REFRESH and user is not None
    providers = [{"auth_provider_type": "homeassistant", "auth_provider_id": None}] if user and user.password else []
    totp = {"id": "totp", "name": "Authenticator app", "enabled": bool(user and user.totp)}
    return {
        "id": identity.user_id,
        "name": user.name if is_person and user else identity.name,
        "is_owner": identity.user_id == call.hub.credentials.owner_id and identity.may(Access.ADMIN),
        "is_admin": identity.may(Access.ADMIN),
        "credentials": providers,
        "mfa_modules": [totp] if providers else [],
    }


def users(call: SocketCall) -> Any:
    """The people."""
    return [
        {
            "id": one.id,
            "username": one.username,
            "name": one.name,
            "is_owner": one.id == call.hub.credentials.owner_id,
            "is_active": True,
            "local_only": False,
            "system_generated": False,
            "group_ids": [_GROUPS[one.role]],
            "credentials": [{"type": "homeassistant"}] if one.password else [],
        }
        for one in call.hub.credentials.people.all()
    ]


async def make_token(call: SocketCall) -> Any:
    """A token with the access of whoever asks; this is the only time that it can be seen."""
    identity, days = call.identity, call.data["lifespan"]
    by = _token_of(call)
    if by is not None and not identity.may(Access.ADMIN):
        # it could outlive itself
        raise SocketError(sc.UNAUTHORIZED, "a token that may not do everything makes no other; sign in for that")
    if by is not None and by.expires is not None:
        days = min(days, (by.expires - call.hub.clock.time()) / DAY)
    create = partial(call.hub.credentials.create, days=days, user_id=identity.user_id)
    return await in_thread(create, call.data["client_name"], identity.access)


def tokens(call: SocketCall) -> Any:
    """The tokens and sessions of whoever asks, but none that may do more."""
    return [_shape(one, call.identity.id) for one in _own(call)]


async def delete_token(call: SocketCall) -> Any:
    """Take one back. What it has open is closed. A token that may not do everything takes back itself alone."""
    wanted, by = call.data["refresh_token_id"], _token_of(call)
    known = next((one for one in _own(call) if one.id == wanted), None)
    if known is None:
        raise SocketError("invalid_token_id", "Received invalid token")
    if by is not None and not call.identity.may(Access.ADMIN) and by.id not in (known.id, known.by):
        raise SocketError(sc.UNAUTHORIZED, "a token that may not do everything ends no other; sign in for that")
    try:
        await in_thread(call.hub.credentials.revoke, wanted)
    except NanobotError as error:
        raise SocketError("invalid_token_id", str(error)) from error
    return {}


def sign_path(call: SocketCall) -> Any:
    """An address that opens what the client may read there, without a header, for a while."""
    path = call.data["path"]
    if not path.startswith("/") or path.startswith("//") or f"{SIGNATURE}=" in path or "#" in path:
        raise SocketError(sc.INVALID_FORMAT, "the path has to be one of this server, like '/api/states'")
    signature = call.hub.credentials.sign_path(call.identity.id, path, call.data["expires"])
    return {"path": f"{path}{'&' if '?' in path else '?'}{SIGNATURE}={signature}"}


def _token_of(call: SocketCall) -> Credential | None:
    """The token that whoever asks has shown, also where a browser was signed in with it; None for people."""
    known = {one.id: one for one in call.hub.credentials.known()}
    shown = known.get(call.identity.id)
    if shown is not None and shown.by is not None:
        shown = known.get(shown.by)
    return shown if shown is not None and shown.kind is Kind.TOKEN else None


def _own(call: SocketCall) -> list[Credential]:
    identity = call.identity
    return [one for one in call.hub.credentials.known() if one.user_id == identity.user_id and identity.may(one.access)]


def _shape(one: Credential, current: str) -> dict[str, Any]:
    is_token = one.kind is Kind.TOKEN
    return {
        "auth_provider_type": one.provider,
        "client_icon": None,
        "client_id": one.client_id,
        "client_name": one.name,
        "created_at": iso(one.created),
        "expire_at": None if one.expires is None else iso(one.expires),
        "id": one.id,
        "is_current": one.id == current,
        "last_used_at": None if one.used is None else iso(one.used),
        "last_used_ip": None,
        "type": "long_lived_access_token" if is_token else "normal",
    }


COMMANDS = [
    SocketCommand("auth/current_user", current_user, Access.READ, scoped=True),
    SocketCommand("config/auth/list", users, Access.ADMIN),
    SocketCommand(
        "auth/long_lived_access_token",
        make_token,
        Access.READ,
        vol.Schema(
            {
                vol.Required("client_name"): cv.string,
                vol.Optional("lifespan", default=DAYS): cv.positive_int,
                vol.Optional("client_icon"): vol.Any(str, None),
            }
        ),
    ),
    SocketCommand("auth/refresh_tokens", tokens, Access.READ),
    SocketCommand(
        "auth/delete_refresh_token", delete_token, Access.READ, vol.Schema({vol.Required("refresh_token_id"): str})
    ),
    SocketCommand(
        "auth/sign_path",
        sign_path,
        Access.READ,
        vol.Schema(
            {
                vol.Required("path"): vol.All(str, vol.Length(max=2048)),
                vol.Optional("expires", default=30): vol.All(cv.positive_int, vol.Range(min=1, max=MAX_SIGNED)),
            }
        ),
        scoped=True,
    ),
]
