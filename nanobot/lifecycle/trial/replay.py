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
from nanobot.contracts.channel import Attachment
from nanobot.hub.bus import Event
from nanobot.hub.context import Context
from nanobot.lifecycle.loader import Loader
from nanobot.lifecycle.trial.loop import run
from nanobot.lifecycle.trial.reads import Reads
from nanobot.lifecycle.trial.stage import INTERNAL, Happening, Stage, alone, is_called

STATE, EVENT, MESSAGE = "state", "event", "message"
RECEIVED = "message_received"
HEARD = (RUN_FINISHED, RECEIVED, "message_sent", "message_failed")
"""Events that are not among those that are recorded as such, or are told by these runs."""
_TOLD = ("id", "session", "channel", "chat", "thread", "sender", "sender_name", "owner", "group", "text", "message_id",
         "reply_to", "language")  # fmt: skip
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


def events_of(value: Any) -> Iterator[str]:
    """The types of events that an automation names."""
    if isinstance(value, Mapping):
        for key, one in value.items():
            if key == "event_type":
                yield from map(str, one if isinstance(one, list) else [one])
            yield from events_of(one)
    elif isinstance(value, list):
        for one in value:
            yield from events_of(one)


def all_entities_of(item: Any, checked: Checked, loader: Loader) -> set[str]:
    """As ``entities_of``, with those of the scripts that it names, and that these name."""
    scripts = {
        f"{entry.domain}.{key}": raw
        for entry in checked.entries.values()
        if entry.items is not None and is_called(entry.domain, loader)
        for key, raw in entry.items.raw.items()
    }
    found: set[str] = set()
    left = [item]
    while left:
        new = set(entities_of(left.pop())) - found
        found |= new
        left += [scripts[one] for one in new if one in scripts]
    return found


@dataclass(slots=True)
class Replay:
    """What came of it. ``entities`` and ``domains`` were read as well, and no record of them was given; events of
    ``types`` were listened for."""

    runs: list[Replayed]
    entities: set[str] = field(default_factory=set)
    domains: set[str] = field(default_factory=set)
    types: set[str] = field(default_factory=set)


def replay(
    entry: EntryConfig,
    key: Hashable,
    records: Mapping[str, Any],
    period: tuple[float, float],
    checked: Checked,
    loader: Loader,
) -> Replay:
    """``records`` as ``records.read`` gives them. Blocks; not for a thread with an event loop."""
    level = logging.root.manager.disable
    logging.disable(logging.CRITICAL)  # what fails is told with the run in which it does
    try:
        with tempfile.TemporaryDirectory(prefix="nanobot-simulate-") as folder:
            told = run(_replay(alone(entry, key), records, period, checked, loader, Path(folder)))
    finally:
        logging.disable(level)
    found = told.runs
    for time, outcome in records["runs"]:
        if outcome in NOT_RUN:
            continue
        same = [one for one in found if one.ran and not one.really and abs(one.time - time) <= SAME]
        if same:
            min(same, key=lambda one: abs(one.time - time)).really = True
        else:
            found.append(Replayed(time, None, really=True))
    told.runs = sorted(found, key=lambda one: one.time)
    return told


async def _replay(
    entry: EntryConfig,
    records: Mapping[str, Any],
    period: tuple[float, float],
    checked: Checked,
    loader: Loader,
    folder: Path,
) -> Replay:
    start, end = period
    stage = Stage(folder, loader, checked, start)
    reads = Reads(stage.hub)
    runs: list[Replayed] = []
    by_context: dict[str, Replayed] = {}

    def add(one: Replayed, context: Context) -> None:
        runs.append(one)
        by_context[context.id] = one
        if context.parent_id is not None:
            by_context.setdefault(context.parent_id, one)  # the answer to a sentence is caused by the message

    def over(event: Event) -> None:
        told = event.data
        if told["entity_id"].partition(".")[0] == entry.domain:  # what it calls is part of its run
            one = Replayed(told["started"], told["outcome"], told.get("source"), told.get("error"))
            add(one, event.context)

    try:
        await stage.open(real=False)
        past = sorted(_past(records, start), key=lambda one: one[0])
        for time, kind, what, data in past:
            if time <= start and kind == STATE:
                stage.hub.states.set(what, *data)
        for other in checked.entries.values():
            if other.ok and is_called(other.domain, loader):
                await stage.bring(other)
        reads.types.clear()
        await stage.bring(entry)
        stage.book.happenings.clear()
        stage.hub.bus.listen(RUN_FINISHED, over)
        for time, kind, what, data in past:
            if time > start:
                await stage.passes(max(0.0, time - stage.hub.clock.time()))
                await _again(stage, kind, what, data)
        await stage.passes(max(0.0, end - stage.hub.clock.time()))
        for one in stage.hub.runnables:
            for trace in one.traces if one.domain == entry.domain else ():
                if isinstance(trace, Trace) and trace.finished is None:
                    add(Replayed(trace.started, RUNNING, trace.trigger), trace.context)
        for happening in stage.book.happenings:
            if happening.kind != "event" and happening.context is not None:
                run_ = by_context.get(happening.context.id) or by_context.get(happening.context.parent_id or "")
                if run_ is not None:
                    run_.done.append(happening)
        ours = {known.entity_id for known in stage.hub.entities}
        return Replay(
            runs, reads.entities - ours - records["states"].keys(), reads.domains, reads.types - {*INTERNAL, *HEARD}
        )
    finally:
        await stage.close()


async def _again(stage: Stage, kind: str, what: str, data: Any) -> None:
    """Have something happen once more."""
    if kind == STATE:
        if stage.hub.entities.get(what) is None:  # what runs here has a state of its own
            stage.hub.states.set(what, *data)
    elif kind == MESSAGE and what == RECEIVED:
        given, command = _written(data)
        await stage.hear(given, command=command)
    else:
        stage.quiet_event(what, data)


def _written(told: Mapping[str, Any]) -> tuple[dict[str, Any], str | None]:
    """A message and its command, from what was told of it."""
    given = {name: told[name] for name in _TOLD if name in told}
    given["attachments"] = tuple(Attachment(**file) for file in told.get("attachments", ()))
    return given, told.get("command")


def _past(records: Mapping[str, Any], start: float) -> Iterator[tuple[float, str, str, Any]]:
    for entity_id, rows in records["states"].items():
        for index, (time, state, attributes) in enumerate(rows):
            yield (start if index == 0 and time <= start else time), STATE, entity_id, (state, attributes)
    for time, event_type, data in records["events"]:
        if event_type not in (*INTERNAL, RUN_FINISHED):  # the ends of these runs are told by these runs
            yield time, EVENT, event_type, data
    for time, event_type, data in records["messages"]:
        yield time, MESSAGE, event_type, data
