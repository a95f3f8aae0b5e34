"""Passwords as they are kept: ``scrypt$<log2 n>$<r>$<p>$<salt>$<key>``.

scrypt of the standard library: memory-hard, maintained with OpenSSL, off the interpreter's lock, and no package more
to trust. The costs are those that OWASP names (32 MiB, three passes; a tenth of a second or more).
"""

from __future__ import annotations

import hashlib
import hmac
import secrets

from nanobot.errors import NanobotError

LOG_N, R, P = 15, 8, 3
MEMORY = 96 * 1024 * 1024  # bytes that OpenSSL may take at most
MIN_LENGTH = 8
MAX_LENGTH = 256


def check(password: str) -> None:
    """Raises ``NanobotError`` for one that is too short or too long to be kept."""
    if not MIN_LENGTH <= len(password) <= MAX_LENGTH:
        raise NanobotError(f"a password has {MIN_LENGTH} to {MAX_LENGTH} characters")


def hashed(password: str) -> str:
    """Takes a while: call it in a thread."""
    salt = secrets.token_bytes(16)
    return f"scrypt${LOG_N}${R}${P}${salt.hex()}${_derived(password, salt, LOG_N, R, P).hex()}"


def verify(password: str, kept: str | None) -> bool:
    """Whether it is the one. With nothing kept it takes as long and is wrong: nobody learns which names there are."""
    log_n, r, p, salt, key = (kept or _NOBODY).removeprefix("scrypt$").split("$")
    given = _derived(password[:MAX_LENGTH], bytes.fromhex(salt), int(log_n), int(r), int(p))
    return hmac.compare_digest(given, bytes.fromhex(key)) and kept is not None and len(password) <= MAX_LENGTH


def _derived(password: str, salt: bytes, log_n: int, r: int, p: int) -> bytes:
    data = password.encode("utf-8", "surrogatepass")
    return hashlib.scrypt(data, salt=salt, n=2**log_n, r=r, p=p, maxmem=MEMORY, dklen=32)


_NOBODY = f"scrypt${LOG_N}${R}${P}${'00' * 16}${'00' * 32}"
