"""What may be seen of the states, and which of them somebody means."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from fnmatch import fnmatchcase
from typing import Any

from nanobot.contracts.agent import Turn
from nanobot.conversations.contacts import concerns
from nanobot.hub.hub import Hub
from nanobot.hub.states import State
from nanobot.util.text import nearest

OF_NANOBOT = "integration"
"""The domain of nanobot's own parts: for the people who run it, and nobody means it with a word."""


class View:
    """The states as one turn may see them. ``config`` may be replaced at any time."""

    def __init__(self, hub: Hub, config: Mapping[str, Any]) -> None:
        self.hub = hub
        self.config = config

    def seen(self, turn: Turn) -> list[State]:
        """All that this turn may see."""
        return [state for state in self.hub.states if self._may_see(state, turn)]

    def meant(self, word: str, seen: list[State]) -> list[State]:
        """Those that are meant by an id, a domain, a glob, or words of the id and the name."""
        wanted = word.strip().casefold()
        by_id = [state for state in seen if state.entity_id == wanted]
        if by_id or not wanted:
            return by_id
        if "*" in wanted:
            return [state for state in seen if fnmatchcase(state.entity_id, wanted)]
        of_domain = [state for state in seen if state.domain == wanted.rstrip(".")]
        if of_domain:
            return of_domain
        words = wanted.replace("_", " ").replace(".", " ").split()
        return [state for state in seen if state.domain != OF_NANOBOT and _has_all(state, words)]

    def near(self, word: str, seen: Iterable[State]) -> str | None:
        """The entity id of the one that was probably meant. Takes its time where there are thousands."""
        domain, dot, _ = word.casefold().partition(".")
        if dot:
            ids = [state.entity_id for state in seen]
            return nearest(word, [one for one in ids if one.startswith(f"{domain}.")] or ids)
        by_name = {name: state.entity_id for state in seen for name in (state.name, state.object_id)}
        found = nearest(word, by_name)
        return by_name[found] if found else None

    def _may_see(self, state: State, turn: Turn) -> bool:
        entity_id = state.entity_id
        if not _fits(entity_id, self.config["allow"]) or _fits(entity_id, self.config["deny"]):
            return False
        if turn.owner:
            return True
        return state.domain != OF_NANOBOT and _fits(entity_id, self.config["guests"]) and concerns(state, turn)


def _fits(entity_id: str, globs: Collection[str]) -> bool:
    return "*" in globs or any(fnmatchcase(entity_id, glob) for glob in globs)


def _has_all(state: State, words: list[str]) -> bool:
    text = f"{state.entity_id} {state.name}".casefold().replace("_", " ").replace(".", " ")
    return all(word in text for word in words)
