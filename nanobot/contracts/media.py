"""Which files are taken in, and how long they stay."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase

MB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class MediaLimits:
    """Sizes in bytes, of one file and of all together. ``types`` are patterns such as ``image/*``."""

    max_size: int = 20 * MB
    max_total: int = 2048 * MB
    keep_days: int = 30
    types: tuple[str, ...] = ("*/*",)

    def takes(self, media_type: str) -> bool:
        """Whether files of this type may come in."""
        return any(fnmatchcase(media_type, pattern) for pattern in self.types)
