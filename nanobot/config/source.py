"""Where a value came from: a path through the loaded configuration back to file and line."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from nanobot.util.yaml import Document, Path


@dataclass(slots=True)
class Source:
    """A file after its tags were followed. What another file gave stands in ``elsewhere``, by path."""

    file: str | None = None
    document: Document | None = None
    data: Any = None
    elsewhere: dict[Path, tuple[Source, Path]] = field(default_factory=dict)

    def follow(self, path: Path, *, key: bool = False) -> tuple[Source, Path]:
        """The file that ``path`` ends in, and the path within it. ``key``: where the key stands, not its value."""
        # What is no file itself, the merged whole, only points; there a key is where it points to.
        longest = len(path) - 1 if key and path and self.document is not None else len(path)
        for length in range(longest, -1, -1):
            if (found := self.elsewhere.get(path[:length])) is not None:
                source, inner = found
                return source.follow(inner + path[length:], key=key)
        return self, path

    def locate(self, path: Path, *, key: bool = False) -> tuple[str | None, int | None]:
        """File and line of the deepest known node on ``path``."""
        source, inner = self.follow(path, key=key)
        return source.file, None if source.document is None else source.document.line(inner)
