"""Who may come in: long-lived tokens, browser sessions and one-time links, kept as hashes in ``auth.json``.

Two processes work on that file: the hub, and the command line beside it. Writers take a lock and read before they
write; readers look at the file's stamp each time they are asked, so that what was revoked counts for nothing at once.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import re
import secrets
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from nanobot.contracts.view import Access
from nanobot.errors import NanobotError, StorageError
from nanobot.storage.files import Files, make_private
from nanobot.util.dt import Clock
from nanobot.util.ids import short_id, ulid

VERSION = 1
RANDOM_BYTES = 32
SESSION_DAYS = 90  # without a visit, and a browser has to sign in again
CLAIM_SECONDS = 3600.0
MAX_SESSIONS = 100
MAX_CLAIMS = 10
USE_GRAIN = 300.0  # s; a use is noted on disk when the last noted one is older than this
MAX_TOKEN_LENGTH = 512  # longer ones are not even hashed
DAY = 86400.0

_RANK = {Access.PUBLIC: 0, Access.READ: 1, Access.USER: 2, Access.ADMIN: 3}
_NAME = re.compile(r"[^\x00-\x1f\x7f]{1,64}")
_log = logging.getLogger(__name__)


class Kind(StrEnum):
    """What a credential is for."""

    TOKEN = "token"  # noqa: S105 - a word, not a secret
    SESSION = "session"
    CLAIM = "claim"


_PREFIX = {Kind.TOKEN: "nb_", Kind.SESSION: "nbs_", Kind.CLAIM: ""}


@dataclass(frozen=True, slots=True)
class Credential:
    """What is kept of a token, session or link; never the secret itself. Times are seconds since the epoch."""

    id: str
    kind: Kind
    name: str
    access: Access
    hash: str = field(repr=False)
    created: float
    expires: float | None = None
    used: float | None = None
    by: str | None = None
    """Of a session: the id of the token that it was opened with. It ends with that one."""

    def is_valid(self, now: float) -> bool:
        """Whether it has not expired."""
        return self.expires is None or now < self.expires


@dataclass(frozen=True, slots=True)
class Identity:
    """Who asks, as far as the presented credential says."""

    id: str
    name: str
    kind: Kind
    access: Access
    user_id: str

    def may(self, access: Access) -> bool:
        """Whether a route or command of that access is open to it."""
        return _RANK[self.access] >= _RANK[access]


@dataclass(frozen=True, slots=True)
class _Generation:
    """The content of the file at one time."""

    owner_id: str
    claimed: bool
    by_id: dict[str, Credential]
    by_hash: dict[str, Credential]

    @classmethod
    def of(cls, owner_id: str, claimed: bool, credentials: Iterable[Credential]) -> _Generation:
        by_id = {one.id: one for one in credentials}
        return cls(owner_id, claimed, by_id, {one.hash: one for one in by_id.values()})

    def of_kind(self, *kinds: Kind) -> list[Credential]:
        return [one for one in self.by_id.values() if one.kind in kinds]


Revoked = Callable[[frozenset[str]], None]


class Credentials:
    """``folder`` is the machine-owned one of the configuration. Nothing is read before somebody asks.

    ``identify`` and the properties cost one ``stat`` and may be used on the event loop; everything that changes the
    file waits for a lock and the disk: call it in a thread.
    """

    def __init__(self, folder: Path, clock: Clock) -> None:
        self._files = Files(folder)
        self._path = folder / "auth.json"
        self._lock_path = folder / "auth.lock"
        self._clock = clock
        self._stamp: tuple[int, int, int] | None = None
        self._generation = _Generation.of(ulid(), False, ())
        self._unreadable: str | None = None
        self._writing = threading.Lock()
        self._uses: dict[str, float] = {}
        self._watchers: list[Revoked] = []
        self._alive: dict[str, tuple[str, Access]] = {}

    # -- asking ---------------------------------------------------------------------------------

    @property
    def owner_id(self) -> str:
        """The user id of the person this hub belongs to."""
        return self._now().owner_id

    @property
    def claimed(self) -> bool:
        """Whether somebody has ever signed in to the page."""
        return self._now().claimed

    def exist(self) -> bool:
        """Whether there is anything valid to sign in with."""
        now = self._clock.time()
        return any(one.is_valid(now) for one in self._now().of_kind(Kind.TOKEN, Kind.SESSION))

    def known(self, *kinds: Kind) -> list[Credential]:
        """The credentials of these kinds (by default tokens and sessions), expired ones too, oldest first."""
        found = self._now().of_kind(*(kinds or (Kind.TOKEN, Kind.SESSION)))
        return sorted(
            (replace(one, used=max(one.used or 0.0, self._uses.get(one.id, 0.0)) or None) for one in found),
            key=lambda one: one.created,
        )

    def identify(self, token: str) -> Identity | None:
        """Who presents this token of an API client or browser session, or None. A link's code is nobody."""
        if not token or len(token) > MAX_TOKEN_LENGTH:
            return None
        generation = self._now()
        found = generation.by_hash.get(_hash(token))
        now = self._clock.time()
        if found is None or found.kind is Kind.CLAIM or not found.is_valid(now):
            return None
        self._uses[found.id] = now
        if self._watchers:  # it may be younger than the last check, and revoked before the next
            self._alive.setdefault(found.id, (found.hash, found.access))
        return Identity(found.id, found.name, found.kind, found.access, generation.owner_id)

    def watch(self, callback: Revoked) -> Callable[[], None]:
        """Have ``callback(ids)`` called by ``check`` with the ids that stopped being good. Returns how to end it."""
        if not self._watchers:
            self._alive = self._good()
        self._watchers.append(callback)
        return lambda: self._watchers.remove(callback) if callback in self._watchers else None

    def check(self) -> None:
        """Tell the watchers which credentials were revoked, rotated, narrowed or have expired since the last check."""
        before, self._alive = self._alive, self._good()
        gone = frozenset(key for key, what in before.items() if self._alive.get(key) != what)
        if gone:
            for callback in list(self._watchers):
                callback(gone)

    # -- changing (blocking) --------------------------------------------------------------------

    def create(self, name: str, access: Access = Access.USER, *, days: float | None = None) -> str:
        """Make a token and give it, the only time that it can be seen. Without ``days`` it never expires.

        Raises ``NanobotError`` when the name is taken or impossible, ``StorageError`` when it cannot be kept.
        """
        if not _NAME.fullmatch(name) or name != name.strip():
            raise NanobotError("a token needs a name of 1 to 64 characters, such as 'phone'")
        if access is Access.PUBLIC:
            raise NanobotError("a token has the access read, user or admin")
        if days is not None and not 0 < days <= 36500:
            raise NanobotError("a token lasts 1 to 36500 days, or for ever when no number is given")
        with self._change() as records:
            if any(one.name == name for one in records.values() if one.kind is Kind.TOKEN):
                raise NanobotError(
                    f"there is already a token named {name!r}; choose another name, or revoke or rotate that one"
                )
            return self._add(records, Kind.TOKEN, name, access, days * DAY if days is not None else None)

    def rotate(self, name_or_id: str) -> str:
        """Give an existing token a new secret; the old one stops working at once."""
        with self._change() as records:
            old = _find(records, name_or_id, Kind.TOKEN)
            token = _make(Kind.TOKEN)
            records[old.id] = replace(old, hash=_hash(token), used=None)
            _drop_sessions_of(records, old.id)
            return token

    def revoke(self, name_or_id: str) -> Credential:
        """Take back a token or session. Raises ``NanobotError`` when there is none of that name or id."""
        with self._change() as records:
            gone = records.pop(_find(records, name_or_id, Kind.TOKEN, Kind.SESSION).id)
            _drop_sessions_of(records, gone.id)
            return gone

    def open_session(self, name: str, access: Access = Access.ADMIN, *, by: str | None = None) -> str:
        """Sign a browser in. ``by``: the id of the token that it shows; the session lasts no longer than that.

        Raises ``NanobotError`` when the token is gone.
        """
        with self._change() as records:
            if by is not None and by not in records:
                raise NanobotError("this token was revoked")
            return self._open(records, name, access, by)

    def claim_code(self, name: str = "link") -> str:
        """Make the code of a one-time link that signs a browser in as the owner, within an hour.

        "start" names the one that the hub prints by itself: a new one replaces the one before.
        """
        with self._change() as records:
            claims = [one for one in records.values() if one.kind is Kind.CLAIM]
            for one in claims[: max(0, len(claims) - MAX_CLAIMS + 1)]:
                del records[one.id]
            for one in claims:
                if name == "start" and one.name == name:
                    records.pop(one.id, None)
            return self._add(records, Kind.CLAIM, name, Access.ADMIN, CLAIM_SECONDS)

    def redeem(self, code: str, name: str) -> str | None:
        """Exchange a link's code for a session, once. None when it was used, is too old or was never given out."""
        if not code or len(code) > MAX_TOKEN_LENGTH:
            return None
        wanted = _hash(code)
        claim = self._now().by_hash.get(wanted)
        if claim is None or claim.kind is not Kind.CLAIM:
            return None
        with self._change() as records:
            if records.pop(claim.id, None) is None or not claim.is_valid(self._clock.time()):
                return None
            return self._open(records, name, claim.access)

    def has_unsaved_uses(self) -> bool:
        """Whether ``save_uses`` has something to do."""
        known = self._generation.by_id
        return any(key in known and when - (known[key].used or 0.0) >= USE_GRAIN for key, when in self._uses.items())

    def save_uses(self) -> None:
        """Write down when each credential was last used, and let the sessions in use last longer."""
        uses, self._uses = self._uses, {}
        if not uses:
            return
        with self._change() as records:
            for key, when in uses.items():
                if (one := records.get(key)) is None:
                    continue
                expires = one.expires if one.kind is Kind.TOKEN else _session_end(records, when, one.by)
                records[key] = replace(one, used=max(when, one.used or 0.0), expires=expires)

    # -- inside ---------------------------------------------------------------------------------

    def _now(self) -> _Generation:
        """What the file says now."""
        stamp = _stamp_of(self._path)
        if stamp != self._stamp:
            self._read(stamp)
        return self._generation

    def _read(self, stamp: tuple[int, int, int] | None) -> None:
        """Take over the file's content. A file that cannot be read lets nobody in."""
        try:
            data = self._files.load("auth")
            generation = _parsed(data) if data is not None else _Generation.of(self._generation.owner_id, False, ())
            self._unreadable = None
        except (StorageError, KeyError, TypeError, ValueError) as error:
            self._unreadable = f"the list of tokens and sessions cannot be read, so nobody is let in: {error}"
            _log.error("%s", self._unreadable)
            generation = _Generation.of(self._generation.owner_id, True, ())
        self._stamp = stamp
        self._generation = generation

    @contextlib.contextmanager
    def _change(self) -> Iterator[dict[str, Credential]]:
        """Read, let the caller change, and write, with every other writer waiting. Raises ``StorageError``."""
        with self._writing, _locked(self._lock_path):
            self._read(_stamp_of(self._path))
            if self._unreadable is not None:
                raise StorageError(self._unreadable)
            before = self._generation
            now = self._clock.time()
            records = {key: one for key, one in before.by_id.items() if one.is_valid(now) or one.kind is Kind.TOKEN}
            yield records
            claimed = before.claimed or any(one.kind is Kind.SESSION for one in records.values())
            after = _Generation.of(before.owner_id, claimed, records.values())
            self._files.save("auth", _written(after))
            self._generation = after
            self._stamp = _stamp_of(self._path)

    def _open(self, records: dict[str, Credential], name: str, access: Access, by: str | None = None) -> str:
        # whoever signs in again and again ends the sessions of that token, or of the links, and nobody else's
        sessions = sorted(
            (one for one in records.values() if one.kind is Kind.SESSION and one.by == by),
            key=lambda one: one.used or one.created,
        )
        for one in sessions[: max(0, len(sessions) - MAX_SESSIONS + 1)]:
            del records[one.id]
        now = self._clock.time()
        return self._add(records, Kind.SESSION, name, access, _session_end(records, now, by) - now, by)

    def _add(
        self,
        records: dict[str, Credential],
        kind: Kind,
        name: str,
        access: Access,
        seconds: float | None,
        by: str | None = None,
    ) -> str:
        token = _make(kind)
        now = self._clock.time()
        key = short_id()
        expires = None if seconds is None else now + seconds
        records[key] = Credential(key, kind, name, access, _hash(token), now, expires, by=by)
        return token

    def _good(self) -> dict[str, tuple[str, Access]]:
        now = self._clock.time()
        return {one.id: (one.hash, one.access) for one in self._now().by_id.values() if one.is_valid(now)}


