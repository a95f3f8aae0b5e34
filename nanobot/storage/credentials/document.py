"""The content of ``auth.json`` at one time: read, looked up, and written."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from nanobot.contracts.view import Access

from .records import Ban, Credential, Kind, Role, User
from .rights import Rights, Scope, lesser

VERSION = 2
READ_VERSIONS = (1, VERSION)
"""Those of before had no users, scopes and bans."""
KEY_BYTES = 32


def new_key() -> str:
    """A key to sign with."""
    return secrets.token_hex(KEY_BYTES)


@dataclass(frozen=True, slots=True)
class Generation:
    """All there is, and for each credential of somebody who is still there what it opens."""

    owner_id: str
    claimed: bool
    key: str = field(repr=False)
    """What access tokens and signed paths are signed with."""
    users: dict[str, User]
    by_id: dict[str, Credential]
    by_hash: dict[str, Credential]
    rights: dict[str, Rights]
    bans: dict[str, Ban]

    @classmethod
    def of(
        cls,
        owner_id: str,
        claimed: bool,
        key: str,
        credentials: Iterable[Credential] = (),
        users: Iterable[User] = (),
        bans: Iterable[Ban] = (),
    ) -> Generation:
        people = {one.id: one for one in users}
        people.setdefault(owner_id, User(owner_id, "Owner", Role.OWNER))
        by_id = {one.id: one for one in credentials}
        rights = {
            one.id: Rights(lesser(one.access, user.role.access), one.scope)
            for one in by_id.values()
            if (user := people.get(one.user_id)) is not None
        }
        by_hash = {one.hash: one for one in by_id.values()}
        return cls(owner_id, claimed, key, people, by_id, by_hash, rights, {one.network: one for one in bans})

    def of_kind(self, *kinds: Kind) -> list[Credential]:
        """The credentials of these kinds."""
        return [one for one in self.by_id.values() if one.kind in kinds]


def parsed(data: dict[str, Any], fallback_key: str) -> Generation:
    """Raises ``KeyError``, ``TypeError`` or ``ValueError`` for what is no such document."""
    if data.get("version") not in READ_VERSIONS:
        raise ValueError(f"auth.json was written by another version ({data.get('version')})")
    owner_id = str(data["owner_id"])
    return Generation.of(
        owner_id,
        bool(data["claimed"]),
        str(data.get("key") or fallback_key),
        [_credential(one, owner_id) for one in data["credentials"]],
        [_user(one) for one in data.get("users", ())],
        [Ban(str(network), float(since)) for network, since in data.get("bans", {}).items()],
    )


def written(generation: Generation) -> dict[str, Any]:
    """What ``parsed`` reads."""
    return {
        "version": VERSION,
        "owner_id": generation.owner_id,
        "claimed": generation.claimed,
        "key": generation.key,
        "users": [
            {
                "id": one.id,
                "name": one.name,
                "role": one.role.value,
                "username": one.username,
                "password": one.password,
                "totp": one.totp,
                "totp_used": one.totp_used,
            }
            for one in generation.users.values()
        ],
        "credentials": [
            {
                "id": one.id,
                "kind": one.kind.value,
                "name": one.name,
                "access": one.access.value,
                "hash": one.hash,
                "user_id": one.user_id,
                "created": one.created,
                "expires": one.expires,
                "used": one.used,
                "by": one.by,
                "services": one.scope.services,
                "events": one.scope.events,
                "entities": one.scope.entities,
                "client_id": one.client_id,
                "provider": one.provider,
            }
            for one in generation.by_id.values()
        ],
        "bans": {one.network: one.since for one in generation.bans.values()},
    }


def _credential(one: dict[str, Any], owner_id: str) -> Credential:
    return Credential(
        id=str(one["id"]),
        kind=Kind(one["kind"]),
        name=str(one["name"]),
        access=Access(one["access"]),
        hash=str(one["hash"]),
        created=float(one["created"]),
        user_id=str(one.get("user_id") or owner_id),
        expires=None if one["expires"] is None else float(one["expires"]),
        used=None if one["used"] is None else float(one["used"]),
        by=_text(one.get("by")),
        scope=Scope(_globs(one.get("services")), _globs(one.get("events")), _globs(one.get("entities"))),
        client_id=_text(one.get("client_id")),
        provider=_text(one.get("provider")),
    )


def _user(one: dict[str, Any]) -> User:
    return User(
        id=str(one["id"]),
        name=str(one["name"]),
        role=Role(one["role"]),
        username=_text(one["username"]),
        password=_text(one["password"]),
        totp=_text(one["totp"]),
        totp_used=int(one["totp_used"]),
    )


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


def _globs(value: Any) -> tuple[str, ...] | None:
    return None if value is None else tuple(str(one) for one in value)
