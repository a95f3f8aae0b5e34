"""One automation: an entity that can be switched on and off, and runs its actions when a trigger fires."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from nanobot.automation.attach import attach
from nanobot.automation.decide import Conditions
from nanobot.automation.runner import CHAIN, Run, Runner
from nanobot.automation.sequence import Sequence
from nanobot.automation.templates import has_template
from nanobot.contracts.entity import Entity
from nanobot.hub.context import Context
from nanobot.hub.entry import Entry
from nanobot.hub.issues import Severity
from nanobot.hub.restore import LastStates

from .item import Item

TRIGGERED = "automation_triggered"


class Automation(Entity):
    """``part`` owns everything it has in the hub. ``started``: whether the hub is; before, no trigger is attached."""

    def __init__(self, part: Entry, entity_id: str, item: Item, last: LastStates, *, started: bool) -> None:
        self.entity_id = entity_id
        self.enabled = True
        self.last_triggered: datetime | None = None
        self._part = part
        self._hub = part.hub
        self._last = last
        self._started = started
        self._detach: Callable[[], None] | None = None
        self._runner: Runner | None = None
        self._conditions: Conditions | None = None
        self.item = item
        self.refused: Item | None = None
        """The wrong edit that stands in the YAML instead of ``item``, which runs on."""

    @property
    def state(self) -> str:
        return "on" if self.enabled else "off"

    @property
    def attributes(self) -> Mapping[str, Any]:
        config = self.item.config
        if config is None:
            return {**({"id": self.item.id} if self.item.id else {}), "error": self.item.error}
        shown: dict[str, Any] = {} if self.item.id is None else {"id": self.item.id}
        runner = self._runner
        shown["last_triggered"] = self.last_triggered
        shown["mode"] = config["mode"]
        shown["current"] = runner.current if runner else 0
        if config["mode"] in ("queued", "parallel"):
            shown["max"] = config["max"]
        if self.refused is not None:
            shown["error"] = self.refused.error
        return shown

    def changed(self, context: Context | None = None) -> None:
        super().changed(context)
        if self.item.config is not None:
            when = self.last_triggered.isoformat() if self.last_triggered else None
            self._last.put(self.item.key, {"state": self.state, "last_triggered": when})

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
        await self._attach()

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
        if stop and self._runner is not None:
            await self._runner.stop()
        self.changed(context)

    async def trigger(self, variables: Mapping[str, Any], context: Context, *, skip_condition: bool) -> None:
        """Run now and wait until that is done. A run that waits for this very call is not waited for."""
        if self._runner is None:
            return
        given = {"trigger": {"platform": None}, **variables}
        if not skip_condition and not self._holds(given):
            return
        chain = CHAIN.get()
        run = self._runner.start(self._variables(given), context.child("automation"), self._began, chain=chain)
        if run is not None and self._runner not in chain:
            await run.wait()

    # -- inside ---------------------------------------------------------------------------------

    def _take(self, item: Item) -> None:
        self.item, self.refused = item, None
        self.available = item.config is not None
        self.name = item.name
        self._runner = self._conditions = None
        config = item.config
        if config is None:
            return
        log = self._part.log
        self._conditions = Conditions(config["conditions"], log)
        self._runner = Runner(
            self._hub,
            Sequence(config["actions"], log),
            self._part.tasks,
            log,
            self.changed,
            mode=config["mode"],
            limit=config["max"],
            exceeded=config["max_exceeded"],
        )
        if has_template(item.raw):
            self._part.issue("templates", severity=Severity.WARNING, name=item.name)
        else:
            self._part.resolve("templates")

    async def _attach(self) -> None:
        if self._detach is not None or not self.enabled or not self._started or self.item.config is None:
            return
        mine = self._detach = lambda: None  # so that two who turn it on at the same time attach once
        detach, failed = await attach(self._hub, self.item.config["triggers"], self._triggered, self._part.log)
        if self._detach is not mine:
            detach()  # turned off meanwhile
            return
        self._detach = detach
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
        if self._runner is not None:
            await self._runner.stop()

    def _triggered(self, trigger: Mapping[str, Any], context: Context | None) -> None:
        """A trigger fired. What was turned off since then does not run."""
        if self._detach is None or self._runner is None:
            return
        variables = {"trigger": trigger}
        if self._holds(variables):
            cause = Context(actor="automation") if context is None else context.child("automation")
            self._runner.start(self._variables(variables), cause, self._began)

    def _holds(self, variables: Mapping[str, Any]) -> bool:
        return self._conditions is None or self._conditions.hold(self._hub, variables)

    def _variables(self, given: Mapping[str, Any]) -> dict[str, Any]:
        config = self.item.config
        assert config is not None
        return {**config["variables"], **given}

    def _began(self, run: Run) -> None:
        self.last_triggered = datetime.fromtimestamp(self._hub.clock.time(), UTC)
        if not self._hub.bus.route(TRIGGERED):
            return
        told: dict[str, Any] = {"name": self.item.name, "entity_id": self.entity_id}
        source = run.variables["trigger"].get("description")
        if source is not None:
            told["source"] = source
        self._hub.bus.fire(TRIGGERED, told, run.context)
