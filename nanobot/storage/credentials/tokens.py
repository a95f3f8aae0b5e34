"""What people and programs show to come in: tokens, browser sessions, sign-ins of clients, and one-time links."""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from nanobot.contracts.view import Access
from nanobot.errors import NanobotError
from nanobot.util.dt import Clock
from nanobot.util.ids import short_id

from .bans import Bans
from .document import Generation
from .people import People
from .rates import Rates
from .records import Credential, Identity, Kind
from .rights import EVERYTHING, Rights, Scope
from .signing import ACCESS_PREFIX, access_token, opened_by, path_signature, signed_by
from .vault import Draft, Vault

RANDOM_BYTES = 32
SESSION_DAYS = 90  # without a visit, and a browser or client has to sign in again
CLAIM_SECONDS = 3600.0
MAX_SESSIONS = 100
MAX_CLAIMS = 10
USE_GRAIN = 300.0  # s; a use is noted on disk when the last noted one is older than this
MOST_KNOWN = 256
MAX_TOKEN_LENGTH = 512  # longer ones are not even hashed
DAY = 86400.0

_NAME = re.compile(r"[^\x00-\x1f\x7f]{1,64}")
_PREFIX = {Kind.TOKEN: "nb_", Kind.SESSION: "nbs_", Kind.REFRESH: "nbr_", Kind.CLAIM: ""}
_LISTED = (Kind.TOKEN, Kind.SESSION, Kind.REFRESH)

Revoked = Callable[[frozenset[str]], None]


