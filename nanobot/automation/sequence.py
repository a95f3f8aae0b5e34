"""A sequence of actions, done one after the other; without a task for as long as nothing has to be waited for."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from time import perf_counter
from typing import Any

from nanobot.automation import words
from nanobot.automation.decide import Case, Conditions
from nanobot.automation.duration import Duration, seconds
from nanobot.automation.flow import Abort, ConditionFailed, Ended, Leave
from nanobot.automation.run import LONGEST_TURN, Run, Turn
from nanobot.automation.scope import Scope
from nanobot.automation.trace import End, StepTrace
from nanobot.automation.truth import is_on
from nanobot.errors import ConditionError, InvalidServiceData, NanobotError, ServiceNotFound
from nanobot.hub.context import Context
from nanobot.templates import Template, TemplateError, render_value

Log = logging.Logger | logging.LoggerAdapter[Any]
Do = Callable[["RunStep"], Awaitable[None] | None]

NEVER_IGNORED = (Abort, ServiceNotFound, InvalidServiceData, ConditionError, TemplateError)
"""Faults of what is written, not of the moment: ``continue_on_error`` does not cover them, as in Home Assistant."""


@dataclass(frozen=True, slots=True)
class ActionConfig:
    """One action. ``run`` is None where the word is looked up each time."""

    word: str
    config: Mapping[str, Any]
    run: Do | None
    alias: str | None = None
    enabled: bool | Template = True
    continue_on_error: bool = False


class RunStep:
    """One action of one run. See ``contracts.action.Step`` for what it offers to all words."""

    __slots__ = ("_trace", "action", "config", "hub", "path", "run", "scope")

    def __init__(self, run: Run, action: ActionConfig, scope: Scope, path: str) -> None:
        self.run = run
        self.hub = run.hub
        self.action = action
        self.config = action.config
        self.scope = scope
        self.path = path
        self._trace: StepTrace | None = None if run.trace is None else run.trace.step(path)

    @property
    def context(self) -> Context:
        """Of the run: for everything that the step causes."""
        return self.run.context

    @property
    def log(self) -> Log:
        """The log of whoever runs."""
        return self.run.log

    @property
    def variables(self) -> dict[str, Any]:
        """All variables that can be seen here. Not to be changed."""
        return self.scope.flat()

    @property
    def name(self) -> str:
        """For people."""
        return f"{self.action.alias} ({self.path})" if self.action.alias else self.path

    def assign(self, name: str, value: Any) -> None:
        """Set a variable, where it was defined, else for the whole run."""
        self.scope.assign(name, value)
        if self._trace is not None:
            self._trace.changed = {**(self._trace.changed or {}), name: value}

    def render(self, value: Any) -> Any:
        """With all templates in it rendered. Raises ``TemplateError``."""
        return render_value(self.hub, value, self.scope.flat())

    def seconds(self, written: Duration) -> float:
        """How long that is now. Raises ``Abort`` when a template gives no duration."""
        try:
            return seconds(self.hub, written, self.scope.flat())
        except TemplateError as error:
            raise Abort(str(error)) from error

    def tell(self, **result: Any) -> None:
        """Leave something in the trace."""
        if self._trace is not None:
            known = self._trace.result
            self._trace.result = result if known is None else {**known, **result}

    def tell_child(self, child: Mapping[str, Any]) -> None:
        """Leave in the trace which run of something else this step started."""
        if self._trace is not None:
            self._trace.child = dict(child)

    def case(self) -> Case:
        """For the conditions of this step."""
        return Case(self.hub, self.scope.flat(), self.run.log, self.run.trace, self.path)

    def holds(self, conditions: Conditions, name: str) -> bool:
        """Whether conditions within this step do; ``name`` is their place below its path."""
        return conditions.hold(self.case(), f"{self.path}/{name}")

    def do(self, sequence: Sequence, name: str, scope: Scope | None = None) -> Awaitable[None] | None:
        """Do a sequence within this step; ``name`` is its place below its path."""
        return sequence.run(self.run, scope or self.scope, f"{self.path}/{name}")

    # -- over a restart -------------------------------------------------------------------------

    def waiting(self, what: str = "", **data: Any) -> AbstractAsyncContextManager[None]:
        """While this step waits; with ``data`` (JSON-able) it goes on after a restart. ``what``: for people."""
        self.run.waits_for = self.action.alias or what or self.action.word.replace("_", " ")
        return self.run.waiting(self.path, data)

    def resumed(self) -> Mapping[str, Any] | None:
        """What this step gave to ``waiting`` before the process ended, when it is the one that waited. Once."""
        return self.run.resume.pop(self.path, None) if self.run.resume else None

    def resumed_below(self) -> str | None:
        """Where below its path a step waited when the process ended, such as ``choose/1/sequence/0``."""
        for leaf in self.run.resume:
            if leaf.startswith(f"{self.path}/"):
                return leaf[len(self.path) + 1 :]
        return None

    def done(self) -> None:
        """It is over."""
        if self._trace is not None and self.run.trace is not None:
            self.run.trace.done(self._trace)

    # -- failing --------------------------------------------------------------------------------

    def failed(self, error: Exception) -> None:
        """Say so once, and raise it unless the run is to go on."""
        if isinstance(error, Leave):
            self.done()
            raise error
        text = str(error) or type(error).__name__
        if self._trace is not None:
            self._trace.error = text
        self.done()
        expected = isinstance(error, NanobotError)
        ignored = self.action.continue_on_error and expected and not isinstance(error, NEVER_IGNORED)
        if self.run.told is not error:
            self.run.told = error
            level = logging.WARNING if ignored else logging.ERROR
            self.run.log.log(level, "%s: %s", self.name, text, exc_info=None if expected else error)
        if not ignored:
            raise error


class Sequence:
    """Actions that are ready to be done, any number of times and at the same time."""

    __slots__ = ("actions",)

    def __init__(self, actions: tuple[ActionConfig, ...]) -> None:
        self.actions = actions

    def __iter__(self) -> Iterator[ActionConfig]:
        return iter(self.actions)

    def __len__(self) -> int:
        return len(self.actions)

    def run(self, run: Run, scope: Scope, path: str) -> Awaitable[None] | None:
        """Do all actions up to the first that waits. What is left to do is given back, None when nothing is.

        A condition that fails ends this sequence. Raises ``Stop``, ``Ended``, or what an action raises.
        """
        try:
            for index in range(run.first(path) if run.resume else 0, len(self.actions)):
                if perf_counter() - Turn.since > LONGEST_TURN and Turn.is_over():
                    return self._go_on(run, scope, path, index - 1, asyncio.sleep(0))
                waits = _begin(run, self.actions[index], scope, f"{path}/{index}")
                if waits is not None:
                    return self._go_on(run, scope, path, index, waits)
        except ConditionFailed:
            pass
        return None

    async def _go_on(self, run: Run, scope: Scope, path: str, index: int, waits: Awaitable[None]) -> None:
        try:
            await waits
            Turn.begins()
            for later in range(index + 1, len(self.actions)):
                if Turn.is_over():
                    await asyncio.sleep(0)
                    Turn.begins()
                more = _begin(run, self.actions[later], scope, f"{path}/{later}")
                if more is not None:
                    await more
                    Turn.begins()
        except ConditionFailed:
            pass


def _begin(run: Run, action: ActionConfig, scope: Scope, path: str) -> Awaitable[None] | None:
    """Do one action; gives what has to be waited for."""
    if run.stopped:
        raise Ended(End.CANCELLED)
    step = RunStep(run, action, scope, path)
    try:
        if action.enabled is not True and not is_on(run.hub, action.enabled):
            step.tell(enabled=False)
            step.done()
            return None
        if run.hub.debugger is not None and (held := run.hub.debugger.holds(run, path)) is not None:
            return _held(step, held)
        waits = (action.run or _run_of(action.word))(step)
    except Exception as error:  # whatever an action raises ends this run alone
        step.failed(error)
        return None
    if waits is None:
        step.done()
        return None
    return _wait(step, waits)


async def _held(step: RunStep, held: Awaitable[None]) -> None:
    """Wait at a breakpoint, then do the step."""
    await held
    if step.run.stopped:
        raise Ended(End.CANCELLED)
    try:
        waits = (step.action.run or _run_of(step.action.word))(step)
    except Exception as error:  # as in _begin
        step.failed(error)
        return
    if waits is None:
        step.done()
    else:
        await _wait(step, waits)


async def _wait(step: RunStep, waits: Awaitable[None]) -> None:
    try:
        await waits
    except Exception as error:  # as in _begin
        step.failed(error)
    else:
        step.done()


def _run_of(word: str) -> Do:
    found = words.find("action", word)
    if found is None:
        raise NanobotError(f"there is no action '{word}' any more")
    run: Do = found.run
    return run
