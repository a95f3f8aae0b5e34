"""Who is signed in, and the tokens: they are made, listed and taken back by somebody who may do everything."""

from __future__ import annotations

from typing import Any

import voluptuous as vol

from nanobot.config import validators as cv
from nanobot.contracts.socket_command import SocketCall, SocketCommand, SocketError
from nanobot.contracts.view import Access
from nanobot.errors import NanobotError
from nanobot.storage.credentials import Credential, Kind
from nanobot.util.aio import in_thread
from nanobot.util.dt import iso

DAYS = 3650  # that a token lasts when nothing else is said, as in Home Assistant


def current_user(call: SocketCall) -> Any:
    """Who is signed in."""
    identity = call.identity
    return {
        "id": identity.user_id,
        "name": identity.name,
        "is_owner": identity.user_id == call.hub.credentials.owner_id and identity.may(Access.ADMIN),
        "is_admin": identity.may(Access.ADMIN),
        "credentials": [],
        "mfa_modules": [],
    }


def users(call: SocketCall) -> Any:
    """The people: this hub belongs to one."""
    return [
        {
            "id": call.hub.credentials.owner_id,
            "username": None,
            "name": "Owner",
            "is_owner": True,
            "is_active": True,
            "local_only": False,
            "system_generated": False,
            "group_ids": ["system-admin"],
            "credentials": [],
        }
    ]


async def make_token(call: SocketCall) -> Any:
    """A token with the access of whoever asks; this is the only time that it can be seen."""
    make, name, days = call.hub.credentials.create, call.data["client_name"], call.data["lifespan"]
    return await in_thread(lambda: make(name, call.identity.access, days=days))


def tokens(call: SocketCall) -> Any:
    """The tokens and browser sessions."""
    return [_shape(one, call.identity.id) for one in call.hub.credentials.known()]


async def delete_token(call: SocketCall) -> Any:
    """Take one back. What it has open is closed."""
    wanted = call.data["refresh_token_id"]
    if all(one.id != wanted for one in call.hub.credentials.known()):
        raise SocketError("invalid_token_id", "Received invalid token")
    try:
        await in_thread(call.hub.credentials.revoke, wanted)
    except NanobotError as error:
        raise SocketError("invalid_token_id", str(error)) from error
    return {}


def _shape(one: Credential, current: str) -> dict[str, Any]:
    is_token = one.kind is Kind.TOKEN
    return {
        "auth_provider_type": None,
        "client_icon": None,
        "client_id": None,
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
        Access.ADMIN,
        vol.Schema(
            {
                vol.Required("client_name"): cv.string,
                vol.Optional("lifespan", default=DAYS): cv.positive_int,
                vol.Optional("client_icon"): vol.Any(str, None),
            }
        ),
    ),
    SocketCommand("auth/refresh_tokens", tokens, Access.ADMIN),
    SocketCommand(
        "auth/delete_refresh_token", delete_token, Access.ADMIN, vol.Schema({vol.Required("refresh_token_id"): str})
    ),
]
