"""The file ``auth.json``, on which two processes work: the hub, and the command line beside it.

Writers take a lock and read before they write; readers look at the file's stamp each time they are asked, so that
what was revoked counts for nothing at once.
"""

from __future__ import annotations

import contextlib
import logging
import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from nanobot.errors import StorageError
from nanobot.storage.files import Files
from nanobot.util.dt import Clock
from nanobot.util.ids import ulid

from .document import Generation, new_key, parsed, written
from .lock import locked
from .records import Ban, Credential, Kind, User

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Draft:
    """What a writer changes."""

    owner_id: str
    credentials: dict[str, Credential]
    users: dict[str, User]
    bans: dict[str, Ban]


class Vault:
    """``now`` costs one ``stat`` and may be used on the event loop; ``change`` waits for a lock and the disk."""

    def __init__(self, folder: Path, clock: Clock) -> None:
        self.clock = clock
        self._files = Files(folder)
        self._path = folder / "auth.json"
        self._lock_path = folder / "auth.lock"
        self._file = str(self._path)  # asking for its stamp by a Path takes half as long again
        self._stamp: tuple[int, int, int] | None = None
        self._generation = Generation.of(ulid(), False, new_key())
        self._unreadable: str | None = None
        self._writing = threading.Lock()

    @property
    def last(self) -> Generation:
        """What the file said when it was last looked at."""
        return self._generation

    @property
    def unreadable(self) -> str | None:
        """Why it could not be read when it was last looked at."""
        return self._unreadable

    def now(self) -> Generation:
        """What the file says now."""
        stamp = _stamp_of(self._file)
        if stamp is None and self._unreadable is not None:
            self._stamp = None  # a damaged file was set aside: that there is none now tells nothing new
        elif stamp != self._stamp:
            self._read(stamp)
        return self._generation

    @contextlib.contextmanager
    def change(self) -> Iterator[Draft]:
        """Read, let the caller change, and write, with every other writer waiting. Raises ``StorageError``."""
        with self._writing, locked(self._lock_path):
            self._read(_stamp_of(self._file))
            if self._unreadable is not None:
                raise StorageError(self._unreadable)
            before = self._generation
            now = self.clock.time()
            draft = Draft(
                before.owner_id,
                {key: one for key, one in before.by_id.items() if one.is_valid(now) or one.kind is Kind.TOKEN},
                dict(before.users),
                dict(before.bans),
            )
            yield draft
            kept = draft.credentials.values()
            claimed = before.claimed or any(one.kind in (Kind.SESSION, Kind.REFRESH) for one in kept)
            after = Generation.of(before.owner_id, claimed, before.key, kept, draft.users.values(), draft.bans.values())
            self._files.save("auth", written(after))
            self._generation = after
            self._stamp = _stamp_of(self._file)

    def _read(self, stamp: tuple[int, int, int] | None) -> None:
        """Take over the file's content. A file that cannot be read lets nobody in."""
        owner_id, key = self._generation.owner_id, self._generation.key
        try:
            data = self._files.load("auth")
            generation = parsed(data, key) if data is not None else Generation.of(owner_id, False, key)
            self._unreadable = None
        except (StorageError, AttributeError, KeyError, TypeError, ValueError) as error:
            self._unreadable = f"the list of tokens and sessions cannot be read, so nobody is let in: {error}"
            _log.error("%s", self._unreadable)
            generation = Generation.of(owner_id, True, key)
        self._stamp = stamp
        self._generation = generation


def _stamp_of(path: str) -> tuple[int, int, int] | None:
    try:
        stat = os.stat(path)  # noqa: PTH116 - see above
    except OSError:
        return None
    # every write makes a new file, so the inode tells two writes within one tick of the clock apart
    return stat.st_ino, stat.st_mtime_ns, stat.st_size
