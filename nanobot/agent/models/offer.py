"""The models of one entry, with what is known of each and how it does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Generic, TypeVar

from nanobot.contracts.model import Model, Price
from nanobot.hub.entry import Entry
from nanobot.hub.issues import Severity

from .health import Health
from .offering import Offering
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


class Offer(Offering[Offered[S], S]):
    """The models of one entry. ``make`` makes a model of its name and settings."""

    def __init__(self, entry: Entry, make: Callable[[str, S], Offered[S]]) -> None:
        super().__init__(entry, entry.hub.models, make)
        self._clock = entry.hub.clock

    def put(self, part: Entry, thing: Offered[S]) -> None:
        thing.health = Health(self._clock.time)
        part.add(thing)
        part.add(ModelSensor(part, thing, thing.health))

    def change(self, thing: Offered[S], settings: S) -> None:
        thing.take(settings)
        thing.health.begin_anew()
        thing.trust()

    def doubt(self, name: str, key: str, /, **told: Any) -> None:
        """A model may not be there: show the issue ``key`` until it answers or is another one."""
        part, model = self.part(name), self.here[name]
        model.trust()
        part.issue(key, severity=Severity.WARNING, **told)
        model.trusted = partial(part.resolve, key)

    def trust(self) -> None:
        """Take back all doubts."""
        for model in self.here.values():
            model.trust()

    def know(self, name: str, facts: Facts) -> None:
        """Something was found out of a model, or turned out to be unknown."""
        model = self.here[name]
        if facts != model.facts:
            model.know(facts)
            model.health.changed()
