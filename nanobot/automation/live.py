"""Runs as they go: whoever follows is told of each run that begins, each step, and the end."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from nanobot.automation.trace import StepTrace, Trace
from nanobot.hub.hub import Hub

Told = Callable[[Mapping[str, Any]], None]


@dataclass(frozen=True, slots=True, eq=False)
class _Follower:
    told: Told
    domain: str | None
    item_id: str | None

    def wants(self, trace: Trace) -> bool:
        return self.domain in (None, trace.domain) and self.item_id in (None, trace.item_id)


class LiveTraces:
    """Of one hub, while anybody follows. See ``follow``."""

    def __init__(self, hub: Hub) -> None:
        self.hub = hub
        self.followers: list[_Follower] = []

    def begins(self, trace: Trace) -> None:
        """A run, or an attempt at one, has a trace."""
        trace.watch = self._moves
        self._tell(trace, {"event": "started", **trace.short()})

    def _moves(self, trace: Trace, step: StepTrace | None) -> None:
        if step is None:
            self._tell(trace, {"event": "finished", **trace.short()})
            return
        event = "step" if step.finished is None else "step_finished"
        place = {"run_id": trace.run_id, "domain": trace.domain, "item_id": trace.item_id}
        self._tell(trace, {"event": event, **place, "step": trace.told(step)})

    def _tell(self, trace: Trace, news: Mapping[str, Any]) -> None:
        for follower in tuple(self.followers):
            if follower.wants(trace):
                follower.told(news)

    def remove(self, follower: _Follower) -> None:
        """The last one to leave ends it all."""
        if follower in self.followers:
            self.followers.remove(follower)
        if not self.followers and self.hub.live_traces is self:
            self.hub.live_traces = None
            for trace in _traces(self.hub):
                trace.watch = None

    def join(self, follower: _Follower) -> None:
        """Told from now on, also of runs that are under way."""
        self.followers.append(follower)
        for trace in _traces(self.hub):
            if trace.finished is None:
                trace.watch = self._moves


def follow(hub: Hub, told: Told, domain: str | None = None, item_id: str | None = None) -> Callable[[], None]:
    """Call ``told`` with what runs do, of all items or of one; gives what ends it.

    ``{event: started, …}`` and ``{event: finished, …}`` are as ``trace/list`` has a run, ``{event: step |
    step_finished, run_id, domain, item_id, step}`` as ``trace/get`` has a step. A trigger that fired and whose
    conditions do not hold begins and ends like a run.
    """
    live: LiveTraces | None = hub.live_traces
    if live is None:
        live = hub.live_traces = LiveTraces(hub)
    follower = _Follower(told, domain, item_id)
    live.join(follower)
    return lambda: live.remove(follower)


def _traces(hub: Hub) -> list[Trace]:
    return [trace for item in hub.runnables for trace in item.traces if isinstance(trace, Trace)]
