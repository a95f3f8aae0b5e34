"""Who is paired, and who waits for it: the list in ``.storage/pairing.json``."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import voluptuous as vol

from nanobot.contracts.storage import Storage
from nanobot.errors import StorageError

KEY = "pairing"
ASIDE = "pairing.damaged"
VERSION = 1

_TIME = vol.Any(int, float)
_WHO = {"channel": str, "sender": str, "name": str}
_LIST = vol.Schema(
    {
        "members": [{**_WHO, "owner": bool, "since": _TIME, "by": str}],
        "requests": [
            {
                **_WHO,
                "chat": str,
                "thread": vol.Any(None, str),
                "language": str,
                "hash": str,
                "made": _TIME,
                "confirmed": bool,
            }
        ],
    },
    required=True,
)


@dataclass(frozen=True, slots=True)
class Member:
    """Somebody who was let in. ``since``: seconds since the epoch; ``by``: who confirmed it."""

    channel: str
    sender: str
    name: str
    owner: bool
    since: float
    by: str


@dataclass(frozen=True, slots=True)
class Request:
    """Somebody who got a code, at ``made`` seconds since the epoch. ``code`` is "" when an earlier process made it.

    A confirmed one is kept until it expires: the same confirmation may come again after a crash.
    """

    channel: str
    sender: str
    name: str
    chat: str
    thread: str | None
    language: str
    hash: str
    made: float
    confirmed: bool = False
    code: str = field(default="", repr=False)
    shown: float = 0.0
    times: int = 0


def who(one: Member | Request) -> str:
    """For people: the name that the sender has chosen, and the id that the platform gave."""
    return f"{one.name} ({one.sender})" if one.name else one.sender


def read(storage: Storage) -> tuple[list[Member], list[Request], bool]:
    """Members, requests, and whether a damaged list was set aside. Blocks.

    Raises ``StorageError`` when there is one that cannot be read now: it must not be written over then.
    """
    try:
        document = storage.load(KEY)
    except StorageError:
        if storage.load(KEY) is not None:  # raises again, unless the damaged file was set aside
            raise
        return [], [], True
    if document is None:
        return [], [], False
    version = document.get("version")
    if isinstance(version, int) and version > VERSION:
        raise StorageError(f"{KEY}.json was written by a newer nanobot (format {version}); update nanobot")
    try:
        data = _LIST(document.get("data"))
    except vol.Invalid:
        storage.save(ASIDE, document)
        storage.delete(KEY)
        return [], [], True
    return [Member(**one) for one in data["members"]], [Request(**one) for one in data["requests"]], False


def write(storage: Storage, members: Iterable[Member], requests: Iterable[Request]) -> None:
    """Replace the list; codes are not in it, only their hashes. Blocks. Raises ``StorageError``."""
    data = {
        "members": [_picked(member, "owner", "since", "by") for member in members],
        "requests": [
            _picked(request, "chat", "thread", "language", "hash", "made", "confirmed") for request in requests
        ],
    }
    storage.save(KEY, {"version": VERSION, "key": KEY, "data": data})


def _picked(one: Member | Request, *fields: str) -> dict[str, Any]:
    return {name: getattr(one, name) for name in (*_WHO, *fields)}
