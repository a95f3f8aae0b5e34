"""A schedule of our own: armed or paused, and at its times it runs its actions."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping
from datetime import datetime, tzinfo
from functools import partial
from typing import Any

from nanobot.automation.decide import Case
from nanobot.automation.keeping import Keeping
from nanobot.automation.run import Run
from nanobot.automation.runnable import RunnableEntity
from nanobot.automation.runner import CHAIN, alone
from nanobot.automation.trace import End, Trace
from nanobot.automation.variables import rendered
from nanobot.hub.context import Context
from nanobot.hub.entry import Entry
from nanobot.hub.restore import LastStates
from nanobot.templates import TemplateError
from nanobot.util.dt import zone

from .item import Item
from .watch import Due, Watch

TRIGGERED = "schedule_triggered"
ASKED = Due(None, 0)


class Schedule(RunnableEntity):
    """``part`` owns everything it has in the hub. ``started``: whether the hub is; before, nothing is armed."""

    def __init__(self, part: Entry, item: Item, last: LastStates, keeping: Keeping, *, started: bool) -> None:
        super().__init__(part, "schedule", f"schedule.{item.key}", item.key)
        self.item = item
        self.refused: Item | None = None
        """The wrong edit that stands in the YAML instead of ``item``, which runs on."""
        self.enabled = True
        self.last_planned: float | None = None
        self._last = last
        self._keeping = keeping
        self._kept: Mapping[str, Any] = {}
        self._started = started
        self._owed: list[Due] = []
        self._paying: asyncio.Task[None] | None = None
        self._watch = Watch(part.hub, self._due, self.changed, random.uniform)

    @property
    def state(self) -> str:
        return "on" if self.enabled else "off"

    @property
    def written(self) -> Mapping[str, Any]:
        return self.item.raw if isinstance(self.item.raw, Mapping) else {}

    @property
    def error(self) -> str | None:
        return self.item.error if self.refused is None else self.refused.error

    @property
    def plan(self) -> tuple[float | None, int, str] | None:
        config = self.item.config
        return None if config is None else (self._watch.planned, self._watch.missed, config["missed"])

    @property
    def idle(self) -> str | None:
        if not self.enabled:
            return "off"
        return None if self._started else "starting"

    @property
    def attributes(self) -> Mapping[str, Any]:
        config = self.item.config
        if config is None:
            return {"error": self.item.error}
        shown = self.shown(config)
        del shown["last_triggered"]
        told = {
            "next_run": self._shown(self._watch.planned),
            "last_run": self.last_triggered,
            "last_planned": self._shown(self.last_planned),
            "missed": self._watch.missed,
            **shown,
        }
        if self.refused is not None:
            told["error"] = self.refused.error
        return told

    def changed(self, context: Context | None = None) -> None:
        super().changed(context)
        if self.item.config is not None:
            self._last.put(self.item.key, self._memory())

    def open(self) -> None:
        """Come up as configured, or else as it was when nanobot stopped."""
        self._take(self.item)
        config, last = self.item.config, self._last.get(self.item.key)
        if last is not None:
            self._remember(last)
        if config is not None and "initial_state" in config:
            self.enabled = config["initial_state"]
        self._part.on_unload(self._stop)
        self._part.add(self)
        if self._started:
            self.begin()

    def begin(self) -> None:
        """The hub has started: go on with what waited, make up for what was missed, and wait for what comes."""
        self._started = True
        kept, self._kept = self._kept, {}
        self.go_on(kept)
        if self.enabled and self.item.config is not None:
            self._watch.start()

    async def take(self, item: Item) -> None:
        """Become what an edit made of it. Where its times are the same, so is its next run."""
        await self._stop()
        if self.item.config is None or item.config is None or item.timing != self.item.timing:
            self._watch.forget()
            self._owed.clear()
        self._take(item)
        if self._started:
            self.begin()
        self.changed()

    def refuse(self, item: Item | None) -> None:
        """Show that the edit does not work and this version runs on; with None, that all is well again."""
        if item is not self.refused:
            self.refused = item
            self.changed()

    def zone_changed(self) -> None:
        """The configured time zone is another one."""
        if self._watch.running:
            self._watch.stop()
            self._watch.start()

    # -- what services do -----------------------------------------------------------------------

    def resume(self, context: Context | None = None) -> None:
        """Run at the times from now on; what was due meanwhile is not missed."""
        if not self.enabled and self.item.config is not None:
            self.enabled = True
            self._watch.forget()
            if self._started:
                self._watch.start()
            self.changed(context)

    def pause(self, context: Context | None = None) -> None:
        """Run no more at the times; what is under way goes on."""
        self.enabled = False
        self._watch.stop()
        self._watch.forget()
        self._owed.clear()
        self.changed(context)

    async def turn_off(self, context: Context | None = None, *, stop: bool = True) -> None:
        """Pause and, with ``stop``, end what is under way."""
        self.pause(context)
        if stop:
            await self.stop_runs()

    def skip_next(self, context: Context | None = None) -> None:
        """Leave out the next run."""
        if self._watch.skip():
            self.changed(context)

    async def trigger(self, variables: Mapping[str, Any], context: Context, *, skip_condition: bool) -> None:
        """Run now and wait until that is done. The next planned run stays."""
        run = self._go(ASKED, context.child("automation"), variables, skip_condition=skip_condition)
        if run is not None:
            await (run.wait_for_caller() if CHAIN.get() else run.wait())

    async def run(self, variables: Mapping[str, Any], context: Context, *, wait: bool = True) -> Any:
        if wait:
            await self.trigger(variables, context, skip_condition=True)
        else:
            alone(partial(self._go, ASKED, context.child("automation"), variables, skip_condition=True))
        return None

    def coming(self, count: int) -> list[datetime]:
        """The next planned runs."""
        found: list[datetime] = []
        moment = self._watch.planned
        while moment is not None and len(found) < count:
            found.append(datetime.fromtimestamp(moment, self._zone))
            moment = self._watch.after(moment)
        return found

    # -- inside ---------------------------------------------------------------------------------

    @property
    def _zone(self) -> tzinfo:
        named = (self.item.config or {}).get("time_zone")
        return zone(named) if named else self._hub.clock.zone

    def _shown(self, moment: float | None) -> datetime | None:
        return None if moment is None else datetime.fromtimestamp(moment, self._zone)

    def _take(self, item: Item) -> None:
        self.item, self.refused = item, None
        config = item.config
        self.available = config is not None
        self.name = item.name
        self.icon = None if config is None else config.get("icon")
        self._kept = self._keeping.take(item.key, item.raw)
        self.equip(None if config is None else config["actions"], config, self._keeping.noting(item.key))
        if config is not None:
            self._watch.follow(config["plan"], config.get("time_zone"), config["jitter"], config["missed"])

    def _memory(self) -> dict[str, Any]:
        """JSON-able; see ``_remember``."""
        return {
            "state": self.state,
            "timing": self.item.timing,
            "since": self._watch.since,
            "missed": self._watch.missed,
            "owed": [[due.planned, due.missed] for due in self._owed],
            "last_run": self.last_triggered.isoformat() if self.last_triggered else None,
            "last_planned": self.last_planned,
        }

    def _remember(self, last: Mapping[str, Any]) -> None:
        self.enabled = last["state"] == "on"
        self.last_triggered = datetime.fromisoformat(last["last_run"]) if last.get("last_run") else None
        self.last_planned = last.get("last_planned")
        planned_alike = self.item.config is not None and last.get("timing") == self.item.timing
        if self.enabled and planned_alike and not self._last.was_gone(self.item.key):
            self._watch.since = last.get("since")
            self._watch.missed = last.get("missed", 0)
            self._owed = [Due(planned, missed) for planned, missed in last.get("owed", ())]

    async def _stop(self) -> None:
        self._watch.stop()
        if self._paying is not None:
            self._paying.cancel()  # first: the end of a run is what it waits for to begin the next
            self._paying = None
        await self.stop_runs()

    def _due(self, late: list[Due], in_time: Due | None) -> None:
        """Called by the watch."""
        if late:
            self._owed += late
            self._part.log.info("%s: making up for missed runs (%d)", self.item.key, len(late))
        self._pay()
        if in_time is not None:
            alone(partial(self._go, in_time, Context(actor="automation"), {}))
        self.changed()

    def _pay(self) -> None:
        if self._owed and (self._paying is None or self._paying.done()):
            self._paying = self._part.spawn(self._make_up(), "missed runs")

    async def _make_up(self) -> None:
        """Each when the one before is over, so that none of them is too many."""
        while self._owed:
            busy = self._runner.runs if self._runner is not None and self._runner.mode == "single" else []
            if busy:
                await busy[0].wait()
                continue
            run = alone(partial(self._go, self._owed.pop(0), Context(actor="automation"), {}))
            self.changed()
            if run is not None:
                await run.wait()
            await asyncio.sleep(0)

    def _go(self, due: Due, context: Context, given: Mapping[str, Any], *, skip_condition: bool = False) -> Run | None:
        """Render the variables, ask the conditions, run."""
        config = self.item.config
        if config is None or self._runner is None:
            return None
        now = self._hub.clock.time()
        trigger: dict[str, Any] = {
            "platform": "schedule",
            "id": self.item.key,
            "now": self._shown(now),
            "planned": self._shown(due.planned),
            "missed": due.missed,
            "description": "missed schedule" if due.missed else "schedule",
        }
        trace = self.trace(context, trigger["description"])
        known: dict[str, Any] = {"this": self._hub.states.get(self.entity_id), **given, "trigger": trigger}
        if trace is not None:
            trace.step("trigger").changed = known
        try:
            if config["variables"]:
                known = rendered(self._hub, config["variables"], known, defaults=True)
        except TemplateError as error:
            self._part.log.error("variables cannot be rendered: %s", error)
            _over(trace, End.ERROR, f"variables: {error}")
            return None
        conditions = () if skip_condition else config["conditions"]
        if conditions and not conditions.hold(Case(self._hub, known, self._part.log, trace)):
            _over(trace, End.CONDITIONS)
            return None
        if due.planned is not None:
            self.last_planned = due.planned
        return self.begin_run(known, context, trace)

    def began(self, run: Run) -> None:
        super().began(run)
        if not self._hub.bus.route(TRIGGERED):
            return
        trigger = run.scope.values["trigger"]
        told = {"name": self.name or self.item.key, "entity_id": self.entity_id, "source": trigger["description"]}
        planned = trigger["planned"]
        told["planned"] = None if planned is None else planned.isoformat()
        told["missed"] = trigger["missed"]
        self._hub.bus.fire(TRIGGERED, told, run.context)


def _over(trace: Trace | None, end: End, error: str | None = None) -> None:
    if trace is not None:
        trace.finish(end, error)
