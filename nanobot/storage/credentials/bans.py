"""Networks that guessed too often. They stay away until somebody lets them in again."""

from __future__ import annotations

from nanobot.errors import NanobotError

from .records import Ban
from .vault import Vault

MAX_BANS = 10_000


class Bans:
    """``all`` and ``has`` cost a ``stat``; what changes the list waits for the disk."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    def all(self) -> list[Ban]:
        """Oldest first."""
        return sorted(self._vault.now().bans.values(), key=lambda one: one.since)

    def __bool__(self) -> bool:
        """Whether there were any when the file was last looked at. Costs nothing."""
        return bool(self._vault.last.bans)

    def has(self, network: str) -> bool:
        """Whether it is banned."""
        return network in self._vault.now().bans

    def add(self, network: str) -> None:
        """Ban it; the oldest is forgotten when there are too many."""
        with self._vault.change() as draft:
            draft.bans.setdefault(network, Ban(network, self._vault.clock.time()))
            if len(draft.bans) > MAX_BANS:
                del draft.bans[min(draft.bans.values(), key=lambda one: one.since).network]

    def lift(self, network: str) -> None:
        """Let it in again. Raises ``NanobotError`` when it is not banned."""
        with self._vault.change() as draft:
            if draft.bans.pop(network, None) is None:
                listed = ", ".join(draft.bans) or "nobody"
                raise NanobotError(f"{network} is not banned; banned: {listed}")
