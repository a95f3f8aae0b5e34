"""``nanobot simulate``: what an automation, as it is written now, would have done in the days that were recorded."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta, tzinfo
from pathlib import Path
from typing import Any

from nanobot.cli.check import COULD_NOT_RUN, GOOD, look
from nanobot.cli.client import NotRunning, ask
from nanobot.cli.words import language, say
from nanobot.config.check import Checked, EntryConfig
from nanobot.config.items import title_of
from nanobot.errors import NanobotError
from nanobot.lifecycle.loader import Loader
from nanobot.lifecycle.records import Question, read_without_hub
from nanobot.lifecycle.trial.compare import written
from nanobot.lifecycle.trial.replay import Replayed, all_entities_of, events_of, replay
from nanobot.lifecycle.trial.stage import acts
from nanobot.util.dt import iso, zone
from nanobot.util.secrets import Scrubber
from nanobot.util.text import nearest, slugify

ROUNDS = 4
"""Replays, each with the records of what the one before read besides."""
_SPAN = re.compile(r"(\d+)\s*([hdw])")
_HOURS = {"h": 1, "d": 24, "w": 168}


def run(config_dir: Path, name: str, since: str = "7d", as_json: bool = False) -> int:
    """Read, replay, tell. The value is the exit code. Raises ``NanobotError`` with a sentence."""
    loader = Loader(config_dir)
    loader.mount()
    problems, checked = look(config_dir, loader)
    if checked is None:
        for problem in problems:
            print(problem.told(language()))
        return COULD_NOT_RUN
    entry, key = _find(checked, name, loader)
    assert entry.items is not None
    if key not in entry.items.good:
        raise NanobotError(say("simulate.wrong", name=name))
    item = entry.items.raw[key]
    title, here = title_of(item) or str(key), zone(checked.core.time_zone)
    end = time.time()
    start = _start(since, end, here)
    name_of_it = str(key) if entry.items.kind.by == "key" else slugify(title)
    question = Question(all_entities_of(item, checked, loader), f"{entry.domain}.{name_of_it}", start, end)
    question = replace(question, types=set(events_of(item)))
    for _ in range(ROUNDS):
        records = _records(config_dir, checked, loader, question)
        if records is None:
            raise NanobotError(say("simulate.no_history"))
        replayed = replay(entry, key, records, (start, end), checked, loader)
        more = replace(
            question,
            entities={*question.entities, *replayed.entities},
            domains={*question.domains, *replayed.domains},
            types={*question.types, *replayed.types},
        )
        if more == question:
            break
        question = more
    found = replayed.runs
    count = sum(map(len, records["states"].values())) + len(records["events"]) + len(records["messages"])
    if as_json:
        report = {"item": question.item, "start": iso(start), "end": iso(end), "records": count, "cut": records["cut"]}
        told = json.dumps(report | {"runs": [_report(one) for one in found]}, ensure_ascii=False, indent=2, default=str)
        print(Scrubber(checked.secrets).scrub(told))
        return GOOD
    lines = _lines(title, found, (start, end), count, here)
    if records["cut"]:
        print(say("simulate.cut"))
    for line in lines:
        print(Scrubber(checked.secrets).scrub(line))
    return GOOD


def _find(checked: Checked, name: str, loader: Loader) -> tuple[EntryConfig, Hashable]:
    known: dict[str, tuple[EntryConfig, Hashable]] = {}
    for entry in checked.entries.values():
        if not acts(entry.domain, loader) or entry.items is None:
            continue
        for key, item in entry.items.raw.items():
            title = title_of(item) or str(key)
            for one in (str(key), title, f"{entry.domain}.{slugify(title)}"):
                known.setdefault(one.casefold(), (entry, key))
    found = known.get(name.casefold())
    if found is not None:
        return found
    near = nearest(name, known)
    raise NanobotError(
        say("simulate.unknown_near", name=name, nearest=near) if near else say("simulate.unknown", name=name)
    )


def _start(since: str, now: float, here: tzinfo) -> float:
    if found := _SPAN.fullmatch(since.strip().lower()):
        return now - timedelta(hours=int(found[1]) * _HOURS[found[2]]).total_seconds()
    try:
        moment = datetime.fromisoformat(since)
    except ValueError:
        raise NanobotError(say("simulate.since", value=since)) from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=here)).timestamp()


def _records(config_dir: Path, checked: Checked, loader: Loader, question: Question) -> Any:
    """From the running hub, else from the records themselves."""
    try:
        return ask(config_dir, "records", question.as_dict())
    except NotRunning:
        return asyncio.run(read_without_hub(config_dir, checked, loader, question))


def _lines(
    title: str, found: Sequence[Replayed], period: tuple[float, float], count: int, here: tzinfo
) -> Iterator[str]:
    start, end = (f"{datetime.fromtimestamp(moment, here):%Y-%m-%d %H:%M}" for moment in period)
    yield say("simulate.head", name=title, start=start, end=end, count=count)
    for one in found:
        when = f"{datetime.fromtimestamp(one.time, here):%Y-%m-%d %H:%M:%S}"
        if one.outcome is None:
            yield f"{when}  {say('simulate.only')}"
        elif not one.ran:
            yield f"{when}  {say('simulate.refused', outcome=one.outcome)}{_because(one.source)}"
        else:
            really = f" [{say('simulate.ran')}]" if one.really else ""
            ended = "" if one.outcome == "finished" else f" => {one.outcome}{_because(one.error)}"
            yield f"{when}  {say('simulate.would')}{_because(one.source)}{ended}{really}"
            yield from (f"    {written(happening)}" for happening in one.done)
    would, ran = sum(one.ran for one in found), sum(one.really for one in found)
    yield say("simulate.sum", would=would, ran=ran)


def _because(text: str | None) -> str:
    return f": {text}" if text else ""


def _report(one: Replayed) -> dict[str, Any]:
    return {
        "time": iso(one.time),
        "would_run": one.ran,
        "outcome": one.outcome,
        "source": one.source,
        "error": one.error,
        "really_ran": one.really,
        "done": [{"at": iso(done.time), **done.as_dict()} for done in one.done],
    }
