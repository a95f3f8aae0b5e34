"""The recorder itself: takes what happens from the bus, cleans up, and makes statistics."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

from nanobot.config.choice import choice
from nanobot.contracts.runnable import Runnable, RunTrace
from nanobot.errors import StorageError
from nanobot.hub.bus import Event
from nanobot.hub.entry import Entry
from nanobot.hub.hub import Hub, Phase
from nanobot.hub.issues import Severity
from nanobot.hub.states import STATE_CHANGED, STATE_REPORTED

from . import options, statistics
from .database import Database
from .forgetting import SLICE, Step, all_messages, events_of, of_entities, older_than, states_of, types_of_events
from .logbook import Following
from .reader import Reader
from .rows import FINISHED, TRACED, Rows, Traced
from .writer import Told, Writer

CONFIG_APPLIED = "config_applied"  # of the start it says nothing that is news
NOISE = frozenset(
    {
        "component_loaded",
        "core_config_updated",
        "http_started",
        "service_registered",
        "service_removed",
        "state_reported",
        "turn_progress",
    }
)
"""Events that say nothing later, or too much. ``include: event_types:`` has them recorded all the same."""
DAY = 86_400.0  # s
NIGHT = (4, 12)  # o'clock, as in Home Assistant
LONGEST_WAIT = 3600.0  # s; then the clock is looked at again, in case it was set or the machine slept
PAUSE = 0.02  # s between two slices of a purge
AFTER_PERIOD = 10.0  # s after five minutes have ended


class Recorder(Told):
    """One per hub. ``config`` is that of the entry."""

    def __init__(self, hub: Hub, entry: Entry) -> None:
        self.hub = hub
        self.entry = entry
        self.enabled = True
        url, path = options.database(entry.config.get("db_url"), hub.config_dir)
        self.database = Database(url, path)
        rows = Rows(hub.scrubber.scrub, messages=entry.config["messages"])
        self.rows = rows
        self.writer = Writer(self.database, rows, self, interval=entry.config["commit_interval"])
        self.reader = Reader(self.database, self.writer)
        self.following = Following(hub.states.get, lambda: hub.config.name)
        self._purging = asyncio.Lock()
        self._candidates: dict[str, statistics.Candidate] = {}
        self._started = 0.0
        self._last_record: asyncio.Future[float | None] | None = None
        self.take(entry.config)

    # -- what the options say -------------------------------------------------------------------

    def take(self, config: Mapping[str, Any]) -> None:
        """Options that may change while it records."""
        self.chosen: Callable[[str], bool] = choice(config)
        included, excluded = config["include"].get("event_types", ()), config["exclude"].get("event_types", ())
        self._only = frozenset(included)
        self._without = frozenset(excluded)
        self.keep_days: int = config["purge_keep_days"]
        self.auto_purge: bool = config["auto_purge"]
        self.auto_repack: bool = config["auto_repack"]
        self.rows.messages = config["messages"]
        self.writer.interval = config["commit_interval"]

    def wants(self, event_type: str) -> bool:
        """Whether events of this type are recorded."""
        if event_type in self._without:
            return False
        return event_type in self._only if self._only else event_type not in NOISE

    # -- its life -------------------------------------------------------------------------------

    def start(self) -> None:
        """Begin to record: what is there now, and what happens from now on."""
        self.entry.on_unload(self.close)
        self.writer.start()
        self.entry.listen("*", self.hear)
        self.entry.listen(STATE_REPORTED, self.hear)
        self._started = self.hub.clock.time()
        # asked for before anything new is written
        self._last_record = self.writer.submit(partial(statistics.last_recorded, before=self._started))
        self._last_record.add_done_callback(_ignore)
        self._note_present()
        self._await_night()
        self._await_period()

    async def _gap(self) -> tuple[float, float] | None:
        """When nothing was recorded before this start: from the last record until then. Told once."""
        asked, self._last_record = self._last_record, None
        if asked is None:
            return None
        before = await asked
        return None if before is None else (before, self._started)

    async def close(self) -> None:
        """Write what waits and close the database."""
        await self.writer.stop()
        await self.reader.close()

    def hear(self, event: Event) -> None:
        """Take an event from the bus. On the event loop, for each event there is: as little as possible."""
        kind = event.type
        if kind == STATE_CHANGED:
            new = event.data["new_state"]
            if new is None and self.hub.phase is Phase.STOPPING:
                return  # it is not gone, the house is being closed
            if not self.chosen(event.data["entity_id"]):
                return
        elif (
            not self.wants(kind)
            or ("entity_id" in event.data and not self._chosen_all(event.data["entity_id"]))
            or (kind == CONFIG_APPLIED and self.hub.phase is Phase.STARTING)
        ):
            return
        # its id is made now: whoever reads it later, in whatever thread, has to see the same
        self.following.note(event)
        if self.enabled:
            self.writer.put(Traced(event, self._trace_of(event)) if kind in TRACED else event)

    def _trace_of(self, event: Event) -> RunTrace | None:
        """What is noted of the run that an event is about, where it notes anything."""
        item: object = self.hub.entities.get(str(event.data.get("entity_id")))
        traces: list[RunTrace] = list(item.traces) if isinstance(item, Runnable) else []
        for trace in reversed(traces):
            if trace.run_id == event.data.get("run_id") if event.type == FINISHED else trace.context is event.context:
                return trace
        return None

    def enable(self, enabled: bool) -> None:
        """Go on recording, or pause."""
        if enabled and not self.enabled:
            self.enabled = True
            self._note_present()
        self.enabled = enabled

    def note_present(self) -> None:
        """Record the present states of entities that are chosen since a moment."""
        if self.enabled:
            self._note_present()

    def _note_present(self) -> None:
        present = [state for state in self.hub.states.all() if self.chosen(state.entity_id)]
        for state in present:
            _ = state.context.id
        if present:
            written = self.writer.submit(lambda connection: self.rows.write_states(connection, present))
            written.add_done_callback(_ignore)

    def _chosen_all(self, entity_id: object) -> bool:
        return not isinstance(entity_id, str) or self.chosen(entity_id)

    # -- what the writer says -------------------------------------------------------------------

    def failing(self, error: StorageError) -> None:
        self.entry.issue("stopped", error=error)

    def works(self) -> None:
        self.entry.resolve("stopped")

    def damaged(self, aside: Path) -> None:
        self.entry.issue("damaged", severity=Severity.WARNING, file=aside.name)

    def lost(self, count: int) -> None:
        if count:
            self.entry.issue("backlog", severity=Severity.WARNING)
        else:
            self.entry.resolve("backlog")

    # -- cleaning up ----------------------------------------------------------------------------

    async def purge(self, *, keep_days: float | None = None, repack: bool = False, apply_filter: bool = False) -> None:
        """Delete what is older than ``keep_days``, and with ``apply_filter`` what is not to be recorded any more.

        ``repack``: write the whole file anew afterwards, which takes as much room again. Raises ``StorageError``.
        """
        async with self._purging:
            days = self.keep_days if keep_days is None else keep_days
            await self._carry_out(older_than(self.hub.clock.time() - days * DAY, self.rows))
            if apply_filter:
                await self._purge_states(lambda entity_id: not self.chosen(entity_id), self.hub.clock.time())
                recorded = await self.writer.do(types_of_events)
                await self._carry_out(events_of([one for one in recorded if not self.wants(one)]))
                await self._carry_out([] if self.rows.messages else all_messages())
            await self._give_back(repack)

    async def purge_entities(self, doomed: Callable[[str], bool], keep_days: float) -> None:
        """Delete the states of some entities older than ``keep_days``. Raises ``StorageError``."""
        async with self._purging:
            await self._purge_states(doomed, self.hub.clock.time() - keep_days * DAY)
            await self._give_back(False)

    async def _purge_states(self, doomed: Callable[[str], bool], before: float) -> None:
        numbers = await self.writer.do(partial(of_entities, chosen=doomed))
        await self._carry_out(states_of(numbers, before, self.rows))

    async def _carry_out(self, steps: Iterable[Step]) -> None:
        for step in steps:
            while await self.writer.do(step) >= SLICE:  # noqa: ASYNC110 - a breath for those who want to write
                await asyncio.sleep(PAUSE)

    async def _give_back(self, repack: bool) -> None:
        if repack:
            await self.writer.outside(lambda: self.database.run("VACUUM"))
        elif self.database.is_sqlite and self.auto_repack:
            while await self.writer.outside(self.database.free_pages):  # noqa: ASYNC110 - a breath for those who want to write
                await asyncio.sleep(PAUSE)

    def _await_night(self) -> None:
        now = self.hub.clock.now()
        night = now.replace(hour=NIGHT[0], minute=NIGHT[1], second=0, microsecond=0)
        if night <= now:
            night += timedelta(days=1)
        left = (night - now).total_seconds()
        if left > LONGEST_WAIT:
            self.entry.call_later(LONGEST_WAIT, self._await_night)
        else:
            self.entry.call_later(left, self._nightly)

    async def _nightly(self) -> None:
        self._await_night()
        if not self.auto_purge:
            return
        try:
            await self.purge()
        except StorageError as error:
            self.entry.log.warning("old records are not deleted: %s", error)

    # -- statistics -----------------------------------------------------------------------------

    def _await_period(self) -> None:
        left = statistics.SHORT - self.hub.clock.time() % statistics.SHORT + AFTER_PERIOD
        self.entry.call_later(left, self._end_of_period)

    async def _end_of_period(self) -> None:
        self._await_period()
        try:
            await self.compile()
        except StorageError as error:
            self.entry.log.debug("statistics wait: %s", error)

    def candidates(self) -> dict[str, statistics.Candidate]:
        """Of what there is something to say now, by entity."""
        found = (statistics.candidate(state) for state in self.hub.states.all())
        return {one.entity_id: one for one in found if one is not None and self.chosen(one.entity_id)}

    async def compile(self) -> None:
        """Make the statistics of all five minutes that are over. Raises ``StorageError``."""
        if not self.enabled:
            return
        self._candidates.update(self.candidates())
        for entity_id in [entity_id for entity_id in self._candidates if entity_id not in self.hub.states]:
            del self._candidates[entity_id]
        candidates = list(self._candidates.values())
        now = self.hub.clock.time()
        starts = await self.writer.do(partial(statistics.due, now=now, gap=await self._gap()))
        for start in starts:
            await self.writer.do(partial(statistics.compile_period, start=start, candidates=candidates))


def _ignore(written: asyncio.Future[Any]) -> None:
    """For what nobody waits for: that it failed is an issue by then."""
    if not written.cancelled():
        written.exception()
