"""One automation: an entity that can be switched on and off, and runs its actions when a trigger fires."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any

from nanobot.automation.attach import attach
from nanobot.automation.decide import Case
from nanobot.automation.keeping import Keeping
from nanobot.automation.parse import TriggerConfig
from nanobot.automation.run import Run
from nanobot.automation.runnable import RunnableEntity
from nanobot.automation.runner import CHAIN, alone
from nanobot.automation.trace import End, Trace
from nanobot.automation.variables import rendered
from nanobot.hub.context import Context
from nanobot.hub.entry import Entry
from nanobot.hub.restore import LastStates
from nanobot.templates import TemplateError

from .item import Item

QUIET = 10.0  # s without a refused run, after which the next one is told of again
TRIGGERED = "automation_triggered"


class Automation(RunnableEntity):
    """``started``: whether the hub is; before, no trigger is attached."""

    def __init__(
        self, part: Entry, entity_id: str, item: Item, last: LastStates, keeping: Keeping, *, started: bool
    ) -> None:
        super().__init__(part, "automation", entity_id, item.id)
        self.enabled = True
        self._last = last
        self._keeping = keeping
        self._kept: Mapping[str, Any] = {}
        self._for_all: Mapping[str, Any] = {}
        self._started = started
        self._detach: Callable[[], None] | None = None
        self._ran_away = 0.0
        """When a run was refused last because it had caused itself."""
        self.item = item
        self.refused: Item | None = None
        """The wrong edit that stands in the YAML instead of ``item``, which runs on."""

    @property
    def state(self) -> str:
        return "on" if self.enabled else "off"

    @property
    def written(self) -> Mapping[str, Any]:
        raw = self.item.raw
        return raw if isinstance(raw, (dict, Mapping)) else {}

    @property
    def error(self) -> str | None:
        return self.item.error if self.refused is None else self.refused.error

    @property
    def triggers(self) -> Sequence[TriggerConfig]:
        config = self.item.config
        return () if config is None else config["triggers"]

    @property
    def idle(self) -> str | None:
        if not self.enabled:
            return "off"
        if not self._started:
            return "starting"
        return "failed" if self._detach is None else None

    @property
    def attributes(self) -> Mapping[str, Any]:
        config = self.item.config
        shown: dict[str, Any] = {} if self.item.id is None else {"id": self.item.id}
        if config is None:
            return {**shown, "error": self.item.error}
        shown.update(self.shown(config))
        if self.refused is not None:
            shown["error"] = self.refused.error
        return shown

    def changed(self, context: Context | None = None) -> None:
        super().changed(context)
        if self.item.config is not None:
            when = self.last_triggered.isoformat() if self.last_triggered else None
            last = {"state": self.state, "last_triggered": when}
            if self.item.id is not None:
                last["entity_id"] = self.entity_id
            self._last.put(self.item.key, last)

    async def open(self) -> None:
        """Come up as configured, or else as it was when nanobot stopped."""
        last = self._last.get(self.item.key)
        self._take(self.item)
        if last is not None:
            when = last.get("last_triggered")
            self.last_triggered = datetime.fromisoformat(when) if when else None
            self.enabled = last["state"] == "on"
        if self.item.config is not None and "initial_state" in self.item.config:
            self.enabled = self.item.config["initial_state"]
        self._part.on_unload(self._stop)
        self._part.add(self)
        await self._attach()

    async def take(self, item: Item) -> None:
        """Become what an edit made of it, keeping whether it is on. Runs of the old version are stopped."""
        await self._stop()
        self._take(item)
        await self._attach()
        self.changed()

    def refuse(self, item: Item | None) -> None:
        """Show that the edit does not work and this version runs on; with None, that all is well again."""
        if item is not self.refused:
            self.refused = item
            self.changed()

    async def begin(self) -> None:
        """The hub has started: attach the triggers."""
        self._started = True
        await self._attach(starting=True)

    async def turn_on(self, context: Context | None = None) -> None:
        """Listen to the triggers from now on."""
        if not self.enabled:
            self.enabled = True
            await self._attach()
            self.changed(context)

    async def turn_off(self, context: Context | None = None, *, stop: bool = True) -> None:
        """Listen no more and, with ``stop``, end what is under way."""
        self.enabled = False
        self._end_triggers()
        if stop:
            await self.stop_runs()
        self.changed(context)

    async def trigger(self, variables: Mapping[str, Any], context: Context, *, skip_condition: bool) -> None:
        """Run now and wait until that is done."""
        if self._runner is None:
            return
        given = {**variables, "trigger": {"platform": None}}
        run = self._go(given, context.child("automation"), skip_condition=skip_condition)
        if run is not None:
            await (run.wait_for_caller() if CHAIN.get() else run.wait())

    async def run(self, variables: Mapping[str, Any], context: Context, *, wait: bool = True) -> Any:
        if wait:
            await self.trigger(variables, context, skip_condition=True)
        elif self._runner is not None:
            given = {**variables, "trigger": {"platform": None}}
            alone(partial(self._go, given, context.child("automation"), skip_condition=True))
        return None

    # -- inside ---------------------------------------------------------------------------------

    def _take(self, item: Item) -> None:
        self.item, self.refused = item, None
        self.item_id = item.id
        self.available = item.config is not None
        self.name = item.name
        self.fired.clear()
        self.failed = []
        config = item.config
        self._for_all = {} if config is None else {**config["trigger_variables"], **config["variables"]}
        self._kept = self._keeping.take(item.key, item.raw)
        noted = self._keeping.noting(item.key)
        self.equip(None if config is None else config["actions"], config, noted)

    async def _attach(self, *, starting: bool = False) -> None:
        config = self.item.config
        if self._detach is not None or not self.enabled or not self._started or config is None:
            return
        mine = self._detach = lambda: None  # so that two who turn it on at the same time attach once
        try:
            limited = rendered(self._hub, config["trigger_variables"], self._this(), limited=True)
        except TemplateError as error:
            self.failed = [f"trigger_variables: {error}"]
            self._part.issue("trigger_failed", name=self.item.name, error=self.failed[0])
            return
        kept, self._kept = self._kept, {}
        self.go_on(kept)
        detach, failed = await attach(
            self._hub,
            config["triggers"],
            self._triggered,
            self._part.log,
            variables=limited,
            kept=self._keeping.pending(self.item.key),
            starting=starting,
        )
        if self._detach is not mine:
            detach()  # turned off meanwhile
            return
        self._detach = detach
        self.failed = failed
        if failed:
            self._part.issue("trigger_failed", name=self.item.name, error="; ".join(failed))
        else:
            self._part.resolve("trigger_failed")

    def _end_triggers(self) -> None:
        detach, self._detach = self._detach, None
        if detach is not None:
            detach()

    async def _stop(self) -> None:
        self._end_triggers()
        await self.stop_runs()

    def _triggered(self, trigger: Mapping[str, Any], context: Context | None, own: Mapping[str, Any]) -> Run | None:
        """A trigger fired. What was turned off since then does not run."""
        if self._detach is None or self._runner is None:
            return None
        self.fired[trigger["idx"]] = self._hub.clock.time()
        cause = Context(actor="automation") if context is None else context.child("automation")
        if cause.depth and cause.runs_away(self._hub.clock.time()):
            self._run_away(trigger, cause)
            return None
        return self._go({"trigger": trigger}, cause, own=own)

    def _run_away(self, trigger: Mapping[str, Any], cause: Context) -> None:
        """It began over and over because of itself, if need be by way of others: the loop ends here."""
        now = self._hub.clock.time()
        if now - self._ran_away > QUIET:
            self._part.log.warning("runs because of itself, over and over; this run is refused")
            _over(self.trace(cause, trigger.get("description")), End.RECURSION)
        self._ran_away = now

    def _this(self) -> dict[str, Any]:
        return {"this": self._hub.states.get(self.entity_id)}

    def _go(
        self,
        given: Mapping[str, Any],
        context: Context,
        *,
        own: Mapping[str, Any] | None = None,
        skip_condition: bool = False,
    ) -> Run | None:
        """Render the variables, ask the conditions, run."""
        config = self.item.config
        assert config is not None
        trigger = given["trigger"]
        trace = self.trace(context, trigger.get("description"))
        known: dict[str, Any] = {**self._this(), **given}
        if trace is not None:
            index = trigger.get("idx")
            step = trace.step("trigger" if index is None else f"trigger/{index}")
            step.changed = known
            trace.done(step)
        try:
            if own:
                known = rendered(self._hub, own, known)
            if self._for_all:
                known = rendered(self._hub, self._for_all, known, defaults=True)
        except TemplateError as error:
            self._part.log.error("variables cannot be rendered: %s", error)
            _over(trace, End.ERROR, f"variables: {error}")
            return None
        conditions = () if skip_condition else config["conditions"]
        if conditions and not conditions.hold(Case(self._hub, known, self._part.log, trace)):
            _over(trace, End.CONDITIONS)
            return None
        return self.begin_run(known, context, trace)

    def began(self, run: Run) -> None:
        super().began(run)
        if not self._hub.bus.route(TRIGGERED):
            return
        told: dict[str, Any] = {"name": self.item.name, "entity_id": self.entity_id}
        source = run.scope.values["trigger"].get("description")
        if source is not None:
            told["source"] = source
        self._hub.bus.fire(TRIGGERED, told, run.context)


def _over(trace: Trace | None, end: End, error: str | None = None) -> None:
    if trace is not None:
        trace.finish(end, error)
