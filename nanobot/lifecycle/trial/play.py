"""Plays tests: each in a house of its own, on the real engine."""

from __future__ import annotations

import asyncio
import logging
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from nanobot.automation.tested import RUNNING
from nanobot.automation.trace import Trace
from nanobot.config.check import Checked
from nanobot.errors import NanobotError
from nanobot.hub.context import Context
from nanobot.lifecycle.loader import Loader
from nanobot.lifecycle.trial.compare import Comparison, differing, state_differences
from nanobot.lifecycle.trial.found import Written, entry_of
from nanobot.lifecycle.trial.loop import run
from nanobot.lifecycle.trial.stage import Happening, Stage, staged
from nanobot.util.dt import zone
from nanobot.util.secrets import Scrubber


@dataclass(slots=True)
class Outcome:
    """How a test went. ``wrong`` is empty when it passed; ``trace`` are the steps of the last run, as lines."""

    written: Written
    wrong: list[str] = field(default_factory=list)
    done: list[Happening] = field(default_factory=list)
    trace: list[str] = field(default_factory=list)
    log: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def passed(self) -> bool:
        """Whether everything was as expected."""
        return not self.wrong


def play_all(tests: Iterable[Written], checked: Checked, loader: Loader, language: str = "en") -> Iterator[Outcome]:
    """One after the other, each as it is done. Blocks; call it from a thread without an event loop."""
    for written in tests:
        began = time.perf_counter()
        if written.problems:
            yield Outcome(written, [problem.told(language) for problem in written.problems])
            continue
        with _listening() as log, tempfile.TemporaryDirectory(prefix="nanobot-test-") as folder:
            outcome = Outcome(written)
            try:
                run(_play(outcome, Path(folder), checked, loader))
            except NanobotError as error:
                outcome.wrong.append(str(error))
            outcome.log = list(log)
        hidden = Scrubber(checked.secrets)
        for lines in (outcome.wrong, outcome.trace, outcome.log):
            lines[:] = map(hidden.scrub, lines)
        outcome.done = [replace(one, what=hidden.scrub(one.what), data=_hide(one.data, hidden)) for one in outcome.done]
        outcome.seconds = time.perf_counter() - began
        yield outcome


async def _play(outcome: Outcome, folder: Path, checked: Checked, loader: Loader) -> None:
    written, test = outcome.written, outcome.written.test
    assert test is not None
    entry, key = entry_of(written, checked, loader)
    given = test["given"]
    moment = datetime.fromisoformat(given["now"])
    begin = moment if moment.tzinfo else moment.replace(tzinfo=zone(checked.core.time_zone))
    async with staged(folder, loader, checked, begin.timestamp()) as stage:
        stage.responses = given["responses"]
        await stage.become(given["states"])
        if written.subject.is_blueprint or entry.id not in stage.hub.entries:
            await stage.bring(entry)
        stage.answers = list(given["answers"])
        stage.book.happenings.clear()
        play = _Play(stage, written.subject.domain, str(key), given["variables"])
        try:
            outcome.wrong = await play.through(test)
        finally:
            outcome.done = list(stage.book.happenings)
            outcome.trace = play.told_trace()
            await play.end()


