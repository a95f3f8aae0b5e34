"""What is kept of people and of what they sign in with. Times are seconds since the epoch."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from nanobot.contracts.view import Access

from .rights import EVERYTHING, Rights, Scope


class Kind(StrEnum):
    """What a credential is for."""

    TOKEN = "token"  # noqa: S105 - a word, not a secret
    SESSION = "session"
    REFRESH = "refresh"
    """Of a client that signed in with the pages of Home Assistant's clients: it opens access tokens."""
    CLAIM = "claim"


class Role(StrEnum):
    """What a person may do."""

    OWNER = "owner"
    USER = "user"
    READ_ONLY = "read-only"

    @property
    def access(self) -> Access:
        """The most that anything of this person opens."""
        return {Role.OWNER: Access.ADMIN, Role.USER: Access.USER, Role.READ_ONLY: Access.READ}[self]


@dataclass(frozen=True, slots=True)
class User:
    """A person. Without ``username`` nobody can sign in with a password as this one."""

    id: str
    name: str
    role: Role
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    """Hashed, see ``passwords``."""
    totp: str | None = field(default=None, repr=False)
    """The secret shared with an authenticator app, in base 32."""
    totp_used: int = 0
    """The time step of the last code: none up to it works again."""


@dataclass(frozen=True, slots=True)
class Credential:
    """What is kept of a token, session or link; never the secret itself."""

    id: str
    kind: Kind
    name: str
    access: Access
    hash: str = field(repr=False)
    created: float
    user_id: str = ""
    expires: float | None = None
    used: float | None = None
    by: str | None = None
    """Of a session: the id of the token that it was opened with. It ends with that one."""
    scope: Scope = EVERYTHING
    client_id: str | None = None
    """Of a client that was signed in: the address that it calls itself by."""
    provider: str | None = None
    """Of the same: how the person signed in."""

    def is_valid(self, now: float) -> bool:
        """Whether it has not expired."""
        return self.expires is None or now < self.expires


@dataclass(frozen=True, slots=True)
class Ban:
    """A network that guessed too often."""

    network: str
    since: float


@dataclass(frozen=True, slots=True)
class Identity:
    """Who asks, as far as the presented credential says, and what that opens."""

    id: str
    name: str
    kind: Kind
    rights: Rights
    user_id: str

    @property
    def access(self) -> Access:
        """The level of the rights."""
        return self.rights.access

    @property
    def actor(self) -> str:
        """The word for it in a context: a person who has signed in, or a program."""
        return "token" if self.kind is Kind.TOKEN else "user"

    def may(self, access: Access) -> bool:
        """Whether a route or command of that access is open to it."""
        return self.rights.may(access)
