"""The past: what was recorded, for whoever shows it, explains it, or plays it again.

All times are seconds since the epoch. Everything that reads waits for what has happened until now to be written first,
so a reader sees what the hub has done a moment ago.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from nanobot.util.dt import iso

if TYPE_CHECKING:
    from nanobot.hub.bus import Event

Place = Literal["history", "logbook"]
Period = Literal["5minute", "hour", "day", "week", "month"]


@dataclass(frozen=True, slots=True)
class PastState:
    """A state as it was. ``minimal``: only ``state`` and the times are known, clients are told no more."""

    entity_id: str
    state: str
    attributes: Mapping[str, Any]
    last_changed: float
    last_updated: float
    minimal: bool = False

    def as_dict(self) -> dict[str, Any]:
        """The shape of ``GET /api/history/period`` (Home Assistant 2025.4)."""
        if self.minimal:
            return {"state": self.state, "last_changed": iso(self.last_changed)}
        return {
            "entity_id": self.entity_id,
            "state": self.state,
            "attributes": dict(self.attributes),
            "last_changed": iso(self.last_changed),
            "last_updated": iso(self.last_updated),
        }

    def compressed(self) -> dict[str, Any]:
        """The shape of ``history/history_during_period`` and ``history/stream`` (Home Assistant 2025.4)."""
        if self.minimal:
            return {"s": self.state, "lu": self.last_updated}
        row: dict[str, Any] = {"s": self.state, "a": dict(self.attributes), "lu": self.last_updated}
        if self.last_changed != self.last_updated:
            row["lc"] = self.last_changed
        return row


@dataclass(frozen=True, slots=True)
class Cause:
    """A context that something was recorded with. ``actor`` as in ``nanobot.hub.context.Context``."""

    id: str
    parent_id: str | None = None
    user_id: str | None = None
    actor: str | None = None


@dataclass(frozen=True, slots=True)
class PastEvent:
    """An event of the bus as it was."""

    type: str
    data: Mapping[str, Any]
    time: float
    cause: Cause | None = None
    origin: str = "LOCAL"


@dataclass(frozen=True, slots=True)
class PastRun:
    """A run of an automation or script. ``item`` is its entity id; ``finished`` is None while it goes on.

    ``outcome``: ``finished``, ``stopped``, ``aborted``, ``error``, ``failed_conditions``, …; None when nobody said.
    ``trace``: what was noted step by step, where there is such a thing.
    """

    id: str
    item: str
    name: str
    started: float
    finished: float | None = None
    outcome: str | None = None
    source: str | None = None
    error: str | None = None
    cause: Cause | None = None
    trace: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Happening:
    """One link of a chain. ``what`` is the entity id, the event type, the session of a message, or the item of a run.

    ``data`` by ``kind``: *state* ``{state, old_state, attributes}`` (``state`` None: it was removed); *event* its data;
    *message* ``{direction, channel, session, text, …}``; *run* ``{name, source, outcome, error, finished}``.
    """

    kind: Literal["state", "event", "message", "run"]
    time: float
    what: str
    data: Mapping[str, Any]
    cause: Cause


@dataclass(frozen=True, slots=True)
class Chain:
    """All that hangs together with one context: ``causes`` with the first cause first, ``happenings`` by time.

    ``complete`` is False when there was more than is told at once.
    """

    causes: Sequence[Cause] = ()
    happenings: Sequence[Happening] = ()
    complete: bool = True


@dataclass(frozen=True, slots=True)
class Shown:
    """What of the recorded past is shown to people, in the history or in the logbook (``name``).

    Added by the integrations of those names; without one everything recorded is shown.
    """

    name: Place
    allows: Callable[[str], bool]
    """By entity id."""


@dataclass(frozen=True, slots=True)
class Recording:
    """How the recorder is doing: the shape of ``recorder/info``."""

    recording: bool
    backlog: int = 0
    max_backlog: int = 0
    error: str | None = None
    details: Mapping[str, Any] = field(default_factory=dict)


class History(ABC):
    """Reads what was recorded. Ask ``hub.history``; it is None while nothing is recorded.

    Each reader raises ``StorageError`` when the records cannot be read, or would take too long or too much memory; its
    text says which. ``end`` None is now. Entities that were never recorded are left out of answers.
    """

    name: str

    @abstractmethod
    def records(self, entity_id: str) -> bool:
        """Whether the states of this entity are recorded."""

    @abstractmethod
    def shows(self, entity_id: str, place: Place) -> bool:
        """Whether they are recorded and shown in the history or the logbook; for those who follow the bus."""

    @abstractmethod
    async def states(
        self,
        entity_ids: Collection[str],
        start: float,
        end: float | None = None,
        *,
        minimal: bool = False,
        no_attributes: bool = False,
        significant_only: bool = True,
        include_start: bool = True,
        hidden: bool = False,
    ) -> dict[str, list[PastState]]:
        """The states of each entity in a period, in the order of ``entity_ids``, each oldest first.

        As in Home Assistant: with ``include_start`` the first row is the state at ``start``, which it has as its times.
        ``significant_only`` leaves out changes of attributes alone, save for domains that live in their attributes.
        ``minimal`` tells of all rows but the first only state and time, and leaves repetitions out.
        An entity without rows is left out. ``hidden``: also what the options of ``history`` keep from people.
        """

    @abstractmethod
    async def events(
        self,
        start: float,
        end: float | None = None,
        types: Collection[str] | None = None,
        context: str | None = None,
        *,
        limit: int = 10_000,
    ) -> list[PastEvent]:
        """Recorded events, oldest first; ``types`` None: all that are recorded. Of more than ``limit`` the newest."""

    @abstractmethod
    async def messages(self, start: float, end: float | None = None, *, limit: int = 10_000) -> list[PastEvent]:
        """What was written in chats, oldest first, as the events ``message_received``, ``message_sent`` and
        ``message_failed`` told it then. Of more than ``limit`` the newest."""

    @abstractmethod
    async def entities(self) -> list[str]:
        """The ids of all entities whose states are recorded."""

    @abstractmethod
    async def logbook(
        self,
        start: float,
        end: float | None = None,
        entities: Collection[str] | None = None,
        context: str | None = None,
        *,
        language: str = "en",
    ) -> list[dict[str, Any]]:
        """What happened in words, oldest first, in the shape of Home Assistant's logbook.

        Rows have ``when`` (float seconds) and ``name``, and as far as they apply ``entity_id state message domain icon
        source context_id context_user_id context_entity_id context_entity_id_name context_state context_event_type
        context_domain context_service context_name context_message context_source``. With ``context`` only what was
        done in it.
        """

    @abstractmethod
    def tell(self, event: Event, *, language: str = "en") -> dict[str, Any] | None:
        """The row that the logbook will have for an event of the bus, for those who follow; None when it has none."""

    @abstractmethod
    async def chain(self, context_id: str) -> Chain:
        """Everything recorded with this context, its parents up to the first cause, and all that these caused."""

    @abstractmethod
    async def runs(
        self, item: str | None = None, start: float = 0.0, end: float | None = None, *, limit: int = 100
    ) -> list[PastRun]:
        """Runs of an automation or script (by entity id), or of all; newest first."""

    @abstractmethod
    async def statistics(
        self,
        ids: Collection[str] | None,
        start: float,
        end: float | None = None,
        period: Period = "hour",
        *,
        types: Collection[str] | None = None,
        units: Mapping[str, str] | None = None,
    ) -> dict[str, list[dict[str, Any]]]:
        """Per entity rows ``{start, end, mean, min, max}`` or ``{start, end, state, sum, change}``, or just ``types``.

        ``units``: by class of units, such as ``energy``, the one that is wanted.

        ``start`` and ``end`` of a row are milliseconds since the epoch, as in ``recorder/statistics_during_period``.
        Days, weeks and months are those of the configured time zone. ``ids`` None: all that have statistics.
        """

    @abstractmethod
    async def statistic(
        self, entity_id: str, start: float, end: float | None = None, *, units: Mapping[str, str] | None = None
    ) -> dict[str, float] | None:
        """``mean``, ``min`` and ``max`` of a whole period, or its ``change``, as far as there are such; None for an
        entity without statistics."""

    @abstractmethod
    async def statistic_ids(self, ids: Collection[str] | None = None) -> list[dict[str, Any]]:
        """Of which entities there are statistics: the rows of ``recorder/list_statistic_ids``."""

    @abstractmethod
    async def info(self) -> Recording:
        """How the recorder is doing."""
