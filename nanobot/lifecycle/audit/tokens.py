"""Keys of programs that open more, or for longer, than anybody needs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from nanobot.contracts.view import Access
from nanobot.storage.credentials import DAY, EVERYTHING, Credential, Credentials, Kind
from nanobot.util.dt import Clock
from nanobot.util.translate import translate

from .opening import Opening

FILE = ".storage/auth.json"
UNUSED_DAYS = 90
NEW_DAYS = 7  # a token that young may wait for its first use


def of_tokens(config_dir: Path, language: str, now: float) -> Iterator[Opening]:
    """Tokens without an end, and tokens that nothing uses."""
    if not (config_dir / FILE).is_file():
        return
    for one in Credentials(config_dir / ".storage", Clock()).known(Kind.TOKEN):
        if not one.is_valid(now):
            continue
        if one.expires is None:
            wide = one.access is Access.ADMIN and one.scope == EVERYTHING
            text = translate("audit.token_forever", language, name=one.name, access=one.access.name.lower())
            yield Opening("warning" if wide else "info", "token_forever", text, FILE)
        if _is_unused(one, now):
            text = translate("audit.token_unused", language, name=one.name, days=UNUSED_DAYS)
            yield Opening("warning", "token_unused", text, FILE)


def _is_unused(one: Credential, now: float) -> bool:
    if one.used is None:
        return one.created < now - NEW_DAYS * DAY
    return one.used < now - UNUSED_DAYS * DAY
