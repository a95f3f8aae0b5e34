"""What was recorded, for a replay: read from the running hub, or from the records themselves while none runs."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nanobot.config.check import Checked
from nanobot.contracts.history import History
from nanobot.hub.bus import Remove
from nanobot.hub.hub import Hub
from nanobot.lifecycle.entries import Entries
from nanobot.lifecycle.instance import Instance
from nanobot.lifecycle.loader import Loader
from nanobot.lifecycle.plan import complete

MOST_EVENTS = 10_000
MOST_MESSAGES = 10_000
MOST_RUNS = 10_000
MOST_ENTITIES = 500  # of those that nobody named
EVERYTHING = "*"
HISTORY = "history"
"""What an integration provides that keeps the past, by its manifest."""


@dataclass(frozen=True, slots=True)
class Question:
    """``start`` and ``end`` in seconds since the epoch; ``item`` is the entity id of what ran. ``domains``: of these
    all entities, ``*`` for all of them. ``types``: those of the events, ``*`` for all."""

    entities: Collection[str]
    item: str
    start: float
    end: float
    domains: Collection[str] = ()
    types: Collection[str] = (EVERYTHING,)

    def as_dict(self) -> dict[str, Any]:
        """For the control socket."""
        return {
            "entities": sorted(self.entities),
            "item": self.item,
            "start": self.start,
            "end": self.end,
            "domains": sorted(self.domains),
            "types": sorted(self.types),
        }


async def read(history: History | None, question: Question) -> dict[str, Any] | None:
    """``{states: {entity_id: [[time, state, attributes]]}, events: [[time, type, data]], messages: …,
    runs: [[time, outcome]]}``, each oldest first, JSON-able; None while nothing is recorded. Raises ``StorageError``.

    The first of the states is the one that held at ``start``. ``messages`` are as ``events``. ``cut``: of events,
    messages, or the entities of a domain not all are told.
    """
    if history is None:
        return None
    start, end = question.start, question.end
    more = await _of_domains(history, question)
    wanted = [*question.entities, *more[:MOST_ENTITIES]]
    states = await history.states(wanted, start, end, significant_only=False, hidden=True)
    types = None if EVERYTHING in question.types else question.types
    events = await history.events(start, end, types, limit=MOST_EVENTS) if question.types else []
    messages = await history.messages(start, end, limit=MOST_MESSAGES)
    runs = await history.runs(question.item, start, end, limit=MOST_RUNS)
    return {
        "states": {
            entity_id: [[row.last_updated, row.state, dict(row.attributes)] for row in rows]
            for entity_id, rows in states.items()
        },
        "events": [[event.time, event.type, dict(event.data)] for event in events],
        "messages": [[event.time, event.type, dict(event.data)] for event in messages],
        "runs": [[run.started, run.outcome] for run in reversed(runs)],
        "cut": len(events) >= MOST_EVENTS or len(messages) >= MOST_MESSAGES or len(more) > MOST_ENTITIES,
    }


async def _of_domains(history: History, question: Question) -> list[str]:
    if not question.domains:
        return []
    known = await history.entities()
    every = EVERYTHING in question.domains
    return [one for one in known if every or one.partition(".")[0] in question.domains]


async def read_without_hub(config_dir: Path, checked: Checked, loader: Loader, question: Question) -> Any:
    """As ``read``. Raises ``AlreadyRunning`` when a hub has the folder."""
    with Instance(config_dir):
        async with _keepers(config_dir, checked, loader) as hub:
            return await read(hub.history, question)


@asynccontextmanager
async def _keepers(config_dir: Path, checked: Checked, loader: Loader) -> AsyncIterator[Hub]:
    """A hub with nothing in it but what keeps the past."""
    hub = Hub(config_dir)
    vars(hub.bus)["listen"] = _nobody  # this is no time of the house, so nothing of it is to be recorded
    hub.configure(checked.core)
    entries = Entries(hub, loader)
    try:
        wanted = complete(checked, loader)
        await entries.apply((), {i: e for i, e in wanted.items() if e.ok and _provides(loader, e.domain)})
        yield hub
    finally:
        await entries.close()
        for tasks in (hub.tasks, hub.services.tasks, hub.bus.tasks):
            await tasks.cancel(1.0)


def _nobody(*wanted: Any, **how: Any) -> Remove:
    return lambda: None


def _provides(loader: Loader, domain: str) -> bool:
    integration = loader.find(domain)
    return integration is not None and HISTORY in integration.manifest.provides
