"""Storage: where machine-owned data is kept (files by default, a database in a cluster)."""

from __future__ import annotations

from typing import Any, Protocol


class Storage(Protocol):
    """Documents by key. Every call may block: it is made in a thread. Raises ``StorageError``."""

    def load(self, key: str) -> dict[str, Any] | None:
        """The document, or None when there is none."""

    def save(self, key: str, data: dict[str, Any]) -> None:
        """Replace the document atomically: after a crash either the old or the new one is there, whole."""

    def delete(self, key: str) -> None:
        """Remove the document; nothing happens when there is none."""
