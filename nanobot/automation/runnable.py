"""What automations, scripts and schedules have in common: an entity that runs a sequence and remembers how it went."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any

from nanobot.automation.packing import context_unpacked, unpack
from nanobot.automation.parse import TriggerConfig
from nanobot.automation.run import Run
from nanobot.automation.runner import Runner
from nanobot.automation.sequence import Sequence as Actions
from nanobot.automation.trace import End, Trace, Traces
from nanobot.config.substitute import FromBlueprint
from nanobot.contracts.entity import Entity
from nanobot.contracts.runnable import Runnable
from nanobot.hub.context import Context
from nanobot.hub.entry import Entry
from nanobot.hub.hub import Hub

RUN_FINISHED = "run_finished"


Noted = Callable[[Run], Awaitable[None] | None]


class RunnableEntity(Entity, Runnable):
    """``part`` owns everything it has in the hub; ``item_id`` is what its traces are asked for with."""

    path = "action"
    """Where its sequence stands in the configuration, as traces tell it."""

    def __init__(self, part: Entry, domain: str, entity_id: str, item_id: str | None) -> None:
        self.domain = domain
        self.entity_id = entity_id
        self.item_id = item_id
        self.last_triggered: datetime | None = None
        self.fired: dict[str, float] = {}
        """When each trigger last fired since it was attached, by its ``idx``."""
        self.failed: Sequence[str] = ()
        """A sentence for each trigger that could not be attached."""
        self._part = part
        self._hub: Hub = part.hub
        self._runner: Runner | None = None
        self._traces = Traces()

    @property
    def traces(self) -> Traces:
        return self._traces

    @property
    def error(self) -> str | None:
        """What is wrong with it, or with the edit instead of which it runs on; None when nothing is."""
        return None

    @property
    def triggers(self) -> Sequence[TriggerConfig]:
        """What starts it, apart from calls."""
        return ()

    @property
    def plan(self) -> tuple[float | None, int, str] | None:
        """When it runs next, how many planned runs were missed last, and what becomes of these; None of what has no
        times of its own."""
        return None

    @property
    def idle(self) -> str | None:
        """Why its triggers are not listened to: ``off``, ``starting``, ``failed``; None when they are."""
        return None

    @property
    def runner(self) -> Runner | None:
        """None for one that is not usable."""
        return self._runner

    @property
    def blueprint_inputs(self) -> Mapping[str, Any] | None:
        """The item as it stands in the YAML where it uses a blueprint, else None."""
        written = self.written
        return written.written if isinstance(written, FromBlueprint) else None

    def equip(self, sequence: Actions | None, config: Mapping[str, Any] | None, noted: Noted | None = None) -> None:
        """Take over what is to be run, and the options of running; None for something that cannot be."""
        if sequence is None or config is None:
            self._runner = None
            return
        self._traces.resize(config["trace"]["stored_traces"])
        self._runner = Runner(
            self._hub,
            sequence,
            self._part.tasks,
            self._part.log,
            self.changed,
            path=self.path,
            mode=config["mode"],
            limit=config["max"],
            exceeded=config["max_exceeded"],
            noted=noted,
        )

    def shown(self, config: Mapping[str, Any]) -> dict[str, Any]:
        """The attributes that all of them have."""
        told: dict[str, Any] = {
            "last_triggered": self.last_triggered,
            "mode": config["mode"],
            "current": 0 if self._runner is None else self._runner.current,
        }
        if config["mode"] in ("queued", "parallel"):
            told["max"] = config["max"]
        return told

    def trace(self, context: Context, source: str | None = None) -> Trace | None:
        """A new trace, which is kept; None where none are. ``source`` describes the trigger."""
        if not self._traces.kept:
            return None
        hub = self._hub
        trace = Trace(
            hub.clock,
            self.domain,
            self.item_id,
            context,
            self.written,
            source,
            self.blueprint_inputs,
            hub.scrubber.scrub,
        )
        self._traces.add(trace)
        if hub.kept_traces is not None:
            hub.kept_traces.note(self)
        if hub.live_traces is not None:
            hub.live_traces.begins(trace)
        if hub.bus.route(RUN_FINISHED):
            trace.over = self._told_end
        return trace

    def begin_run(self, variables: dict[str, Any], context: Context, trace: Trace | None) -> Run | None:
        """Start a run, or have it wait for its turn; None when there may be none now."""
        return None if self._runner is None else self._runner.start(variables, context, self.began, trace=trace)

    def go_on(self, kept: Mapping[str, Any]) -> None:
        """Go on with the runs that waited when the process ended. One that cannot be gone on with leaves a trace.

        ``kept`` is from ``Keeping.take``.
        """
        for run_id, packed in sorted(kept.get("runs", {}).items(), key=_order):
            context = context_unpacked(packed["context"])
            trace = self.trace(context)
            waits, frames = packed.get("waits") or {}, packed.get("frames") or {}
            if kept.get("changed") or not (waits or packed.get("queued")):
                why = "it was changed meanwhile" if kept.get("changed") else "it was between two waits"
                self._part.log.warning("a run was under way when nanobot ended, and is over: %s", why)
                if trace is not None:
                    trace.finish(End.INTERRUPTED, why)
                continue
            self._part.log.info("goes on with run %s, which waited when nanobot ended", run_id)
            if self._runner is not None:
                prepare = partial(_prepare, waits=unpack(waits), frames=unpack(frames))
                self._runner.start(unpack(packed["variables"]), context, _nothing, trace=trace, prepare=prepare)

    def began(self, run: Run) -> None:
        """Called when a run is accepted, before its first action."""
        now = self._hub.clock.time()
        self.last_triggered = datetime.fromtimestamp(now, UTC)
        trigger = run.scope.values.get("trigger")
        source = trigger.get("description") if isinstance(trigger, (dict, Mapping)) else None
        name = self.name or self.entity_id
        self._hub.causes.begun.append((now, self.domain, self.entity_id, name, run.id, source, run.context))

    def _told_end(self, trace: Trace) -> None:
        """A run is over, or there was none although a trigger fired: ``outcome`` says which."""
        told: dict[str, Any] = {
            "entity_id": self.entity_id,
            "name": self.name,
            "run_id": trace.run_id,
            "outcome": None if trace.end is None else trace.end.value,
            "error": trace.error,
            "started": trace.started,
        }
        if trace.trigger is not None:
            told["source"] = trace.trigger
        self._hub.bus.fire(RUN_FINISHED, told, trace.context)

    async def stop_runs(self) -> None:
        """End what is under way and wait until it has."""
        if self._runner is not None:
            await self._runner.stop()


def _order(kept: tuple[str, Mapping[str, Any]]) -> tuple[bool, float]:
    """Those under way before those that waited for their turn, each in the order in which they came."""
    return bool(kept[1].get("queued")), float(kept[1].get("started") or 0)


def _prepare(run: Run, waits: dict[str, Any], frames: dict[str, Any]) -> None:
    run.resume, run.resumed_frames = waits, frames


def _nothing(run: Run) -> None:
    """It was announced when it began."""