def _make(kind: Kind) -> str:
    return _PREFIX[kind] + secrets.token_urlsafe(RANDOM_BYTES)


def _hash(token: str) -> str:
    # 256 random bits need no salt and no slow hash: there is nothing to guess
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def _session_end(records: Mapping[str, Credential], used: float, by: str | None) -> float:
    """Until when a session that was used then is good."""
    end = used + SESSION_DAYS * DAY
    token = records.get(by) if by is not None else None
    return end if token is None or token.expires is None else min(end, token.expires)


def _drop_sessions_of(records: dict[str, Credential], token_id: str) -> None:
    for one in [one for one in records.values() if one.by == token_id]:
        del records[one.id]


def _find(records: dict[str, Credential], name_or_id: str, *kinds: Kind) -> Credential:
    found = [one for one in records.values() if one.kind in kinds]
    for one in found:
        if one.id == name_or_id:
            return one
    named = [one for one in found if one.name == name_or_id]
    if len(named) == 1:
        return named[0]
    if named:
        ids = ", ".join(one.id for one in named)
        raise NanobotError(f"there are {len(named)} named {name_or_id!r}; say which by its id: {ids}")
    raise NanobotError(f"there is no token or session {name_or_id!r}; 'nanobot token list' shows them all")


def _stamp_of(path: Path) -> tuple[int, int, int] | None:
    try:
        stat = path.stat()
    except OSError:
        return None
    # every write makes a new file, so the inode tells two writes within one tick of the clock apart
    return stat.st_ino, stat.st_mtime_ns, stat.st_size


