"""People who write from several places: ``nanobot: people:``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import voluptuous as vol

from nanobot.config import validators as cv
from nanobot.config.wrong import Wrong
from nanobot.util.text import shorten


@dataclass(frozen=True, slots=True)
class Person:
    """``identities`` are ``<channel>:<sender>``. ``share_session``: one conversation, wherever this person writes."""

    identities: tuple[str, ...]
    share_session: bool = False


@dataclass(frozen=True, slots=True)
class People:
    """By name. Whoever is not among them is known by channel and sender."""

    by_name: Mapping[str, Person] = field(default_factory=dict)
    _names: dict[str, str] = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        names = {one: name for name, person in self.by_name.items() for one in person.identities}
        object.__setattr__(self, "_names", names)

    def of(self, channel: str, sender: str) -> str:
        """The name of a person: the same one on all channels, else ``<channel>:<sender>``; "" for nobody."""
        identity = f"{channel}:{sender}"
        return self._names.get(identity, identity) if sender else ""

    def session(self, channel: str, sender: str) -> str | None:
        """The session that a person has on all channels; None: each chat has its own."""
        name = self._names.get(f"{channel}:{sender}")
        return f"person:{name}" if name is not None and self.by_name[name].share_session else None


def _identity(value: Any) -> str:
    text = cv.string(value).strip()
    channel, _, sender = text.partition(":")
    if not channel.strip() or not sender.strip():
        raise Wrong("not_an_identity", value=shorten(value))
    return text


def _person(value: Any) -> Any:
    return {"identities": value} if isinstance(value, (list, str)) else value


def _each_once(people: dict[str, Person]) -> dict[str, Person]:
    """Nobody can be two people."""
    known: dict[str, str] = {}
    for name, person in people.items():
        for place, identity in enumerate(person.identities):
            if known.setdefault(identity, name) != name:
                told = {"identity": identity, "name": known[identity]}
                raise Wrong("identity_taken", [name, "identities", place], **told)
    return people


_PERSON = vol.Schema(
    {
        vol.Required("identities"): vol.All(cv.ensure_list, [_identity], lambda found: tuple(found)),
        vol.Optional("share_session", default=False): cv.boolean,
    }
)
PEOPLE = vol.All(
    lambda value: {} if value is None else value,
    {cv.slug: vol.All(_person, _PERSON, lambda found: Person(**found))},
    _each_once,
)
