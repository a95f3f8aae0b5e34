"""Plays recorded history through an automation as it is written now, and notes what it would have done."""

from __future__ import annotations

import logging
import re
import tempfile
from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nanobot.automation.runnable import RUN_FINISHED
from nanobot.automation.tested import RUNNING
from nanobot.automation.trace import End, Trace
from nanobot.config.check import Checked, EntryConfig
from nanobot.hub.bus import Event
from nanobot.lifecycle.loader import Loader
from nanobot.lifecycle.trial.loop import run
from nanobot.lifecycle.trial.stage import INTERNAL, Happening, Stage, alone

SAME = 2.0  # s between a run that was and one that would have been, which are taken for the same
_ID = re.compile(r"[a-z0-9_]+\.[a-z0-9_]+")
NOT_RUN = tuple(end.value for end in (End.CONDITIONS, End.SINGLE, End.MAX, End.RECURSION))
"""Outcomes of which nothing was done."""


@dataclass(slots=True)
class Replayed:
    """A run that would have been, or that was. ``outcome`` None: it would not even have been triggered; ``really``:
    there was such a run."""

    time: float
    outcome: str | None
    source: str | None = None
    error: str | None = None
    really: bool = False
    done: list[Happening] = field(default_factory=list)

    @property
    def ran(self) -> bool:
        """Whether something would have been done."""
        return self.outcome is not None and self.outcome not in NOT_RUN


def entities_of(value: Any) -> Iterator[str]:
    """Everything in an automation that looks like the id of an entity."""
    if isinstance(value, str):
        yield from _ID.findall(value.lower())
    elif isinstance(value, Mapping):
        for key, one in value.items():
            yield from entities_of(key)
            yield from entities_of(one)
    elif isinstance(value, list):
        for one in value:
            yield from entities_of(one)


def replay(
    entry: EntryConfig,
    key: Hashable,
    records: Mapping[str, Any],
    period: tuple[float, float],
    checked: Checked,
    loader: Loader,
) -> list[Replayed]:
    """``records`` as ``records.read`` gives them. Blocks; not for a thread with an event loop."""
    level = logging.root.manager.disable
    logging.disable(logging.CRITICAL)  # what fails is told with the run in which it does
    try:
        with tempfile.TemporaryDirectory(prefix="nanobot-simulate-") as folder:
            found = run(_replay(alone(entry, key), records, period, checked, loader, Path(folder)))
    finally:
        logging.disable(level)
    for time, outcome in records["runs"]:
        if outcome in NOT_RUN:
            continue
        same = [one for one in found if one.ran and not one.really and abs(one.time - time) <= SAME]
        if same:
            min(same, key=lambda one: abs(one.time - time)).really = True
        else:
            found.append(Replayed(time, None, really=True))
    return sorted(found, key=lambda one: one.time)


async def _replay(
    entry: EntryConfig,
    records: Mapping[str, Any],
    period: tuple[float, float],
    checked: Checked,
    loader: Loader,
    folder: Path,
) -> list[Replayed]:
    start, end = period
    stage = Stage(folder, loader, checked, start)
    runs: list[Replayed] = []
    by_context: dict[str, Replayed] = {}

    def over(event: Event) -> None:
        told = event.data
        one = Replayed(told["started"], told["outcome"], told.get("source"), told.get("error"))
        runs.append(one)
        by_context[event.context.id] = one

    try:
        await stage.open(real=False)
        past = sorted(_past(records, start), key=lambda one: one[0])
        for time, kind, what, data in past:
            if time <= start and kind == "state":
                stage.hub.states.set(what, *data)
        await stage.bring(entry)
        stage.book.happenings.clear()
        stage.hub.bus.listen(RUN_FINISHED, over)
        for time, kind, what, data in past:
            if time <= start:
                continue
            await stage.passes(max(0.0, time - stage.hub.clock.time()))
            if kind == "state":
                stage.hub.states.set(what, *data)
            else:
                stage.quiet_event(what, data)
        await stage.passes(max(0.0, end - stage.hub.clock.time()))
        for one in stage.hub.runnables:
            for trace in one.traces:
                if isinstance(trace, Trace) and trace.finished is None:
                    by_context[trace.context.id] = under_way = Replayed(trace.started, RUNNING, trace.trigger)
                    runs.append(under_way)
        for happening in stage.book.happenings:
            if happening.kind != "event" and happening.context is not None:
                run_ = by_context.get(happening.context.id) or by_context.get(happening.context.parent_id or "")
                if run_ is not None:
                    run_.done.append(happening)
        return runs
    finally:
        await stage.close()


def _past(records: Mapping[str, Any], start: float) -> Iterator[tuple[float, str, str, Any]]:
    for entity_id, rows in records["states"].items():
        for index, (time, state, attributes) in enumerate(rows):
            yield (start if index == 0 and time <= start else time), "state", entity_id, (state, attributes)
    for time, event_type, data in records["events"]:
        if event_type not in (*INTERNAL, RUN_FINISHED):  # the ends of these runs are told by these runs
            yield time, "event", event_type, data
