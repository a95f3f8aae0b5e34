"""The addresses that a conversation has come across: to ask for one of them carries nothing new outside."""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Iterable

SESSIONS = 200
ADDRESSES = 2000  # of one session

_ADDRESS = re.compile(r"https?://[^\s<>\"'`\])}]+")


class Seen:
    """Kept in memory, the newest of each session."""

    def __init__(self) -> None:
        self._sessions: OrderedDict[str, OrderedDict[str, None]] = OrderedDict()

    def add(self, session: str, addresses: Iterable[str]) -> None:
        """They stood in a result."""
        known = self._sessions.setdefault(session, OrderedDict())
        self._sessions.move_to_end(session)
        for address in addresses:
            known[_plain(address)] = None
            known.move_to_end(_plain(address))
        while len(known) > ADDRESSES:
            known.popitem(last=False)
        while len(self._sessions) > SESSIONS:
            self._sessions.popitem(last=False)

    def add_text(self, session: str, text: str) -> None:
        """The same, for all that stand in a text."""
        self.add(session, (found[0].rstrip(".,;:!?") for found in _ADDRESS.finditer(text)))

    def knows(self, session: str, address: str) -> bool:
        """Whether it has come up in that session."""
        return _plain(address) in self._sessions.get(session, ())


def _plain(address: str) -> str:
    return address.partition("#")[0].rstrip("/")
