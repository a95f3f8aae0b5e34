"""One script: an entity that is on while it runs, and a service of its name."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from functools import partial
from typing import Any

import voluptuous as vol

from nanobot.automation.keeping import Keeping
from nanobot.automation.run import Run
from nanobot.automation.runnable import RunnableEntity
from nanobot.automation.runner import CHAIN, alone
from nanobot.automation.trace import End
from nanobot.automation.variables import rendered
from nanobot.contracts.service import Response, Service, ServiceCall
from nanobot.errors import InvalidServiceData, NanobotError, ServiceError, ServiceNotFound
from nanobot.hub.context import Context
from nanobot.hub.entry import Entry
from nanobot.hub.restore import LastStates
from nanobot.templates import TemplateError

from .item import Item

STARTED = "script_started"


class Script(RunnableEntity):
    """``part`` owns everything it has in the hub."""

    path = "sequence"

    def __init__(self, part: Entry, item: Item, last: LastStates, keeping: Keeping) -> None:
        super().__init__(part, "script", f"script.{item.key}", item.key)
        self.item = item
        self.refused: Item | None = None
        """The wrong edit that stands in the YAML instead of ``item``, which runs on."""
        self._last = last
        self._keeping = keeping
        self._kept: Mapping[str, Any] = {}
        self._remove: Callable[[], None] | None = None
        self._last_action: str | None = None
        """What a run waited for last, while there are any; as in Home Assistant."""

    @property
    def state(self) -> str:
        return "on" if self._runner is not None and self._runner.current else "off"

    @property
    def written(self) -> Mapping[str, Any]:
        return self.item.raw if isinstance(self.item.raw, Mapping) else {}

    @property
    def error(self) -> str | None:
        return self.item.error if self.refused is None else self.refused.error

    @property
    def attributes(self) -> Mapping[str, Any]:
        config = self.item.config
        if config is None:
            return {"error": self.item.error}
        shown = self.shown(config)
        if self._last_action is not None:
            shown["last_action"] = self._last_action
        if self.refused is not None:
            shown["error"] = self.refused.error
        return shown

    def changed(self, context: Context | None = None) -> None:
        super().changed(context)
        if self.last_triggered is not None:
            self._last.put(self.item.key, {"last_triggered": self.last_triggered.isoformat()})

    def open(self) -> None:
        """Come up as configured."""
        last = self._last.get(self.item.key)
        if last is not None and last.get("last_triggered"):
            self.last_triggered = datetime.fromisoformat(last["last_triggered"])
        self._take(self.item)
        self._part.on_unload(self.stop_runs)
        self._part.add(self)

    def begin(self) -> None:
        """Everything else is there: go on with what waited when nanobot stopped."""
        kept, self._kept = self._kept, {}
        self.go_on(kept)

    async def take(self, item: Item) -> None:
        """Become what an edit made of it. Runs of the old version are stopped."""
        await self.stop_runs()
        self._take(item)
        self.changed()

    def refuse(self, item: Item | None) -> None:
        """Show that the edit does not work and this version runs on; with None, that all is well again."""
        if item is not self.refused:
            self.refused = item
            self.changed()

    async def run(self, variables: Mapping[str, Any], context: Context, *, wait: bool = True) -> Any:
        """Run, and with ``wait`` until it is done; gives the response. Raises what a failing action raised."""
        if not wait:
            alone(partial(self._go, variables, context))
            return None
        run = self._go(variables, context)
        if run is None:
            return None
        await run.wait()
        return _outcome(run)

    # -- inside ---------------------------------------------------------------------------------

    def _take(self, item: Item) -> None:
        self.item, self.refused = item, None
        config = item.config
        self.available = config is not None
        self.name = item.name
        self.icon = None if config is None else config.get("icon")
        self._kept = self._keeping.take(item.key, item.raw)
        noting = self._keeping.noting(item.key)
        self.equip(None if config is None else config["sequence"], config, partial(self._noted, noting))
        if self._remove is not None:
            self._remove()
        service = Service(
            "script",
            item.key,
            self._called,
            vol.Schema(dict),
            Response.OPTIONAL,
            "" if config is None else config["description"],
            {} if config is None else config["fields"],
            title=item.name,
            entity_id=self.entity_id,
        )
        self._remove = self._part.add(service)

    def _noted(self, noting: Callable[[Run], Awaitable[None] | None], run: Run) -> Awaitable[None] | None:
        """A run begins or ends to wait, or is over."""
        if run.over:
            if self._runner is None or not self._runner.current:
                self._last_action = None  # its owner writes the state next
        elif run.waits and run.waits_for != self._last_action:
            self._last_action = run.waits_for
            self.changed(run.context)
        return noting(run)

    def _called(self, call: ServiceCall) -> Awaitable[Any] | Any:
        """``script.NAME``: waits for the end and gives the response."""
        if self.item.config is None:
            name = f"script.{self.item.key}"
            raise ServiceNotFound(f"{name} is wrong and cannot run: {self.item.error}", service=name)
        run = self._go(call.data, call.context)
        if run is None:
            return {} if call.return_response else None
        return _outcome(run) if run.over else _wait(run, called_by_run=bool(CHAIN.get()))

    def _go(self, given: Mapping[str, Any], context: Context) -> Run | None:
        config = self.item.config
        if config is None:
            return None
        known = self._checked(config, given)
        trace = self.trace(context)
        known = {"this": self._hub.states.get(self.entity_id), **known, "context": context}
        try:
            if config["variables"]:
                known = rendered(self._hub, config["variables"], known, defaults=True)
        except TemplateError as error:
            if trace is not None:
                trace.finish(End.ERROR, f"variables: {error}")
            raise ServiceError(f"script.{self.item.key}: variables: {error}") from error
        return self.begin_run(known, context, trace)

    def _checked(self, config: Mapping[str, Any], given: Mapping[str, Any]) -> Mapping[str, Any]:
        """With ``enforce_fields``: what is required has to be there, and defaults are filled in."""
        if not config["enforce_fields"]:
            return given
        fields = config["fields"]
        lacking = [name for name, field in fields.items() if field.get("required") and name not in given]
        if lacking:
            raise InvalidServiceData(f"script.{self.item.key} needs {', '.join(map(repr, lacking))}")
        unknown = [name for name in given if name not in fields]
        if unknown:
            raise InvalidServiceData(
                f"script.{self.item.key} has no field {', '.join(map(repr, unknown))}; it has {', '.join(fields)}"
            )
        return {**{name: field["default"] for name, field in fields.items() if "default" in field}, **given}

    def began(self, run: Run) -> None:
        super().began(run)
        if self._hub.bus.route(STARTED):
            self._hub.bus.fire(STARTED, {"name": self.item.name, "entity_id": self.entity_id}, run.context)


def _outcome(run: Run) -> Mapping[str, Any]:
    """The response. Raises what a failing action raised; ``stop`` with an error is none to the caller."""
    if run.end is End.ERROR and run.error is not None:
        if isinstance(run.error, NanobotError):
            raise run.error
        raise ServiceError(f"{type(run.error).__name__}: {run.error}") from run.error
    return run.response if run.response is not None else {}


async def _wait(run: Run, *, called_by_run: bool) -> Mapping[str, Any]:
    await (run.wait_for_caller() if called_by_run else run.wait())
    return _outcome(run)
