"""The codes of pairing: short enough to be read out, too many to be guessed, and the same however they are typed."""

from __future__ import annotations

import hashlib
import secrets
import unicodedata

ALPHABET = "23456789ABCDEFGHJKMNPQRSTVWXYZ"  # nothing that looks like another: no 0 1 I L O U
LENGTH = 8  # 39 bits; of them 20 an hour may be tried


def new_code() -> str:
    """Nobody can foretell it."""
    return "".join(secrets.choice(ALPHABET) for _ in range(LENGTH))


def readable(code: str) -> str:
    """As people are shown it: ABCD-EFGH."""
    return f"{code[: LENGTH // 2]}-{code[LENGTH // 2 :]}"


def plain(typed: str) -> str:
    """A code as somebody typed it, on whatever keyboard and with whatever around it, as it was made."""
    return "".join(c for c in unicodedata.normalize("NFKC", typed[:100]).upper() if c.isalnum())


def hash_of(code: str) -> str:
    """What is kept of a code."""
    return hashlib.sha256(code.encode("utf-8", "replace")).hexdigest()
