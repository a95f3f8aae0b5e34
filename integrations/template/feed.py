"""The triggers of a section: each time one fires and the conditions hold, its entities get new values."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from nanobot.automation.attach import attach
from nanobot.automation.decide import Case
from nanobot.automation.run import Run
from nanobot.automation.runner import Runner
from nanobot.automation.trace import End
from nanobot.automation.variables import rendered
from nanobot.config.same import same
from nanobot.hub.context import Context
from nanobot.hub.entry import Entry
from nanobot.templates import TemplateError

from .section import Section

WAITING = 10  # triggers whose actions may wait for those of the ones before

Tell = Callable[[str, Mapping[str, Any], Context | None], None]
"""Gives the entities of the section with that key their values: the variables, and the context that caused them."""


class Feed:
    """``part`` owns everything it has in the hub."""

    def __init__(self, part: Entry, section: Section, tell: Tell) -> None:
        assert section.head is not None
        self._part = part
        self._hub = part.hub
        self._section = section
        self._head: Mapping[str, Any] = section.head
        self._tell = tell
        self._detach: Callable[[], None] | None = None
        self._runner: Runner | None = None
        if "actions" in self._head:
            self._runner = Runner(
                self._hub,
                self._head["actions"],
                part.tasks,
                part.log,
                lambda context: None,
                path="actions",
                mode="queued",
                limit=WAITING,
            )

    def same_as(self, section: Section) -> bool:
        """Whether the section still has the same triggers, conditions, actions and variables."""
        return same(self._section.raw_head, section.raw_head)

    async def begin(self, *, starting: bool) -> None:
        """Attach the triggers."""
        self._part.on_unload(self._end)
        detach, failed = await attach(
            self._hub, self._head["triggers"], self._triggered, self._part.log, starting=starting
        )
        self._detach = detach
        if failed:
            self._part.issue("trigger_failed", name=self._section.key, error="; ".join(failed))

    async def _end(self) -> None:
        detach, self._detach = self._detach, None
        if detach is not None:
            detach()
        if self._runner is not None:
            await self._runner.stop()

    def _triggered(self, trigger: Mapping[str, Any], context: Context | None, own: Mapping[str, Any]) -> None:
        if self._detach is None:
            return  # it fired just before it was detached
        try:
            variables = rendered(self._hub, own, {"trigger": trigger})
            variables = rendered(self._hub, self._head["variables"], variables, defaults=True)
        except TemplateError as error:
            self._part.log.error("%s: variables: %s", self._section.key, error)
            return
        conditions = self._head.get("conditions")
        if conditions is not None and not conditions.hold(Case(self._hub, variables, self._part.log)):
            return
        if self._runner is None:
            self._tell(self._section.key, variables, context)
            return
        cause = Context(actor="automation") if context is None else context.child("automation")
        run = self._runner.start(variables, cause, lambda run: None)
        if run is not None:
            self._part.spawn(self._after(run, context), "values after actions")

    async def _after(self, run: Run, context: Context | None) -> None:
        await run.wait()
        if run.end is End.FINISHED:
            self._tell(self._section.key, run.scope.flat(), context)
