"""What is known about a context: from memory, and from the recorder where memory does not reach."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from nanobot.contracts.history import Cause, Happening
from nanobot.contracts.runnable import RunTrace
from nanobot.errors import StorageError
from nanobot.hub.causes import CallCause, MessageCause, RunCause
from nanobot.hub.context import Context
from nanobot.hub.hub import Hub


@dataclass(slots=True)
class RunFact:
    """A run, and its trace where that is still there."""

    run: RunCause
    trace: Mapping[str, Any] | None = None
    outcome: str | None = None
    error: str | None = None


@dataclass(slots=True)
class About:
    """What happened with one context. ``runs`` in the order in which they began: each may have started the next."""

    cause: Cause | None = None
    calls: list[CallCause] = field(default_factory=list)
    runs: list[RunFact] = field(default_factory=list)
    messages: list[MessageCause] = field(default_factory=list)
    states: list[Happening] = field(default_factory=list)

    @property
    def is_known(self) -> bool:
        """Whether anything but the context itself is."""
        return bool(self.calls or self.runs or self.messages)


class Facts:
    """Asks memory, then the recorder; for one question."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._calls = hub.causes.calls
        self._past: dict[str, About] = {}
        self._asked: set[str] = set()
        self._told: dict[str, Cause] = {}

    def know(self, context: Mapping[str, Any]) -> None:
        """Take over what a trace says of a context: the fields of ``Context.as_dict``."""
        context_id = context.get("id")
        if isinstance(context_id, str):
            self._told[context_id] = Cause(context_id, context.get("parent_id"), context.get("user_id"))

    async def about(self, context_id: str) -> About:
        """Everything with this context."""
        found = self._lately(context_id)
        if not found.is_known or found.cause is None:
            past = await self._recorded(context_id)
            found.cause = found.cause or past.cause or self._told.get(context_id)
            found.calls = found.calls or past.calls
            found.runs = found.runs or past.runs
            found.messages = found.messages or past.messages
            found.states = past.states
        return found

    def effects(self, context_id: str) -> list[CallCause]:
        """The calls that were made because of this context, as far as memory reaches."""
        return [
            call for call in self._calls if call.context.is_known_as(context_id) or call.context.parent_id == context_id
        ]

    # -- memory ---------------------------------------------------------------------------------------

    def _lately(self, context_id: str) -> About:
        causes = self._hub.causes
        about = About(
            calls=[call for call in self._calls if call.context.is_known_as(context_id)],
            messages=[
                message
                for message in causes.messages
                if message.context.is_known_as(context_id) or (message.direction == "in" and message.id == context_id)
            ],
        )
        runs = {run.run_id: RunFact(run) for run in causes.runs if run.context.is_known_as(context_id)}
        for item in self._hub.runnables:
            for trace in item.traces:
                if not trace.context.is_known_as(context_id):
                    continue
                short = trace.short()
                if trace.run_id not in runs:
                    if short.get("script_execution") in REFUSED:
                        continue
                    name = self._hub.entities.get(item.entity_id)
                    told = (name.name if name is not None else None) or item.entity_id
                    began = RunCause(
                        _seconds(short),
                        item.domain,
                        item.entity_id,
                        told,
                        trace.run_id,
                        short.get("trigger"),
                        trace.context,
                    )
                    runs[trace.run_id] = RunFact(began)
                fact = runs[trace.run_id]
                fact.trace, fact.outcome, fact.error = trace.full(), short.get("script_execution"), short.get("error")
        about.runs = sorted(runs.values(), key=lambda fact: fact.run.time)
        about.cause = _cause_of(context_id, self._contexts(about))
        return about

    def _contexts(self, about: About) -> Iterable[Context]:
        yield from (fact.run.context for fact in about.runs)
        yield from (call.context for call in about.calls)
        yield from (message.context for message in about.messages)
        yield from self._hub.causes.askers
        yield from (state.context for state in self._hub.states)

    # -- the recorder ---------------------------------------------------------------------------------

    async def _recorded(self, context_id: str) -> About:
        history = self._hub.history
        if context_id not in self._past and history is not None and context_id not in self._asked:
            self._asked.add(context_id)
            try:
                chain = await history.chain(context_id)
            except StorageError:
                return About()
            for cause in chain.causes:
                self._past.setdefault(cause.id, About()).cause = cause
            for happening in chain.happenings:
                _add(self._past.setdefault(happening.cause.id, About()), happening)
        return self._past.get(context_id, About())


REFUSED = frozenset({"failed_conditions", "failed_single", "failed_max_runs", "disallowed_recursion_detected"})
"""Ends of what never began."""


def trace_of(hub: Hub, run_id: str) -> tuple[str, RunTrace] | None:
    """The entity id and the trace of a run."""
    for item in hub.runnables:
        for trace in item.traces:
            if trace.run_id == run_id:
                return item.entity_id, trace
    return None


def _seconds(short: Mapping[str, Any]) -> float:
    return datetime.fromisoformat(short["timestamp"]["start"]).timestamp()


def _cause_of(context_id: str, contexts: Iterable[Context]) -> Cause | None:
    for context in contexts:
        if context.is_known_as(context_id):
            return Cause(context_id, context.parent_id, context.user_id, context.actor)
    return None


def _add(about: About, happening: Happening) -> None:
    data, cause = happening.data, happening.cause
    context = Context(id=cause.id, parent_id=cause.parent_id, user_id=cause.user_id, actor=cause.actor or "system")
    if happening.kind == "state":
        about.states.append(happening)
    elif happening.kind == "event" and happening.what == "call_service":
        given = data.get("service_data") or {}
        about.calls.append(CallCause(happening.time, data["domain"], data["service"], given.get("entity_id"), context))
    elif happening.kind == "run":
        domain = happening.what.partition(".")[0]
        run = RunCause(
            happening.time, domain, happening.what, data.get("name") or happening.what, "", data.get("source"), context
        )
        about.runs.append(RunFact(run, None, data.get("outcome"), data.get("error")))
    elif happening.kind == "message":
        about.messages.append(
            MessageCause(
                happening.time,
                cause.id,
                str(data.get("direction")),
                str(data.get("channel")),
                str(data.get("chat")),
                data.get("session"),
                data.get("sender"),
                str(data.get("text") or ""),
                None,
                context,
            )
        )
