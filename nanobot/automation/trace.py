"""What a run did, step by step: its trace. And why there was none, where a trigger fired and nothing ran."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import Any

from nanobot.contracts.runnable import RunTrace
from nanobot.hub.bus import Event
from nanobot.hub.context import Context
from nanobot.hub.states import State
from nanobot.util.dt import Clock
from nanobot.util.ids import ulid

KEPT = 20  # traces of each item
MOST_STEPS = 2000  # of one trace; a loop that runs all day must not fill the memory
DEEPEST = 12

Scrub = Callable[[str], str]
"""Takes known secrets out of a text."""


class End(Enum):
    """How it ended, in the words of Home Assistant's ``script_execution``."""

    FINISHED = "finished"
    CONDITIONS = "failed_conditions"
    SINGLE = "failed_single"
    MAX = "failed_max_runs"
    RECURSION = "disallowed_recursion_detected"
    STOPPED = "aborted"
    CANCELLED = "cancelled"
    ERROR = "error"
    INTERRUPTED = "interrupted"  # ours: the process ended, and the run could not be resumed


class StepTrace:
    """One step, condition or trigger as it was done once."""

    __slots__ = ("changed", "child", "error", "finished", "path", "result", "time")

    def __init__(self, path: str, time: float) -> None:
        self.path = path
        self.time = time
        self.result: dict[str, Any] | None = None
        self.changed: dict[str, Any] | None = None
        self.error: str | None = None
        self.child: dict[str, Any] | None = None
        self.finished: float | None = None

    def as_dict(self, scrub: Scrub = str) -> dict[str, Any]:
        """In the shape of Home Assistant's clients, and ``duration`` in seconds where it is over."""
        told: dict[str, Any] = {"path": self.path, "timestamp": _iso(self.time)}
        if self.child is not None:
            told["child_id"] = self.child
        if self.changed is not None:
            told["changed_variables"] = plain(self.changed, scrub=scrub)
        if self.error is not None:
            told["error"] = scrub(self.error)
        if self.result is not None:
            told["result"] = plain(self.result, scrub=scrub)
        if self.finished is not None:
            told["duration"] = round(self.finished - self.time, 6)
        return told


class Trace:
    """One run of one item."""

    __slots__ = ("_clock", "_scrub", "blueprint_inputs", "config", "context", "cut", "domain", "end", "error",
                 "finished", "item_id", "late", "over", "run_id", "started", "steps", "trigger", "watch")  # fmt: skip

    def __init__(
        self,
        clock: Clock,
        domain: str,
        item_id: str | None,
        context: Context,
        config: Mapping[str, Any],
        trigger: str | None = None,
        blueprint_inputs: Mapping[str, Any] | None = None,
        scrub: Scrub = str,
    ) -> None:
        self._clock = clock
        self._scrub = scrub
        self.run_id = ulid()
        self.domain = domain
        self.item_id = item_id
        self.context = context
        self.config = config
        self.trigger = trigger
        self.blueprint_inputs = blueprint_inputs
        self.started = clock.time()
        self.finished: float | None = None
        self.end: End | None = None
        self.error: str | None = None
        self.steps: list[StepTrace] = []
        self.cut = 0
        self.over: Callable[[Trace], None] | None = None
        """Called once, when it is known how it ended."""
        self.late: Callable[[], None] | None = None
        """Called when it ends, where it was written down before that."""
        self.watch: Callable[[Trace, StepTrace | None], None] | None = None
        """Called with each step when it begins and when it is over, and with None when the run is; while followed."""

    def step(self, path: str) -> StepTrace:
        """Note that a step begins."""
        step = StepTrace(path, self._clock.time())
        if len(self.steps) < MOST_STEPS:
            self.steps.append(step)
        else:
            self.cut += 1
        if self.watch is not None:
            self.watch(self, step)
        return step

    def done(self, step: StepTrace) -> None:
        """Note that a step is over."""
        step.finished = self._clock.time()
        if self.watch is not None:
            self.watch(self, step)

    def told(self, step: StepTrace) -> dict[str, Any]:
        """One step, without secrets."""
        return step.as_dict(self._scrub)

    def finish(self, end: End, error: str | None = None) -> None:
        """Note how it ended; the first time counts."""
        if self.finished is None:
            self.finished = self._clock.time()
            self.end = end
            self.error = error
            if self.over is not None:
                self.over(self)
            if self.late is not None:
                self.late()
            if self.watch is not None:
                self.watch(self, None)

    def short(self) -> dict[str, Any]:
        """As ``trace/list`` of Home Assistant's WebSocket API gives it."""
        told: dict[str, Any] = {
            "last_step": self.steps[-1].path if self.steps else None,
            "run_id": self.run_id,
            "state": "running" if self.finished is None else "stopped",
            "script_execution": None if self.end is None else self.end.value,
            "timestamp": {
                "start": _iso(self.started),
                "finish": None if self.finished is None else _iso(self.finished),
            },
            "domain": self.domain,
            "item_id": self.item_id,
        }
        if self.error is not None:
            told["error"] = self._scrub(self.error)
        if self.domain == "automation":
            told["trigger"] = None if self.trigger is None else self._scrub(self.trigger)
        return told

    def full(self) -> dict[str, Any]:
        """As ``trace/get`` gives it: with all steps by path, the configuration and the context."""
        steps: dict[str, list[dict[str, Any]]] = {}
        for step in self.steps:
            steps.setdefault(step.path, []).append(self.told(step))
        told = self.short()
        told["trace"] = steps
        told["config"] = plain(self.config, scrub=self._scrub)
        told["blueprint_inputs"] = plain(self.blueprint_inputs, scrub=self._scrub)
        told["context"] = self.context.as_dict()
        if self.cut:
            told["steps_left_out"] = self.cut
        return told


