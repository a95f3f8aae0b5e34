"""Who may come in, and what that opens: people, long-lived tokens, sessions, links and bans, in ``auth.json``.

Secrets of 256 random bits are kept as their SHA-256, passwords by scrypt; the file is its owner's alone.
"""

from __future__ import annotations

from .bans import Bans
from .rates import BURST, PER_SECOND, Rates
from .records import Ban, Credential, Identity, Kind, Role, User
from .rights import EVERYTHING, READABLE, Rights, Scope
from .signing import ACCESS_SECONDS, SIGNATURE
from .tokens import CLAIM_SECONDS, DAY, MAX_SESSIONS, SESSION_DAYS, Credentials

__all__ = [
    "ACCESS_SECONDS",
    "BURST",
    "CLAIM_SECONDS",
    "DAY",
    "EVERYTHING",
    "MAX_SESSIONS",
    "PER_SECOND",
    "READABLE",
    "SESSION_DAYS",
    "SIGNATURE",
    "Ban",
    "Bans",
    "Credential",
    "Credentials",
    "Identity",
    "Kind",
    "Rates",
    "Rights",
    "Role",
    "Scope",
    "User",
]
