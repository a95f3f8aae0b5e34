"""One-time codes of authenticator apps (RFC 6238: SHA-1, six digits, 30 seconds)."""

from __future__ import annotations

import base64
import hmac
import secrets
from urllib.parse import quote

STEP = 30  # s
DIGITS = 6
DRIFT = 1  # steps that a phone's clock may be off


def new_secret() -> str:
    """160 random bits in base 32, as apps take them."""
    return base64.b32encode(secrets.token_bytes(20)).decode()


def code_at(secret: str, step: int) -> str:
    """The code of one time step."""
    digest = hmac.digest(base64.b32decode(secret), step.to_bytes(8, "big"), "sha1")
    start = digest[-1] & 15
    number = int.from_bytes(digest[start : start + 4], "big") & 0x7FFFFFFF
    return str(number % 10**DIGITS).zfill(DIGITS)


def step_of(secret: str, code: str, now: float, used: int = 0) -> int | None:
    """The time step that a code is of, or None when it is wrong, too old, or not after ``used``: no replay."""
    given = "".join(code.split()).encode("utf-8", "replace")
    current = int(now // STEP)
    for step in range(current - DRIFT, current + DRIFT + 1):
        if step > used and hmac.compare_digest(code_at(secret, step).encode(), given):
            return step
    return None


def uri(secret: str, username: str, issuer: str = "nanobot") -> str:
    """What a QR code for the app says."""
    return f"otpauth://totp/{quote(issuer)}:{quote(username)}?secret={secret}&issuer={quote(issuer)}"
