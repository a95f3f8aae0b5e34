"""The people: their names, roles, passwords and second factors. Everything here waits for the disk: use a thread."""

from __future__ import annotations

import re
import threading
from dataclasses import replace

from nanobot.errors import NanobotError
from nanobot.util.ids import ulid

from . import passwords, totp
from .records import Kind, Role, User
from .vault import Draft, Vault

_USERNAME = re.compile(r"[a-z0-9][a-z0-9._@+-]{0,63}")


class People:
    """The owner is always there; others are added."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault
        self._checking = threading.BoundedSemaphore(2)  # a password takes 32 MiB to check

    def all(self) -> list[User]:
        """Everybody, the owner first."""
        now = self._vault.now()
        return sorted(now.users.values(), key=lambda one: (one.id != now.owner_id, one.name.lower()))

    def get(self, user_id: str) -> User | None:
        """By id. Costs a ``stat``."""
        return self._vault.now().users.get(user_id)

    def named(self, username: str) -> User:
        """Raises ``NanobotError`` when there is nobody of that name."""
        return _find(self._vault.now().users, username)

    def add(self, username: str, password: str, role: Role = Role.USER, name: str | None = None) -> User:
        """The first owner who is added is the one that this hub belongs to: what was made before is theirs.

        Raises ``NanobotError`` for a name that is taken or impossible, and for a password that is too short.
        """
        username = username.strip().lower()
        if not _USERNAME.fullmatch(username):
            raise NanobotError("a user name has 1 to 64 small letters, digits and . _ - @ +, such as 'anna'")
        passwords.check(password)
        kept = passwords.hashed(password)
        with self._vault.change() as draft:
            if any(one.username == username for one in draft.users.values()):
                raise NanobotError(f"there is already a user '{username}'; choose another name")
            is_first = role is Role.OWNER and draft.users[draft.owner_id].username is None
            user = User(draft.owner_id if is_first else ulid(), name or username, role, username, kept)
            draft.users[user.id] = user
            return user

    def set_password(self, username: str, password: str) -> None:
        """Signs that person out everywhere; tokens stay."""
        passwords.check(password)
        kept = passwords.hashed(password)
        with self._vault.change() as draft:
            user = _find(draft.users, username)
            draft.users[user.id] = replace(user, password=kept)
            _drop(draft, user.id, Kind.SESSION, Kind.REFRESH)

    def set_role(self, username: str, role: Role) -> None:
        """Counts at once, also for what is open."""
        with self._vault.change() as draft:
            user = _find(draft.users, username)
            if user.id == draft.owner_id and role is not Role.OWNER:
                raise NanobotError(f"this hub belongs to '{username}', who stays its owner")
            draft.users[user.id] = replace(user, role=role)

    def remove(self, username: str) -> None:
        """With everything that the person is signed in with."""
        with self._vault.change() as draft:
            user = _find(draft.users, username)
            if user.id == draft.owner_id:
                raise NanobotError(f"this hub belongs to '{username}', who cannot be removed")
            del draft.users[user.id]
            _drop(draft, user.id, *Kind)

    def set_totp(self, username: str, secret: str | None, code: str = "") -> None:
        """Ask for a code of this secret from now on; ``code`` shows that the app has it. None: ask no more."""
        step = 0 if secret is None else totp.step_of(secret, code, self._vault.clock.time())
        if step is None:
            raise NanobotError("this code is wrong; is the clock of the phone right? Nothing was changed")
        with self._vault.change() as draft:
            user = _find(draft.users, username)
            draft.users[user.id] = replace(user, totp=secret, totp_used=step)

    # -- signing in -----------------------------------------------------------------------------

    def with_password(self, username: str, password: str) -> User | None:
        """Who that is, or None. It takes the same time for names that there are not."""
        wanted = username.strip().lower()
        user = next((one for one in self._vault.now().users.values() if one.username == wanted and wanted), None)
        with self._checking:
            good = passwords.verify(password, user.password if user else None)
        return user if good else None

    def use_code(self, user_id: str, code: str) -> bool:
        """Whether the code is the one of the app; each works once."""
        with self._vault.change() as draft:
            user = draft.users.get(user_id)
            if user is None or user.totp is None:
                return False
            step = totp.step_of(user.totp, code, self._vault.clock.time(), user.totp_used)
            if step is None:
                return False
            draft.users[user_id] = replace(user, totp_used=step)
            return True


def _find(users: dict[str, User], username: str) -> User:
    wanted = username.strip().lower()
    for one in users.values():
        if one.username == wanted:
            return one
    raise NanobotError(f"there is no user '{username}'; 'nanobot user list' shows them all")


def _drop(draft: Draft, user_id: str, *kinds: Kind) -> None:
    for one in [one for one in draft.credentials.values() if one.user_id == user_id and one.kind in kinds]:
        del draft.credentials[one.id]
