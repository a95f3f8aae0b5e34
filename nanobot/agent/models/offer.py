"""The models of one entry: put into the hub, and brought to what an edit made of them, each on its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Generic, TypeVar

from nanobot.contracts.model import Model, Price
from nanobot.hub.entry import Entry
from nanobot.hub.issues import Severity

from .health import Health
from .request import Settings
from .sensor import ModelSensor
from .throttle import Throttle

S = TypeVar("S", bound=Settings)


@dataclass(frozen=True, slots=True)
class Facts:
    """What is found out of a model without being configured; None: nothing."""

    price: Price | None = None
    context_window: int | None = None
    sees: bool | None = None


class Offered(Model, Generic[S]):
    """A model that is configured. An edit reaches the next call; one that runs ends as it began."""

    throttle: Throttle
    health: Health

    def __init__(self, name: str, owner: str, settings: S) -> None:
        super().__init__(name)
        self.owner = owner
        """The id of the entry that brings it."""
        self.trusted: Callable[[], None] | None = None
        """Called once when it answers, for whoever doubts that it is there."""
        self.throttle = Throttle(name)
        self.health = Health()
        self.facts = Facts()
        self.take(settings)

    def take(self, settings: S) -> None:
        """Take over a configuration."""
        self.settings = settings
        self.timeout = settings.timeout
        self.retries = settings.retries
        self.fallbacks = settings.fallbacks
        self.throttle.limit(settings.rate_limit, settings.concurrency)
        self.know(self.facts)

    def know(self, facts: Facts) -> None:
        """Take over what was found out of it. What is configured counts more."""
        settings, self.facts = self.settings, facts
        self.price = facts.price if settings.price is None else settings.price
        self.context_window = facts.context_window if settings.context_window is None else settings.context_window
        self.sees = bool(facts.sees if settings.sees is None else settings.sees)

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
                model = self.here[name] = self._make(name, settings)
                model.health = Health(self._hub.clock.time)
                self._entry.part(name)
                self._waiting.add(name)
            elif model.settings != settings:
                model.take(settings)
                model.health.begin_anew()
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
                part, model = self._entry.parts[name], self.here[name]
                part.add(model)
                part.add(ModelSensor(part, model, model.health))

    def know(self, name: str, facts: Facts) -> None:
        """Something was found out of a model, or turned out to be unknown."""
        model = self.here[name]
        if facts != model.facts:
            model.know(facts)
            model.health.changed()

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
