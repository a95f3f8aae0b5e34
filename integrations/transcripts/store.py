"""Where transcripts are written, be it files or a database."""

from __future__ import annotations

from abc import ABC, abstractmethod

from nanobot.conversations.following import News, Position


class Store(ABC):
    """Everything blocks and is called in threads, one call after the other. Raises ``StorageError``."""

    @abstractmethod
    def position(self) -> Position:
        """How far it has come; the beginning, where nothing is written."""

    @abstractmethod
    def write(self, news: News) -> None:
        """Delete and append, and note the position. What is there already is not written again, so whatever happened
        to an earlier try, each line is there once."""

    @abstractmethod
    def expire(self, before: float) -> int:
        """Delete the sessions in which nothing was said since a time; gives how many."""

    def close(self) -> None:  # noqa: B027 - most have nothing to give back
        """Give back what is open."""