class Credentials:
    """``folder`` is the machine-owned one of the configuration. Nothing is read before somebody asks.

    ``identify`` and the properties cost one ``stat`` and may be used on the event loop; everything that changes the
    file waits for a lock and the disk: call it in a thread.
    """

    def __init__(self, folder: Path, clock: Clock) -> None:
        self._vault = Vault(folder, clock)
        self._clock = clock
        self._uses: dict[str, float] = {}
        self._known: dict[str, tuple[Generation, Credential, Identity]] = {}
        """Whom the tokens that are in use let in, in the generation that they were looked up in."""
        self._watchers: list[Revoked] = []
        self._alive: dict[str, tuple[str, Rights]] = {}
        self.people = People(self._vault)
        self.bans = Bans(self._vault)
        self.rates = Rates()

    # -- asking ---------------------------------------------------------------------------------

    @property
    def unreadable(self) -> str | None:
        """Why nobody is known at the moment; None as long as the file can be read."""
        return self._vault.unreadable

    @property
    def owner_id(self) -> str:
        """The user id of the person this hub belongs to."""
        return self._vault.now().owner_id

    @property
    def claimed(self) -> bool:
        """Whether somebody has ever signed in to the page."""
        return self._vault.now().claimed

    def exist(self) -> bool:
        """Whether there is anything valid to sign in with."""
        now, generation = self._clock.time(), self._vault.now()
        has_password = any(one.password for one in generation.users.values())
        return has_password or any(one.is_valid(now) for one in generation.of_kind(*_LISTED))

    def known(self, *kinds: Kind) -> list[Credential]:
        """The credentials of these kinds (by default all but links), expired ones too, oldest first."""
        found = self._vault.now().of_kind(*(kinds or _LISTED))
        return sorted(
            (replace(one, used=max(one.used or 0.0, self._uses.get(one.id, 0.0)) or None) for one in found),
            key=lambda one: one.created,
        )

    def identify(self, token: str) -> Identity | None:
        """Who presents this token, session or access token, or None. A link's code is nobody, and neither is what
        opens access tokens."""
        if not token or len(token) > MAX_TOKEN_LENGTH:
            return None
        generation = self._vault.now()
        known = self._known.get(token)
        if known is not None and known[0] is generation:
            return self._let_in(known[1], known[2])
        if token.startswith(ACCESS_PREFIX):
            return self._let_in(opened_by(generation, token, self._clock.time()))
        found = generation.by_hash.get(_hash(token))
        if found is None or found.kind not in (Kind.TOKEN, Kind.SESSION):
            return None
        identity = self._let_in(found)
        if identity is not None:
            if len(self._known) >= MOST_KNOWN:
                self._known.clear()
            self._known[token] = (generation, found, identity)
        return identity

    def identify_path(self, signature: str, path: str) -> Identity | None:
        """Who has signed ``GET path`` (with its other parameters), or None."""
        if not signature or len(signature) > MAX_TOKEN_LENGTH:
            return None
        return self._let_in(signed_by(self._vault.now(), signature, path, self._clock.time()))

    def sign_path(self, identity_id: str, path: str, seconds: float) -> str:
        """The signature that opens ``GET path`` that long. Raises ``NanobotError`` when the credential is gone."""
        generation = self._vault.now()
        credential = generation.by_id.get(identity_id)
        if credential is None:
            raise NanobotError("what you signed in with was revoked")
        return path_signature(generation, credential, path, int(self._clock.time() + seconds))

    def access_token(self, refresh_token: str, client_id: str | None = None) -> tuple[Credential, str] | None:
        """The sign-in of a client and a new access token for it; None for one that is over or another client's."""
        found = self.refresh(refresh_token)
        if found is None or found.client_id != client_id or self._let_in(found) is None:
            return None
        return found, access_token(self._vault.last, found, self._clock.time())

    def refresh(self, refresh_token: str) -> Credential | None:
        """The sign-in of a client that this refresh token is of."""
        if not refresh_token or len(refresh_token) > MAX_TOKEN_LENGTH:
            return None
        found = self._vault.now().by_hash.get(_hash(refresh_token))
        if found is None or found.kind is not Kind.REFRESH or not found.is_valid(self._clock.time()):
            return None
        return found

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

    def create(
        self,
        name: str,
        access: Access = Access.USER,
        *,
        days: float | None = None,
        scope: Scope = EVERYTHING,
        user_id: str | None = None,
    ) -> str:
        """Make a token and give it, the only time that it can be seen. Without ``days`` it never expires, without
        ``user_id`` it acts for the owner.

        Raises ``NanobotError`` when the name is taken or impossible, ``StorageError`` when it cannot be kept.
        """
        if not _NAME.fullmatch(name) or name != name.strip():
            raise NanobotError("a token needs a name of 1 to 64 characters, such as 'phone'")
        if access is Access.PUBLIC:
            raise NanobotError("a token has the access read, user or admin")
        if days is not None and not 0 < days <= 36500:
            raise NanobotError("a token lasts 1 to 36500 days, or for ever when no number is given")
        with self._vault.change() as draft:
            if any(one.name == name for one in draft.credentials.values() if one.kind is Kind.TOKEN):
                raise NanobotError(
                    f"there is already a token named {name!r}; choose another name, or revoke or rotate that one"
                )
            seconds = days * DAY if days is not None else None
            return self._add(draft, Kind.TOKEN, name, access, seconds, scope=scope, user_id=user_id)

    def rotate(self, name_or_id: str) -> str:
        """Give an existing token a new secret; the old one stops working at once."""
        with self._vault.change() as draft:
            old = _find(draft.credentials, name_or_id, Kind.TOKEN)
            token = _make(Kind.TOKEN)
            draft.credentials[old.id] = replace(old, hash=_hash(token), used=None)
            _drop_sessions_of(draft.credentials, old.id)
            return token

    def revoke(self, name_or_id: str) -> Credential:
        """Take back a token or session. Raises ``NanobotError`` when there is none of that name or id."""
        with self._vault.change() as draft:
            gone = draft.credentials.pop(_find(draft.credentials, name_or_id, *_LISTED).id)
            _drop_sessions_of(draft.credentials, gone.id)
            return gone

    def open_session(
        self, name: str, access: Access = Access.ADMIN, *, by: str | None = None, user_id: str | None = None
    ) -> str:
        """Sign a browser in. ``by``: the id of the token that it shows; the session is no more and lasts no longer
        than that. Raises ``NanobotError`` when the token is gone."""
        with self._vault.change() as draft:
            if by is None:
                return self._open(draft, Kind.SESSION, name, access, user_id=user_id)
            token = draft.credentials.get(by)
            if token is None:
                raise NanobotError("this token was revoked")
            return self._open(draft, Kind.SESSION, name, access, by=by, user_id=token.user_id, scope=token.scope)

    def open_client(self, user_id: str, client_id: str, provider: str) -> str:
        """Sign a client in for a person; gives its refresh token. Raises ``NanobotError`` when the person is gone."""
        with self._vault.change() as draft:
            user = draft.users.get(user_id)
            if user is None:
                raise NanobotError("this user was removed")
            name = client_id[:64]
            return self._open(
                draft, Kind.REFRESH, name, user.role.access, user_id=user_id, client_id=client_id, provider=provider
            )

    def claim_code(self, name: str = "link") -> str:
        """Make the code of a one-time link that signs a browser in as the owner, within an hour.

        "start" names the one that the hub prints by itself: a new one replaces the one before.
        """
        with self._vault.change() as draft:
            claims = [one for one in draft.credentials.values() if one.kind is Kind.CLAIM]
            for one in claims[: max(0, len(claims) - MAX_CLAIMS + 1)]:
                del draft.credentials[one.id]
            for one in claims:
                if name == "start" and one.name == name:
                    draft.credentials.pop(one.id, None)
            return self._add(draft, Kind.CLAIM, name, Access.ADMIN, CLAIM_SECONDS)

    def redeem(self, code: str, name: str) -> str | None:
        """Exchange a link's code for a session, once. None when it was used, is too old or was never given out."""
        if not code or len(code) > MAX_TOKEN_LENGTH:
            return None
        wanted = _hash(code)
        claim = self._vault.now().by_hash.get(wanted)
        if claim is None or claim.kind is not Kind.CLAIM:
            return None
        with self._vault.change() as draft:
            if draft.credentials.pop(claim.id, None) is None or not claim.is_valid(self._clock.time()):
                return None
            return self._open(draft, Kind.SESSION, name, claim.access)

    def has_unsaved_uses(self) -> bool:
        """Whether ``save_uses`` has something to do."""
        known = self._vault.last.by_id
        return any(key in known and when - (known[key].used or 0.0) >= USE_GRAIN for key, when in self._uses.items())

    def save_uses(self) -> None:
        """Write down when each credential was last used, and let the sessions in use last longer."""
        uses, self._uses = self._uses, {}
        if not uses:
            return
        with self._vault.change() as draft:
            records = draft.credentials
            for key, when in uses.items():
                if (one := records.get(key)) is None:
                    continue
                expires = one.expires if one.kind is Kind.TOKEN else _session_end(records, when, one.by)
                records[key] = replace(one, used=max(when, one.used or 0.0), expires=expires)

    # -- inside ---------------------------------------------------------------------------------

    def _let_in(self, found: Credential | None, identity: Identity | None = None) -> Identity | None:
        """``identity``: what this gave for the same credential before."""
        now = self._clock.time()
        if found is None or found.kind is Kind.CLAIM or not found.is_valid(now):
            return None
        rights = self._vault.last.rights.get(found.id)
        if rights is None:
            return None
        self._uses[found.id] = now
        if self._watchers:  # it may be younger than the last check, and revoked before the next
            self._alive.setdefault(found.id, (found.hash, rights))
        return identity or Identity(found.id, found.name, found.kind, rights, found.user_id)

    def _open(
        self,
        draft: Draft,
        kind: Kind,
        name: str,
        access: Access,
        *,
        by: str | None = None,
        user_id: str | None = None,
        scope: Scope = EVERYTHING,
        client_id: str | None = None,
        provider: str | None = None,
    ) -> str:
        # whoever signs in again and again ends the sessions of that token, or of the links, and nobody else's
        records, user_id = draft.credentials, user_id or draft.owner_id
        sessions = sorted(
            (one for one in records.values() if one.kind is kind and one.by == by and one.user_id == user_id),
            key=lambda one: one.used or one.created,
        )
        for one in sessions[: max(0, len(sessions) - MAX_SESSIONS + 1)]:
            del records[one.id]
        now = self._clock.time()
        seconds = _session_end(records, now, by) - now
        return self._add(
            draft,
            kind,
            name,
            access,
            seconds,
            by=by,
            user_id=user_id,
            scope=scope,
            client_id=client_id,
            provider=provider,
        )

    def _add(
        self,
        draft: Draft,
        kind: Kind,
        name: str,
        access: Access,
        seconds: float | None,
        *,
        by: str | None = None,
        user_id: str | None = None,
        scope: Scope = EVERYTHING,
        client_id: str | None = None,
        provider: str | None = None,
    ) -> str:
        token = _make(kind)
        now = self._clock.time()
        key = short_id()
        draft.credentials[key] = Credential(
            id=key,
            kind=kind,
            name=name,
            access=access,
            hash=_hash(token),
            created=now,
            user_id=user_id or draft.owner_id,
            expires=None if seconds is None else now + seconds,
            by=by,
            scope=scope,
            client_id=client_id,
            provider=provider,
        )
        return token

    def _good(self) -> dict[str, tuple[str, Rights]]:
        now, generation = self._clock.time(), self._vault.now()
        return {
            one.id: (one.hash, generation.rights[one.id])
            for one in generation.by_id.values()
            if one.is_valid(now) and one.id in generation.rights
        }


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
