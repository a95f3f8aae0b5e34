"""What the hub can ask about the past."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import partial
from typing import Any

from nanobot.contracts.history import Chain, History, PastEvent, PastRun, PastState, Period, Place, Recording
from nanobot.hub.bus import Event
from nanobot.hub.states import STATE_CHANGED

from . import figures, logbook, past
from .chain import chain, entity_ids, past_events, past_messages, past_runs
from .recording import Recorder
from .writer import MAX_BACKLOG

MOST_AT_ONCE = 10_000  # events or runs


class Recorded(History):
    """Answers from what the recorder wrote."""

    name = "recorder"

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._hub = recorder.hub

    def records(self, entity_id: str) -> bool:
        return self._recorder.chosen(entity_id)

    def shows(self, entity_id: str, place: Place) -> bool:
        if not self._recorder.chosen(entity_id):
            return False
        shown = self._hub.shown.get(place)
        return shown is None or shown.allows(entity_id)

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
        wanted = [one for one in dict.fromkeys(entity_ids) if hidden or self.shows(one, "history")]
        question = past.Question(
            wanted,
            start,
            self._until(end),
            minimal=minimal,
            no_attributes=no_attributes,
            significant_only=significant_only,
            include_start=include_start,
        )
        return await self._recorder.reader.ask(question.answer) if wanted else {}

    async def events(
        self,
        start: float,
        end: float | None = None,
        types: Collection[str] | None = None,
        context: str | None = None,
        *,
        limit: int = MOST_AT_ONCE,
    ) -> list[PastEvent]:
        return await self._recorder.reader.ask(
            partial(
                past_events,
                start=start,
                end=self._until(end),
                types=types,
                context=context,
                limit=min(limit, MOST_AT_ONCE),
            )
        )

    async def messages(self, start: float, end: float | None = None, *, limit: int = MOST_AT_ONCE) -> list[PastEvent]:
        question = partial(past_messages, start=start, end=self._until(end), limit=min(limit, MOST_AT_ONCE))
        return await self._recorder.reader.ask(question)

    async def entities(self) -> list[str]:
        return await self._recorder.reader.ask(entity_ids)

    async def logbook(
        self,
        start: float,
        end: float | None = None,
        entities: Collection[str] | None = None,
        context: str | None = None,
        *,
        language: str = "en",
    ) -> list[dict[str, Any]]:
        look = self._hub.states.get
        question = logbook.Question(
            logbook.Teller(look, self._hub.config.name, language),
            look,
            lambda entity_id: self.shows(entity_id, "logbook"),
            start,
            self._until(end),
            entities,
            context,
        )
        return await self._recorder.reader.ask(question.answer)

    def tell(self, event: Event, *, language: str = "en") -> dict[str, Any] | None:
        if event.type != STATE_CHANGED and not self._recorder.wants(event.type):
            return None
        row = self._recorder.following.tell(event, language)
        if row is None or ("entity_id" in row and row["entity_id"] and not self.shows(row["entity_id"], "logbook")):
            return None
        return row

    async def chain(self, context_id: str) -> Chain:
        return await self._recorder.reader.ask(partial(chain, context_id=context_id))

    async def runs(
        self, item: str | None = None, start: float = 0.0, end: float | None = None, *, limit: int = 100
    ) -> list[PastRun]:
        return await self._recorder.reader.ask(
            partial(past_runs, item=item, start=start, end=self._until(end), limit=min(limit, MOST_AT_ONCE))
        )

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
        return await self._recorder.reader.ask(
            partial(
                figures.during,
                ids=ids,
                start=start,
                end=self._until(end),
                period=period,
                zone=self._hub.clock.zone,
                types=types,
                units=units or {},
            )
        )

    async def statistic(
        self, entity_id: str, start: float, end: float | None = None, *, units: Mapping[str, str] | None = None
    ) -> dict[str, float] | None:
        question = partial(figures.over, entity_id=entity_id, start=start, end=self._until(end), units=units or {})
        return await self._recorder.reader.ask(question)

    async def statistic_ids(self, ids: Collection[str] | None = None) -> list[dict[str, Any]]:
        return await self._recorder.reader.ask(partial(figures.listed, ids=ids, present=self._recorder.candidates()))

    async def info(self) -> Recording:
        recorder = self._recorder
        error = recorder.writer.error
        details = {
            "database": "sqlite" if recorder.database.is_sqlite else "postgresql",
            "db_in_default_location": "db_url" not in recorder.entry.config,
            "keep_days": recorder.keep_days,
            "thread_running": recorder.writer.is_running,
        }
        return Recording(
            recorder.enabled and error is None,
            recorder.writer.backlog,
            MAX_BACKLOG,
            None if error is None else self._hub.scrubber.scrub(str(error)),
            details,
        )

    def _until(self, end: float | None) -> float:
        # a state of this very moment belongs to what has happened
        return self._hub.clock.time() + 1.0 if end is None else end
