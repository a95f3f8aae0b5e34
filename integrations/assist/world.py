"""What can be spoken of: the names of entities and integrations as they are right now."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from functools import cached_property

from nanobot.hub.hub import Hub

CORE = "nanobot"
NOT_BY_NAME = frozenset({"integration", "reminder"})
"""Domains with words of their own: "is telegram running", "cancel the reminder about tea". So have the timers that
somebody starts in passing: making these lists anew for each of them would cost more than anything else here."""

_ENTITY_ID = re.compile(r"\b[a-z0-9_]+\.[a-z0-9_]*[a-z][a-z0-9_]*\b", re.IGNORECASE)
_MARKS = re.compile(r"[^a-z0-9]+")

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
            if state.domain not in NOT_BY_NAME and "temporary" not in state.attributes
        )
        key = (names, tuple(entry for entry in hub.entries if entry != CORE))
        return before if before is not None and before.key == key else cls(key)

    @cached_property
    def spoken(self) -> list[tuple[str, str]]:
        """Each way to call each entity, with its id; friendly names first."""
        found: dict[tuple[str, str], None] = {}
        for entity_id, name, aliases in self.key[0]:
            more = [str(alias) for alias in aliases] if isinstance(aliases, (list, tuple)) else []
            for spoken in (name.strip(), *more):
                found[spoken, entity_id] = None
                if (bare := plain(spoken)) != spoken.lower():
                    found[bare, entity_id] = None
        taken = {spoken.casefold() for spoken, _ in found}
        for entity_id, _, _ in self.key[0]:
            spoken = entity_id.partition(".")[2].replace("_", " ").strip()
            if spoken.casefold() not in taken:
                found[spoken, entity_id] = None
        return [pair for pair in found if pair[0]]

    @cached_property
    def domains(self) -> frozenset[str]:
        """The domains of all entities."""
        return frozenset(entity_id.partition(".")[0] for entity_id, _, _ in self.key[0])

    @cached_property
    def called(self) -> dict[str, str]:
        """The name of each entity."""
        return {entity_id: name for entity_id, name, _ in self.key[0]}

    def with_names(self, text: str) -> str:
        """The text with names in the place of entity ids."""
        return _ENTITY_ID.sub(lambda found: self.called.get(found[0].lower(), found[0]), text)

    @cached_property
    def plainly(self) -> dict[str, list[str]]:
        """The entities of each way to call one, in plain letters."""
        found: dict[str, dict[str, None]] = {}
        for spoken, entity_id in self.spoken:
            found.setdefault(plain(spoken), {})[entity_id] = None
        return {spoken: list(ids) for spoken, ids in found.items()}

    def named(self, text: str) -> list[str]:
        """The entities that are called exactly so, whatever the case and the accents."""
        return self.plainly.get(plain(text), [])

    def mentioned(self, text: str) -> list[str]:
        """Entities whose whole name occurs in the text, the longest names first."""
        bare = plain(text)
        words = f" {bare} "
        found = [
            (len(spoken), entity_id)
            for spoken, ids in self.plainly.items()
            if spoken in bare and len(spoken) > 1 and (not spoken.isascii() or f" {spoken} " in words)
            for entity_id in ids
        ]
        return list(dict.fromkeys(entity_id for _, entity_id in sorted(found, key=lambda one: -one[0])))

    def near(self, text: str) -> list[str]:
        """Entities with a similar name or one of these words in it, the most similar first.

        Takes 10 ms for 1,000 names: not for the loop.
        """
        wanted = plain(text)
        words = [word for word in wanted.split() if len(word) > 2 or not word.isascii()]
        import difflib  # seldom needed

        close = difflib.get_close_matches(wanted, self.plainly, n=5, cutoff=0.68)
        close += [spoken for spoken in self.plainly if any(_begins(word, spoken) for word in words)]
        return list(dict.fromkeys(entity_id for spoken in close for entity_id in self.plainly[spoken]))


def _begins(word: str, spoken: str) -> bool:
    """Whether a word of the name is this one, or this one with an ending."""
    return any(one == word or (len(word) > 3 and one.startswith(word)) for one in spoken.split())


def plain(text: str) -> str:
    """Small letters without accents and without marks around words, for comparing."""
    if text.isascii():
        return " ".join(_MARKS.sub(" ", text.lower()).split())
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    bare = "".join(letter for letter in decomposed if not unicodedata.combining(letter))
    return " ".join("".join(letter if letter.isalnum() else " " for letter in bare).split())


def nearest_entry(text: str, entries: Iterable[str]) -> str | None:
    """The entry whose id is like this text."""
    ids = {plain(entry): entry for entry in entries}
    import difflib

    close = difflib.get_close_matches(plain(text), ids, n=1, cutoff=0.6)
    return ids[close[0]] if close else None
