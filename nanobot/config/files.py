"""Parsed files, remembered: what did not change on disk is not parsed again."""

from __future__ import annotations

import hashlib
import stat
import threading
import time
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nanobot.util.yaml import Document, Fault, Unparsable, decode, parse
from nanobot.util.yaml_pieces import parse_in_pieces

LARGEST = 64 * 1024 * 1024  # bytes
SETTLED = 100_000_000  # ns; the clock of a file system may stand still for some ms, in which a file may change twice

Stamp = tuple[int, int, int, int, int]


@dataclass(frozen=True, slots=True)
class Read:
    """A file as it was found. ``document`` is the last one that could be parsed, ``fault`` why it is not the newest."""

    document: Document | None
    fault: Fault | None = None


@dataclass(slots=True)
class _Kept:
    stamp: Stamp
    settled: bool
    digest: bytes
    read: Read


class Files:
    """Belongs to one hub. The documents are shared between loads; nobody may change their data."""

    def __init__(self) -> None:
        self._lock = threading.Lock()  # a plan may be made in one thread while an edit is applied in another
        self._kept: dict[Path, _Kept] = {}
        self.made: dict[Any, Any] = {}
        """What the last load made of the documents and the next one can use again; each user has keys of its own."""

    def read(self, path: Path) -> Read:
        """The file's content, or what is wrong with it together with its last good content."""
        with self._lock:
            return self._read(path)

    def listed(self, folder: Path, paths: Iterable[Path]) -> Iterable[Path]:
        """The files of a folder that an include takes, from those that were found in it."""
        return paths

    def keep_only(self, paths: Collection[Path]) -> None:
        """Forget all other files."""
        with self._lock:
            self._kept = {path: kept for path, kept in self._kept.items() if path in paths}

    def _read(self, path: Path) -> Read:
        kept = self._kept.get(path)
        good = kept.read.document if kept else None
        try:
            stamp, regular = _stamp(path)
            if kept and kept.settled and kept.stamp == stamp:
                return kept.read
            if not regular:
                return Read(good, Fault("file_not_a_file"))
            if stamp[2] > LARGEST:
                return Read(good, Fault("file_too_large", {"limit": f"{LARGEST >> 20} MiB"}))
            content = path.read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return Read(good, Fault("file_missing"))
        except (OSError, ValueError) as error:  # a ValueError is a zero byte in the name
            return Read(good, Fault("file_unreadable", {"error": getattr(error, "strerror", None) or str(error)}))
        digest = hashlib.blake2b(content, digest_size=16).digest()
        settled = time.time_ns() - max(stamp[0], stamp[1]) > SETTLED
        if kept and kept.digest == digest:
            kept.stamp, kept.settled = stamp, settled
            return kept.read
        try:
            text = decode(content)
            read = Read(parse_in_pieces(text, good) or parse(text))
        except Unparsable as error:
            read = Read(good, error.fault)
        self._kept[path] = _Kept(stamp, settled, digest, read)
        return read


def _stamp(path: Path) -> tuple[Stamp, bool]:
    info = path.stat()
    return (info.st_mtime_ns, info.st_ctime_ns, info.st_size, info.st_ino, info.st_dev), stat.S_ISREG(info.st_mode)
