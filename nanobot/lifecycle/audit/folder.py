"""Files of the configuration folder that others on this machine can read or change."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from nanobot.util.translate import translate

from .opening import Opening

MOST = 20_000  # files that are looked at
SHOWN = 3
SECRET_NAMES = ("secrets.yaml", "secrets.yml")
SECRET_ENDS = (".key", ".pem", ".p12", ".env")
LEFT_OUT = frozenset({"__pycache__", ".git", "node_modules", ".venv", "venv", "workspace", "media"})


def of_folder(config_dir: Path, language: str) -> Iterator[Opening]:
    """Secrets and machine-owned files that others can read, and anything that others can write."""
    if os.name != "posix":
        return
    readable: list[str] = []
    writable: list[str] = []
    for name, mode in _files(config_dir):
        if mode & stat.S_IWOTH:
            writable.append(name)
        if mode & stat.S_IROTH and _is_secret(name):
            readable.append(name)
    for key, names in (("others_read", readable), ("others_write", writable)):
        if names:
            more = f" (+{len(names) - SHOWN})" if len(names) > SHOWN else ""
            text = translate(f"audit.{key}", language, files=", ".join(names[:SHOWN]) + more, file=names[0])
            yield Opening("critical", key, text, names[0])


def _files(config_dir: Path) -> Iterator[tuple[str, int]]:
    """Each file that others can get at, with its mode. A folder that is closed to them closes all below."""
    if not _is_open(config_dir):
        return
    left = MOST
    for folder, folders, files in os.walk(config_dir):
        folders[:] = [one for one in folders if one not in LEFT_OUT and _is_open(Path(folder, one))]
        for file in files:
            left -= 1
            if left < 0:
                return
            path = Path(folder, file)
            try:
                status = path.lstat()
            except OSError:
                continue
            if stat.S_ISREG(status.st_mode):
                yield str(path.relative_to(config_dir)), status.st_mode


def _is_open(folder: Path) -> bool:
    try:
        return bool(folder.stat().st_mode & stat.S_IXOTH)
    except OSError:
        return False


def _is_secret(name: str) -> bool:
    file = name.rpartition("/")[2]
    return file in SECRET_NAMES or file.endswith(SECRET_ENDS) or name.startswith(".storage/")