def _parsed(data: dict[str, Any]) -> _Generation:
    if data.get("version") != VERSION:
        raise ValueError(f"auth.json was written by another version ({data.get('version')})")
    return _Generation.of(
        str(data["owner_id"]),
        bool(data["claimed"]),
        [
            Credential(
                id=str(one["id"]),
                kind=Kind(one["kind"]),
                name=str(one["name"]),
                access=Access(one["access"]),
                hash=str(one["hash"]),
                created=float(one["created"]),
                expires=None if one["expires"] is None else float(one["expires"]),
                used=None if one["used"] is None else float(one["used"]),
                by=None if one.get("by") is None else str(one["by"]),
            )
            for one in data["credentials"]
        ],
    )


def _written(generation: _Generation) -> dict[str, Any]:
    return {
        "version": VERSION,
        "owner_id": generation.owner_id,
        "claimed": generation.claimed,
        "credentials": [
            {
                "id": one.id,
                "kind": one.kind.value,
                "name": one.name,
                "access": one.access.value,
                "hash": one.hash,
                "created": one.created,
                "expires": one.expires,
                "used": one.used,
                "by": one.by,
            }
            for one in generation.by_id.values()
        ],
    }


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold a lock between processes. It lies on a file of its own: the data file is replaced by each write."""
    try:
        make_private(path.parent)
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StorageError(f"{path.name} cannot be opened: {error.strerror or error}") from error
    try:
        _lock(handle)
        yield
    finally:
        os.close(handle)


try:
    import fcntl

    def _lock(handle: int) -> None:
        fcntl.flock(handle, fcntl.LOCK_EX)

except ImportError:  # Windows: closing the handle gives the lock back there as well
    import msvcrt

    def _lock(handle: int) -> None:
        msvcrt.locking(handle, msvcrt.LK_LOCK, 1)  # type: ignore[attr-defined]