class Traces:
    """The latest traces of one item."""

    def __init__(self, kept: int = KEPT) -> None:
        self._traces: deque[RunTrace] = deque(maxlen=kept)

    def __iter__(self) -> Iterator[RunTrace]:
        return iter(list(self._traces))

    def __len__(self) -> int:
        return len(self._traces)

    @property
    def kept(self) -> int:
        """How many there can be; none when tracing is off."""
        return self._traces.maxlen or 0

    def resize(self, kept: int) -> None:
        """Keep so many from now on."""
        if kept != self._traces.maxlen:
            self._traces = deque(self._traces, maxlen=kept)

    def add(self, trace: Trace) -> None:
        """Keep this one, and forget the oldest if there are too many."""
        self._traces.append(trace)

    def restore(self, older: Iterable[RunTrace]) -> None:
        """Put those of an earlier process, oldest first, before the ones that are there, as far as there is room."""
        room = self.kept - len(self._traces)
        if room > 0:
            self._traces.extendleft(reversed(list(older)[-room:]))


def plain(value: Any, depth: int = 0, *, scrub: Scrub = str) -> Any:
    """For JSON: whatever a run had in its hands. ``scrub`` sees each text."""
    if isinstance(value, str):
        return scrub(value)
    if value is None or isinstance(value, (int, float, bool)):
        return value
    if depth > DEEPEST:
        return "…"
    if isinstance(value, Mapping):
        return {str(key): plain(one, depth + 1, scrub=scrub) for key, one in value.items()}
    if isinstance(value, (list, tuple, set, frozenset, deque)):
        return [plain(one, depth + 1, scrub=scrub) for one in value]
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, Context):
        return value.as_dict()
    if isinstance(value, State):
        return {
            "entity_id": value.entity_id,
            "state": scrub(value.state),
            "attributes": plain(value.attributes, depth + 1, scrub=scrub),
            "last_changed": _iso(value.last_changed),
            "last_updated": _iso(value.last_updated),
            "context": value.context.as_dict(),
        }
    if isinstance(value, Event):
        return {
            "event_type": value.type,
            "data": plain(value.data, depth + 1, scrub=scrub),
            "origin": value.origin,
            "time_fired": _iso(value.time),
            "context": value.context.as_dict(),
        }
    text = getattr(value, "text", None)  # a template
    return scrub(text if isinstance(text, str) else str(value))


def _iso(time: float) -> str:
    return datetime.fromtimestamp(time, UTC).isoformat(timespec="microseconds")