class _Play:
    """One test on its stage."""

    def __init__(self, stage: Stage, domain: str, key: str, variables: Mapping[str, Any]) -> None:
        self._stage = stage
        self._domain = domain
        self._subject = stage.runnable(domain, key)
        self._variables = variables
        self._calls: list[asyncio.Task[Any]] = []
        self._compared = Comparison()

    async def through(self, test: Mapping[str, Any]) -> list[str]:
        """What is not as it should be."""
        for number, step in enumerate(test["when"], 1):
            if step["word"] == "then":
                if wrong := self._compare(step["then"]):
                    return [f"at step {number} of 'when':", *wrong]
            else:
                await self._does(step)
        return [*self._compare(test["then"]), *self._afterwards(test)]

    async def end(self) -> None:
        """Call off what is still waited for."""
        for call in self._calls:
            call.cancel()
        await asyncio.gather(*self._calls, return_exceptions=True)

    def told_trace(self) -> list[str]:
        """The last run, step by step."""
        trace = self._trace()
        if trace is None:
            return []
        lines = []
        for step in trace.steps:
            told = step.as_dict()
            parts = [f"{name}: {told[name]}" for name in ("result", "error") if name in told]
            lines.append(f"{step.path}  {'  '.join(parts)}".rstrip())
        end = RUNNING if trace.end is None else trace.end.value
        return [*lines, f"=> {end}{': ' + trace.error if trace.error else ''}"]

    async def _does(self, step: Mapping[str, Any]) -> None:
        stage = self._stage
        match step["word"]:
            case "state":
                await stage.become(step["state"])
            case "event":
                stage.quiet_event(step["event"], step.get("data") or {})
            case "message":
                await stage.hear(step["message"])
            case "wait":
                await stage.passes(step["wait"].total_seconds())
            case "until":
                await stage.passes(self._until(step["until"]))
            case "call":
                domain, _, name = step["call"].partition(".")
                data = {**self._variables, **(step.get("data") or {})}
                self._call(domain, name, data, step.get("target"))
            case "trigger":
                self._trigger(step["trigger"])
        await stage.loop.idle()

    def _until(self, clock: Any) -> float:
        now = self._stage.hub.clock.now()
        then = now.replace(hour=clock.hour, minute=clock.minute, second=clock.second, microsecond=0)
        if then <= now:
            then += timedelta(days=1)
        return then.timestamp() - now.timestamp()

    def _trigger(self, given: Mapping[str, Any]) -> None:
        if self._subject is None:
            raise NanobotError("there is nothing to trigger: only automations and scripts can be")
        if not self._stage.hub.services.has(self._domain, "trigger"):
            work = self._subject.run({**self._variables, **given}, Context(actor="test"))
            self._calls.append(asyncio.create_task(work))
            return
        known = {**self._variables, "trigger": {"platform": None, **given}}
        data = {"skip_condition": False, "variables": known}
        self._call(self._domain, "trigger", data, {"entity_id": [self._subject.entity_id]}, response=False)

    def _call(self, domain: str, name: str, data: Any, target: Any, *, response: bool = True) -> None:
        self._calls.append(asyncio.create_task(self._stage.quietly(domain, name, data, target, response=response)))

    def _compare(self, expected: Any) -> list[str]:
        return self._compared.differences(expected, self._stage.book.happenings, self._loud())

    def _loud(self) -> set[str]:
        """The events that an action fired, as the traces tell it."""
        loud = set()
        for one in self._stage.hub.runnables:
            for trace in one.traces:
                if isinstance(trace, Trace):
                    loud |= {step.result["event"] for step in trace.steps if step.result and "event" in step.result}
        return loud

    def _afterwards(self, test: Mapping[str, Any]) -> list[str]:
        wrong = []
        states = self._stage.hub.states
        now = {entity_id: states.get(entity_id) for entity_id in test["states"]}
        known = {who: None if one is None else (one.state, one.attributes) for who, one in now.items()}
        wrong += state_differences(test["states"], known)
        result = self._calls[-1] if self._calls and self._calls[-1].done() else None
        error = result.exception() if result is not None else None
        if "error" in test:
            if error is None or test["error"] not in str(error):
                wrong.append(f"it was to fail with '{test['error']}', but {f'said: {error}' if error else 'did not'}")
        elif error is not None:
            wrong.append(f"it failed: {error}")
        elif "response" in test:
            if result is None:
                wrong.append("it has not answered; call it in 'when', and wait until it is done")
            else:
                wrong += differing(test["response"], result.result(), "response")
        if "run" in test:
            trace = self._trace()
            end = "no run" if trace is None else RUNNING if trace.end is None else trace.end.value
            if end != test["run"]:
                wrong.append(f"the last run is '{end}', not '{test['run']}'")
        return wrong

    def _trace(self) -> Trace | None:
        traces = [] if self._subject is None else list(self._subject.traces)
        return next((trace for trace in reversed(traces) if isinstance(trace, Trace)), None)


def _hide(value: Any, hidden: Scrubber) -> Any:
    if isinstance(value, str):
        return hidden.scrub(value)
    if isinstance(value, Mapping):
        return {name: _hide(one, hidden) for name, one in value.items()}
    return [_hide(one, hidden) for one in value] if isinstance(value, (list, tuple)) else value


class _Lines(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(f"{record.levelname.lower()}: {record.getMessage()}")


@contextmanager
def _listening() -> Iterator[list[str]]:
    """What is logged meanwhile."""
    handler, root = _Lines(), logging.getLogger()
    root.addHandler(handler)
    try:
        yield handler.lines
    finally:
        root.removeHandler(handler)
