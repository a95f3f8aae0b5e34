"""What one entry brings by name, models or embedders: put into the hub, and brought to what an edit made of it, each
on its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Generic, Protocol, TypeVar

from nanobot.hub.entry import Entry
from nanobot.hub.registry import Registry

S = TypeVar("S")


class Configured(Protocol[S]):
    """Something with settings. ``owner``: the id of the entry that brings it."""

    name: str
    owner: str
    settings: S

    def take(self, settings: S, /) -> None:
        """Take over a configuration."""


T = TypeVar("T", bound=Configured[Any])


class Offering(Generic[T, S]):
    """By name. Each is a part of the entry. One whose name is taken waits, with an issue, until it is free.

    ``make`` makes one of its name and settings; ``kind`` keeps the parts of two offerings of an entry apart. The
    integration's translations have ``issues.name_taken``.
    """

    def __init__(self, entry: Entry, registry: Registry[Any], make: Callable[[str, S], T], *, kind: str = "") -> None:
        self.here: dict[str, T] = {}
        self._registry = registry
        self._entry = entry
        self._make = make
        self._kind = kind
        self._waiting: set[str] = set()
        self.stop = registry.watch(self._offer)
        """To be called before the entry is unloaded."""

    async def bring(self, wanted: Mapping[str, S]) -> None:
        """Become what is configured now. What is configured as before notices nothing."""
        for name in [name for name in self.here if name not in wanted]:
            del self.here[name]
            self._waiting.discard(name)
            await self.part(name).release()
        for name, settings in wanted.items():
            thing = self.here.get(name)
            if thing is None:
                self.here[name] = self._make(name, settings)
                self._entry.part(self._kind + name)
                self._waiting.add(name)
            elif thing.settings != settings:
                self.change(thing, settings)
        self._offer()
        for name in self._waiting:
            self._tell_taken(name)

    def part(self, name: str) -> Entry:
        """The part of the entry that one of them is."""
        return self._entry.parts[self._kind + name]

    def put(self, part: Entry, thing: T) -> None:
        """Its name is free: put it into the hub."""
        part.add(thing)

    def change(self, thing: T, settings: S) -> None:
        """It is configured in another way now."""
        thing.take(settings)

    def _offer(self) -> None:
        """Put those into the hub whose names are free. Called whenever something comes or goes."""
        for name in list(self._waiting):
            if name in self._waiting and name not in self._registry:
                self._waiting.discard(name)
                self.part(name).resolve("name_taken")
                self.put(self.part(name), self.here[name])

    def _tell_taken(self, name: str) -> None:
        part, other = self.part(name), self._registry.get(name)
        if other is None:
            return
        if f"{part.id}.name_taken" not in part.hub.issues:
            part.log.warning("there is already a %s named %r, of %s; give one of the two another name",
                             self._registry.what, name, _owner(other))  # fmt: skip
        part.issue("name_taken", model=name, here=self._entry.id, other=_owner(other))


def _owner(thing: Any) -> str:
    """The entry that brought it, or where that cannot be told, its integration."""
    owner = getattr(thing, "owner", None)
    return owner if isinstance(owner, str) else type(thing).__module__.removeprefix("integrations.").partition(".")[0]
