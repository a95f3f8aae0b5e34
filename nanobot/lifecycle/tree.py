"""What the configuration folder looks like at one moment: each file that counts, and where it has to be watched.

Two looks tell what changed in between, however it was done: an editor that writes a new file and renames it over the
old one, a checkout, a link that points elsewhere now, a volume that was swapped behind all links.
"""

# Thousands of paths may have to be looked at; as plain text they cost a third.
# ruff: noqa: PTH100, PTH115, PTH116, PTH118, PTH119, PTH120

from __future__ import annotations

import os
import re
import time
from collections import deque
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from pathlib import Path

MAX_FILES = 20_000
MAX_HOPS = 40  # links that lead to links; the kernel's own limit

# Folders of the machine's own data, which nobody edits to configure nanobot; the second kind only at the top.
_FOLDERS = frozenset({"__pycache__", "node_modules", "site-packages"})
_TOP_FOLDERS = frozenset({"workspace", "media", "backups"})
_NOISE = re.compile(
    r"nanobot\.log.*|.*\.sw[a-px]|.*\.db(-\w+)?|.*\.jsonl|.*\.pyc|.*~|4913|\.#.*|#.*#|\..*\.tmp|.*\.kate-swp|\.goutputstream-.*"
)

Stamp = tuple[int, ...]
FOLDER: Stamp = ()
UNREADABLE: Stamp = (-1,)


@dataclass(slots=True)
class Tree:
    """``files`` are known by the path that leads to them through the configuration folder, links and all."""

    files: dict[Path, Stamp] = field(default_factory=dict)
    folders: dict[str, tuple[int, int]] = field(default_factory=dict)
    """The real folders to watch, and which ones these are (device and inode)."""
    names: dict[str, set[str]] = field(default_factory=dict)
    """For those of which only some things matter: which ones."""
    extra: frozenset[Path] = frozenset()
    latest: float = 0.0
    """When the youngest change was made, as the file system says."""
    taken: float = field(default_factory=time.time)
    is_cut: bool = False
    """There are more than ``MAX_FILES``."""

    def same(self, other: Tree) -> bool:
        """Whether nothing changed from the one to the other."""
        return self.files == other.files and self.folders == other.folders

    def changed_since(self, old: Tree) -> set[Path]:
        """Files and folders that are new, others, or gone. Reading a file elsewhere for the first time, or for the
        last time, changes nothing by itself."""
        changed = old.files.keys() - self.files.keys()
        changed -= old.extra - self.extra
        for path, stamp in self.files.items():
            before = old.files.get(path)
            if before == stamp:
                continue
            came_in = before is None and path in self.extra and path not in old.extra
            if came_in and (stamp or UNREADABLE)[-1] < old.taken * 1e9:
                continue
            changed.add(path)
        return changed

    def concerns(self, path: str) -> bool:
        """Whether something that happened at ``path`` can have changed anything here."""
        folder, name = os.path.split(path)
        if path in self.folders or folder not in self.folders:
            return True
        names = self.names.get(folder)
        if names is not None:
            return name in names
        return _counts(name, is_folder=None)


def look(folder: Path, extra: Iterable[Path] = ()) -> Tree:
    """Look at the folder and at files elsewhere (or of a kind that otherwise does not count). Blocks."""
    tree = Tree(extra=frozenset(extra))
    top = os.path.abspath(folder)
    real = _resolve(tree, top)
    _expect(tree, real)
    _walk(tree, top, real)
    for path in tree.extra:
        if path not in tree.files:
            place = _resolve(tree, os.path.abspath(path))
            _expect(tree, place)
            _add(tree, path, place)
    return tree


def _walk(tree: Tree, top: str, real: str) -> None:
    """All that counts below a folder, the upper ones first. Links are followed, but never round in circles."""
    todo: deque[tuple[str, str, frozenset[tuple[int, int]]]] = deque([(top, real, frozenset())])
    while todo:
        path, place, above = todo.popleft()
        identity = _watch(tree, place)
        if identity is None or identity in above:
            continue
        tree.files[Path(path)] = FOLDER
        try:
            with os.scandir(path) as items:
                found = list(items)
        except OSError:
            tree.files[Path(path)] = UNREADABLE
            continue
        for item in found:
            if len(tree.files) >= MAX_FILES:
                tree.is_cut = True
                return
            is_folder = _is_folder(item)
            if not _counts(item.name, is_folder=is_folder, at_top=path == top):
                continue
            where = os.path.join(place, item.name)
            if item.is_symlink():
                where = _resolve(tree, item.path)
                _expect(tree, where)
            if is_folder:
                todo.append((item.path, where, above | {identity}))
            else:
                _add(tree, Path(item.path), where)


def _add(tree: Tree, path: Path, place: str) -> None:
    try:
        stat = os.stat(place)
    except FileNotFoundError:
        if os.path.lexists(path):  # a link to nothing
            tree.files[path] = UNREADABLE
        return
    except OSError:
        tree.files[path] = UNREADABLE
        return
    tree.files[path] = (stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns)
    tree.latest = max(tree.latest, stat.st_ctime_ns / 1e9)


def _watch(tree: Tree, place: str, names: Collection[str] | None = None) -> tuple[int, int] | None:
    """Have a real folder watched: all that is in it, or only some ``names``. None: it is not there."""
    try:
        stat = os.stat(place)
    except OSError:
        return None
    if place not in tree.folders:
        if names is not None:
            tree.names[place] = set(names)
    elif names is None:
        tree.names.pop(place, None)
    elif place in tree.names:
        tree.names[place].update(names)
    identity = (stat.st_dev, stat.st_ino)
    if os.access(place, os.R_OK):  # what must not be read cannot be watched either
        tree.folders[place] = identity
    if place not in tree.names:
        tree.latest = max(tree.latest, stat.st_mtime)
    return identity


def _expect(tree: Tree, place: str) -> None:
    """Have it noticed when this real path appears, vanishes or becomes another."""
    while (folder := os.path.dirname(place)) != place:
        if _watch(tree, folder, [os.path.basename(place)]) is not None:
            return
        place = folder


def _resolve(tree: Tree, path: str) -> str:
    """Where a path really leads. The folder of each link on the way is watched, for the link may be changed."""
    if os.name != "posix":
        return os.path.realpath(path)
    real, hops = "/", 0
    todo = path.split("/")[::-1]
    while todo:
        name = todo.pop()
        if name == "..":
            real = os.path.dirname(real)
        if name in ("", ".", ".."):
            continue
        here = os.path.join(real, name)
        try:
            target = os.readlink(here)
        except OSError:  # no link
            real = here
            continue
        hops += 1
        if hops > MAX_HOPS:
            return here
        _watch(tree, real, [name])
        if target.startswith("/"):
            real = "/"
        todo.extend(target.split("/")[::-1])
    return real


def _is_folder(item: os.DirEntry[str]) -> bool:
    try:
        return item.is_dir()
    except OSError:
        return False


def _counts(name: str, *, is_folder: bool | None, at_top: bool = False) -> bool:
    """Whether a file or folder of this name can matter; ``is_folder=None``: it may be either."""
    if is_folder is not False and name in _FOLDERS:
        return False
    if is_folder:
        # .git and .storage do not count; mounted volumes keep their content in ..data
        hidden = name.startswith(".") and not name.startswith("..")
        return not hidden and not (at_top and name in _TOP_FOLDERS)
    return _NOISE.fullmatch(name) is None
