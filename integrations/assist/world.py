"""What can be spoken of: the names of entities and integrations as they are right now."""

from __future__ import annotations

import difflib
import unicodedata
from collections.abc import Iterable
from functools import cached_property

from nanobot.hub.hub import Hub

CORE = "nanobot"
NOT_BY_NAME = frozenset({"integration", "reminder"})
"""Domains with words of their own: "is telegram running", "cancel the reminder about tea"."""

Key = tuple[tuple[tuple[str, str, object], ...], tuple[str, ...]]


class World:
    """A snapshot of names. Cheap to compare, so that the lists for matching are only made anew when one changed."""

    def __init__(self, key: Key) -> None:
        self.key = key
        self.entries = key[1]

    @classmethod
    def of(cls, hub: Hub, before: World | None = None) -> World:
        """The world now; ``before`` itself when nothing has another name."""
        names = tuple(
            (state.entity_id, state.name, state.attributes.get("aliases"))
            for state in hub.states.all()
            if state.domain not in NOT_BY_NAME
        )
        key = (names, tuple(entry for entry in hub.entries if entry != CORE))
        return before if before is not None and before.key == key else cls(key)

    @cached_property
    def spoken(self) -> list[tuple[str, str]]:
        """Each way to call each entity, with its id; friendly names first."""
        found: dict[tuple[str, str], None] = {}
        for entity_id, name, aliases in self.key[0]:
            more = [str(alias) for alias in aliases] if isinstance(aliases, (list, tuple)) else []
            for spoken in (name, *more):
                found[spoken.strip(), entity_id] = None
                found[plain(spoken), entity_id] = None
        taken = {spoken.casefold() for spoken, _ in found}
        for entity_id, _, _ in self.key[0]:
            spoken = entity_id.partition(".")[2].replace("_", " ").strip()
            if spoken.casefold() not in taken:
                found[spoken, entity_id] = None
            found[entity_id, entity_id] = None
        return [pair for pair in found if pair[0]]

    @cached_property
    def domains(self) -> frozenset[str]:
        """The domains of all entities."""
        return frozenset(entity_id.partition(".")[0] for entity_id, _, _ in self.key[0])

    @cached_property
    def called(self) -> dict[str, str]:
        """The name of each entity."""
        return {entity_id: name for entity_id, name, _ in self.key[0]}

    def named(self, text: str) -> list[str]:
        """The entities that are called exactly so, whatever the case and the accents."""
        wanted = plain(text)
        return list(dict.fromkeys(entity_id for spoken, entity_id in self.spoken if plain(spoken) == wanted))

    def mentioned(self, text: str) -> list[str]:
        """Entities whose whole name occurs in the text, the longest names first."""
        words = f" {plain(text)} "
        found = {
            entity_id: len(spoken)
            for spoken, entity_id in self.spoken
            if len(spoken) > 2 and (f" {plain(spoken)} " in words or (not spoken.isascii() and plain(spoken) in words))
        }
        return sorted(found, key=lambda entity_id: -found[entity_id])

    def near(self, text: str, limit: int = 3) -> list[str]:
        """Entities with a similar name, the most similar first."""
        ids: dict[str, list[str]] = {}
        for spoken, entity_id in self.spoken:
            ids.setdefault(plain(spoken), []).append(entity_id)
        close = difflib.get_close_matches(plain(text), ids, n=limit, cutoff=0.68)
        if not close:
            words = set(plain(text).split())
            close = [name for name in ids if len(words & set(name.split()) - {"the", "a"}) > 0]
        return list(dict.fromkeys(entity_id for name in close for entity_id in ids[name]))[:limit]


def plain(text: str) -> str:
    """Small letters without accents and without marks around words, for comparing."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    bare = "".join(letter for letter in decomposed if not unicodedata.combining(letter))
    return " ".join("".join(letter if letter.isalnum() else " " for letter in bare).split())


def nearest_entry(text: str, entries: Iterable[str]) -> str | None:
    """The entry whose id is like this text."""
    ids = {plain(entry): entry for entry in entries}
    close = difflib.get_close_matches(plain(text), ids, n=1, cutoff=0.6)
    return ids[close[0]] if close else None
