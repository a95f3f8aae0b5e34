"""What is signed instead of kept: access tokens of half an hour, and addresses that open one thing for a while.

Both name the credential that they were made with, and are worth what that one is worth when they are used.
"""

from __future__ import annotations

import hmac
from urllib.parse import parse_qsl, quote, unquote, urlencode

from .document import Generation
from .records import Credential

ACCESS_PREFIX = "nba_"
ACCESS_SECONDS = 1800
MAX_PATH = 4096
SIGNATURE = "authSig"
"""The parameter that the signature is in, as Home Assistant's clients know it."""


def access_token(generation: Generation, credential: Credential, now: float) -> str:
    """A token for what ``credential`` opens, until it expires."""
    until = int(now) + ACCESS_SECONDS
    return f"{ACCESS_PREFIX}{credential.id}.{until}.{_mac(generation, credential, 'access', until, '')}"


def opened_by(generation: Generation, token: str, now: float) -> Credential | None:
    """The credential that an access token is of, or None for one that is wrong or too old."""
    return _verified(generation, token.removeprefix(ACCESS_PREFIX), now, "access", "")


def path_signature(generation: Generation, credential: Credential, path: str, until: int) -> str:
    """What makes ``GET path`` open as if ``credential`` were shown, until then (seconds since the epoch)."""
    return f"{credential.id}.{until}.{_mac(generation, credential, 'GET', until, _exact(path))}"


def signed_by(generation: Generation, signature: str, path: str, now: float) -> Credential | None:
    """The credential that a signature of this path is of, or None."""
    return _verified(generation, signature, now, "GET", _exact(path)) if len(path) <= MAX_PATH else None


def _verified(generation: Generation, signed: str, now: float, what: str, path: str) -> Credential | None:
    parts = signed.split(".")
    if len(parts) != 3 or not (parts[1].isascii() and parts[1].isdigit()) or len(parts[1]) > 12:
        return None
    credential, until = generation.by_id.get(parts[0]), int(parts[1])
    if credential is None or now >= until:
        return None
    good = _mac(generation, credential, what, until, path)
    return credential if hmac.compare_digest(good.encode(), parts[2].encode("utf-8", "replace")) else None


def _mac(generation: Generation, credential: Credential, what: str, until: int, path: str) -> str:
    # the hash of the secret is in it: what a rotated token has signed ends with the old secret
    text = "\n".join((what, credential.id, credential.hash, str(until), path))
    return hmac.digest(bytes.fromhex(generation.key), text.encode("utf-8", "surrogatepass"), "sha256").hex()


def _exact(path: str) -> str:
    """One spelling of a path with its query, whichever way it was escaped and ordered."""
    place, _, given = path.partition("?")
    query = sorted(pair for pair in parse_qsl(given, keep_blank_values=True) if pair[0] != SIGNATURE)
    return f"{quote(unquote(place))}?{urlencode(query)}"
