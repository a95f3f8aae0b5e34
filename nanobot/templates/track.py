"""Templates that are rendered again when what they read has changed, and for nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nanobot.hub.bus import Event, Remove
from nanobot.hub.hub import Hub
from nanobot.hub.states import STATE_CHANGED
from nanobot.templates.errors import TemplateError
from nanobot.templates.info import RenderInfo
from nanobot.templates.template import MACROS_CHANGED, Template

MINUTE = 60.0


@dataclass(frozen=True, slots=True)
class Update:
    """One template has another result. ``event`` is the ``state_changed`` that did it; None: the time, or a refresh.

    Of ``result`` and ``error`` one counts, as in ``RenderInfo``; so of ``last`` and ``last_error``.
    """

    index: int
    template: Template
    result: Any
    error: TemplateError | None
    last: Any
    last_error: TemplateError | None
    event: Event | None


Changed = Callable[[list[Update]], None]


class Tracker:
    """``infos``: the newest render of each template, in their order."""

    def __init__(
        self,
        hub: Hub,
        templates: Sequence[tuple[Template, Mapping[str, Any] | None]],
        changed: Changed,
        *,
        strict: bool = False,
        native: bool = True,
        warnings: bool = False,
    ) -> None:
        self._hub = hub
        self._templates = list(templates)
        self._changed = changed
        self._strict = strict
        self._native = native
        self._warnings = warnings
        self._removes: list[Remove] = []
        self._listening: tuple[Any, ...] | None = None
        self._minute: asyncio.TimerHandle | None = None
        self._later: dict[int, asyncio.TimerHandle] = {}
        self._rendered = [float("-inf")] * len(self._templates)
        """When each was rendered for a change last; the first render does not hold back the next."""
        self._removed = False
        self.infos: list[RenderInfo] = [self._render(index) for index in range(len(self._templates))]
        self._listen()
        self._stop_macros: Remove | None = None
        if any(_imports(template) for template, _ in self._templates):
            self._stop_macros = hub.bus.listen(MACROS_CHANGED, lambda event: self.refresh())

    def refresh(self) -> None:
        """Render all of them now."""
        self._again(range(len(self._templates)), None)

    def remove(self) -> None:
        """Track no longer."""
        self._removed = True
        self._stop_listening()
        if self._stop_macros is not None:
            self._stop_macros()
            self._stop_macros = None
        if self._minute is not None:
            self._minute.cancel()
            self._minute = None
        for handle in self._later.values():
            handle.cancel()
        self._later.clear()

    # -- rendering ------------------------------------------------------------------------------

    def _render(self, index: int) -> RenderInfo:
        template, variables = self._templates[index]
        return template.info(self._hub, variables, native=self._native, strict=self._strict, warnings=self._warnings)

    def _again(self, indexes: Sequence[int], event: Event | None) -> None:
        updates = []
        reads_the_same = True
        for index in indexes:
            if (handle := self._later.pop(index, None)) is not None:
                handle.cancel()
            self._rendered[index] = asyncio.get_running_loop().time()
            before, now = self.infos[index], self._render(index)
            self.infos[index] = _kept(before, now)
            reads_the_same = reads_the_same and now.reads_as(before)
            if before.error is None and now.error is None and _same(before.result, now.result):
                continue
            if before.error is not None and now.error is not None:
                continue
            template = self._templates[index][0]
            updates.append(Update(index, template, now.result, now.error, before.result, before.error, event))
        if self._removed:
            return
        if not reads_the_same:
            self._listen()
        if updates:
            self._changed(updates)

    # -- listening ------------------------------------------------------------------------------

    def _listen(self) -> None:
        infos = self.infos
        every = any(info.all_states or info.all_states_lifecycle for info in infos)
        domains = frozenset[str]().union(*(info.domains | info.domains_lifecycle for info in infos))
        entities = frozenset[str]().union(*(info.entities for info in infos))
        time = any(info.time for info in infos)
        if time and self._minute is None:
            self._wait_for_minute()
        elif not time and self._minute is not None:
            self._minute.cancel()
            self._minute = None
        wanted = (every, domains, entities)
        if wanted == self._listening:
            return
        self._stop_listening()
        self._listening = wanted
        if every:
            self._removes = [self._hub.bus.listen(STATE_CHANGED, self._state_changed)]
            return
        states = self._hub.states
        alone = [one for one in entities if one.partition(".")[0] not in domains]
        if alone:
            self._removes.append(states.track(alone, self._state_changed))
        if domains:
            self._removes.append(states.track_domain(domains, self._state_changed))

    def _stop_listening(self) -> None:
        for remove in self._removes:
            remove()
        self._removes = []
        self._listening = None

    def _state_changed(self, event: Event) -> None:
        data = event.data
        entity_id = data["entity_id"]
        lifecycle = data["old_state"] is None or data["new_state"] is None
        now: list[int] = []
        for index, info in enumerate(self.infos):
            if not (info.concerns_lifecycle(entity_id) if lifecycle else info.concerns(entity_id)):
                continue
            if entity_id in info.entities or not self._put_off(index, info):
                now.append(index)
        if now:
            self._again(now, event)

    def _put_off(self, index: int, info: RenderInfo) -> bool:
        """Whether a template that reads many entities has been rendered just now, and is so a little later."""
        if index in self._later:
            return True
        loop = asyncio.get_running_loop()
        due = self._rendered[index] + info.rate_limit
        if loop.time() >= due:
            return False
        self._later[index] = loop.call_at(due, self._late, index)
        return True

    def _late(self, index: int) -> None:
        self._later.pop(index, None)
        self._again([index], None)

    def _wait_for_minute(self) -> None:
        seconds = self._hub.clock.time()
        delay = MINUTE - seconds % MINUTE
        self._minute = asyncio.get_running_loop().call_later(delay, self._minute_came)

    def _minute_came(self) -> None:
        self._wait_for_minute()
        self._again([index for index, info in enumerate(self.infos) if info.time], None)


def _imports(template: Template) -> bool:
    return any(word in template.text for word in ("import", "include", "extends"))


def _kept(before: RenderInfo, now: RenderInfo) -> RenderInfo:
    """A render that failed may have ended before it read all; what the last one read still counts."""
    if now.error is not None:
        now.entities |= before.entities
        now.domains |= before.domains
        now.domains_lifecycle |= before.domains_lifecycle
        now.all_states |= before.all_states
        now.all_states_lifecycle |= before.all_states_lifecycle
        now.time |= before.time
    return now


def _same(one: Any, other: Any) -> bool:
    return type(one) is type(other) and bool(one == other)


def track(
    hub: Hub,
    templates: Sequence[tuple[Template, Mapping[str, Any] | None]],
    changed: Changed,
    *,
    strict: bool = False,
    native: bool = True,
    warnings: bool = False,
) -> Tracker:
    """Render the templates, and call ``changed(updates)`` whenever results have become others.

    A template that reads a whole domain is rendered at most once a second for changes of entities that it does not
    name, one that reads all states once a minute, one that asks for the time at each full minute.
    ``warnings``: as in ``Template.info``.
    """
    return Tracker(hub, templates, changed, strict=strict, native=native, warnings=warnings)
