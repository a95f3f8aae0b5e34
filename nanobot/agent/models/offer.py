"""The models of one entry: put into the hub, and brought to what an edit made of them, each on its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Generic, TypeVar

from nanobot.contracts.model import Model
from nanobot.hub.entry import Entry
from nanobot.hub.issues import Severity

from .request import Settings

S = TypeVar("S", bound=Settings)


class Offered(Model, Generic[S]):
    """A model that is configured. An edit reaches the next call; one that runs ends as it began."""

    def __init__(self, name: str, owner: str, settings: S) -> None:
        super().__init__(name)
        self.owner = owner
        """The id of the entry that brings it."""
        self.trusted: Callable[[], None] | None = None
        """Called once when it answers, for whoever doubts that it is there."""
        self.take(settings)

    def take(self, settings: S) -> None:
        """Take over a configuration."""
        self.settings = settings
        self.timeout = settings.timeout
        self.retries = settings.retries
        self.fallbacks = settings.fallbacks

    def trust(self) -> None:
        """It is there."""
        told, self.trusted = self.trusted, None
        if told is not None:
            told()


class Offer(Generic[S]):
    """By name. Each is a part of the entry. One whose name is taken waits, with an issue, until it is free.

    ``make`` makes a model of its name and settings. The integration's translations have ``issues.name_taken``.
    """

    def __init__(self, entry: Entry, make: Callable[[str, S], Offered[S]]) -> None:
        self.here: dict[str, Offered[S]] = {}
        self._hub = entry.hub
        self._entry = entry
        self._make = make
        self._waiting: set[str] = set()
        self.stop = self._hub.models.watch(self._offer)
        """To be called before the entry is unloaded."""

    async def bring(self, wanted: Mapping[str, S]) -> None:
        """Become what is configured now. What is configured as before notices nothing."""
        for name in [name for name in self.here if name not in wanted]:
            del self.here[name]
            self._waiting.discard(name)
            await self._entry.parts[name].release()
        for name, settings in wanted.items():
            model = self.here.get(name)
            if model is None:
                self.here[name] = self._make(name, settings)
                self._entry.part(name)
                self._waiting.add(name)
            elif model.settings != settings:
                model.take(settings)
                model.trust()
        self._offer()
        for name in self._waiting:
            self._tell_taken(name)

    def doubt(self, name: str, key: str, /, **told: Any) -> None:
        """A model may not be there: show the issue ``key`` until it answers or is another one."""
        part, model = self._entry.parts[name], self.here[name]
        model.trust()
        part.issue(key, severity=Severity.WARNING, **told)
        model.trusted = partial(part.resolve, key)

    def trust(self) -> None:
        """Take back all doubts."""
        for model in self.here.values():
            model.trust()

    def _offer(self) -> None:
        """Put those into the hub whose names are free. Called whenever a model comes or goes."""
        for name in list(self._waiting):
            if name in self._waiting and name not in self._hub.models:
                self._waiting.discard(name)
                self._entry.parts[name].resolve("name_taken")
                self._entry.parts[name].add(self.here[name])

    def _tell_taken(self, name: str) -> None:
        part, other = self._entry.parts[name], self._hub.models.get(name)
        if other is None:
            return
        if f"{part.id}.name_taken" not in self._hub.issues:
            part.log.warning("there is already a model named %r, of %s; give one of the two another name",
                             name, _owner(other))  # fmt: skip
        part.issue("name_taken", model=name, here=self._entry.id, other=_owner(other))


def _owner(model: Model) -> str:
    """The entry that brought a model, or where that cannot be told, its integration."""
    owner = getattr(model, "owner", None)
    return owner if isinstance(owner, str) else type(model).__module__.removeprefix("integrations.").partition(".")[0]
