"""The files of a workspace that tell an agent who it is: ``AGENTS.md`` and its like, read when they have changed."""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from pathlib import Path

from nanobot.errors import ToolError
from nanobot.hub.hub import Hub
from nanobot.storage.folder import Folder

FILES = {"AGENTS.md": False, "SOUL.md": False, "IDENTITY.md": False, "TOOLS.md": True, "USER.md": True}
"""In the order of the prompt, and whether they are private unless they say otherwise: ``private: false`` in a head
between two lines of ``---``."""
FIRST = 10  # the order of the first of them
LONGEST = 20_000  # characters of one file
MAX_BYTES = 256 * 1024  # of one file; what is larger is no description
FOLDER = "workspace"

_HEAD = re.compile(r"\A\ufeff?---\s*\n(.*?)^---\s*(?:\n|\Z)", re.DOTALL | re.MULTILINE)
_PRIVATE = re.compile(r"^private\s*:\s*(\w+)\s*$", re.MULTILINE | re.IGNORECASE)
_YES = ("true", "yes", "on")
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Read:
    stamp: tuple[int, int, int]
    text: str
    private: bool


class PromptFiles:
    """Of the first workspace that lies on this machine, else of ``workspace/`` in the configuration folder."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._known: dict[Path, _Read | None] = {}

    @property
    def folder(self) -> Path | None:
        """Where they are looked for; None while no workspace is configured and none is there."""
        # by name: in which order they were set up is chance
        found = sorted((one for one in self._hub.workspaces if one.folder is not None), key=lambda one: one.name)
        return found[0].folder if found else None

    @property
    def place(self) -> Path:
        """Where they are read."""
        return self.folder or self._hub.config_dir / FOLDER

    def texts(self, place: Path, *, private: bool) -> list[tuple[str, int, str]]:
        """Name, order and text of each, for a thread. ``private``: also of those that only owners may know."""
        read = self._look(place)
        return [
            (name, FIRST + place, one.text)
            for place, (name, one) in enumerate(read.items())
            if one is not None and one.text and (private or not one.private)
        ]

    def _look(self, folder: Path) -> dict[str, _Read | None]:
        found: dict[str, _Read | None] = {}
        for name, private in FILES.items():
            path = folder / name
            try:
                status = path.lstat()
            except OSError:
                self._known.pop(path, None)
                found[name] = None
                continue
            stamp = (status.st_mtime_ns, status.st_size, status.st_ino)
            known = self._known.get(path)
            if known is None or known.stamp != stamp:
                known = self._known[path] = _Read(stamp, *self._read(folder, name, private=private))
            found[name] = known
        return found

    def _read(self, folder: Path, name: str, *, private: bool) -> tuple[str, bool]:
        """A link is not followed: whoever may write in the workspace could show the model any file with it."""
        try:
            text = Folder(folder).read(name, MAX_BYTES).data.decode("utf-8-sig", errors="replace")
        except ToolError as error:
            _log.warning("%s is left out of the prompt: %s", name, error)
            return "", private
        head = _HEAD.match(text)
        if head is not None:
            text = text[head.end() :]
            if said := _PRIVATE.search(head[1]):
                private = said[1].casefold() in _YES
        text = text.strip()
        if len(text) > LONGEST:
            text = f"{text[:LONGEST]}\n[… {len(text) - LONGEST} characters left out …]"
        return text, private
