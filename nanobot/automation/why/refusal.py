"""Why an automation did not run: what holds it back now, and what stopped it the last time."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from nanobot.automation.parse import TriggerConfig
from nanobot.automation.runnable import RunnableEntity
from nanobot.automation.truth import is_on
from nanobot.contracts.runnable import RunTrace
from nanobot.errors import NanobotError
from nanobot.hub.hub import Hub
from nanobot.templates import Template
from nanobot.util.text import nearest
from nanobot.util.translate import translate

from .chain import trigger_of, why
from .conditions import conditions_of
from .links import Link, Links, PlanFacts, TriggerFacts, WhyNot


async def why_not(hub: Hub, asked: str, *, language: str = "en") -> WhyNot:
    """``asked``: the entity id, the ``id`` or the name of an automation, script or schedule.

    Raises ``NanobotError`` when there is none.
    """
    item = find(hub, asked, language=language)
    state = hub.states.get(item.entity_id)
    triggers = tuple(_facts(hub, item, trigger) for trigger in item.triggers)
    idle = _idle(item, triggers)
    off: Links | None = None
    if idle == "off":
        off = await why(hub, item.entity_id, language=language)
    last = max(item.traces, key=lambda trace: _started(trace.short()), default=None)
    runner = item.runner
    return WhyNot(
        entity_id=item.entity_id,
        domain=item.domain,
        name=item.name or item.entity_id,
        mode=None if runner is None else runner.mode,
        idle=idle,
        error=None if item.error is None else hub.scrubber.scrub(item.error),
        failed=tuple(hub.scrubber.scrub(text) for text in item.failed),
        since=None if state is None else state.last_changed,
        off=off,
        last=None if last is None else _attempt(item, last),
        ran=None if item.last_triggered is None else item.last_triggered.timestamp(),
        triggers=triggers,
        plan=None if item.plan is None else PlanFacts(*item.plan),
    )


def find(hub: Hub, asked: str, *, language: str = "en") -> RunnableEntity:
    """The automation, script or schedule that is meant. Raises ``NanobotError`` with what there is instead."""
    wanted = asked.strip().strip("\"'“”„«»")
    items = [item for item in hub.runnables if isinstance(item, RunnableEntity)]
    name = wanted.casefold()
    for known in (
        [item for item in items if item.entity_id == wanted.lower()],
        [item for item in items if item.item_id == wanted],
        [item for item in items if (item.name or "").casefold() == name],
        [item for item in items if item.entity_id.partition(".")[2] == name],
    ):
        if known:
            return known[0]
    near = nearest(wanted, [item.entity_id for item in items] + [item.name for item in items if item.name])
    raise NanobotError(translate("why.no_item_near" if near else "why.no_item", language, asked=wanted, near=near))


def _idle(item: RunnableEntity, triggers: tuple[TriggerFacts, ...]) -> str | None:
    if item.runner is None:
        return "invalid"
    if item.idle is not None:
        return item.idle
    if item.domain != "automation":
        return None
    if not triggers:
        return "no_triggers"
    if not any(trigger.enabled for trigger in triggers):
        return "disabled"
    enabled = sum(trigger.enabled for trigger in triggers)
    return "failed" if len(item.failed) >= enabled else None


def _facts(hub: Hub, item: RunnableEntity, trigger: TriggerConfig) -> TriggerFacts:
    ids = _entities(hub, trigger.config)
    states = {entity_id: hub.states.get(entity_id) for entity_id in ids}
    return TriggerFacts(
        index=trigger.index,
        word=trigger.word,
        name=trigger.alias or " ".join([trigger.word, ", ".join(ids)]).strip(),
        enabled=_enabled(hub, trigger.enabled),
        fired=item.fired.get(str(trigger.index)),
        entities={
            entity_id: None if state is None else hub.scrubber.scrub(state.state) for entity_id, state in states.items()
        },
    )


def _enabled(hub: Hub, enabled: bool | Template) -> bool:
    try:
        return bool(enabled is True or is_on(hub, enabled))
    except NanobotError:
        return False


def _entities(hub: Hub, config: Mapping[str, Any]) -> list[str]:
    """What a trigger watches: the entities it names, and those that its template reads."""
    given = config.get("entity_id", ())
    ids = [given] if isinstance(given, str) else [str(one) for one in given]
    template = config.get("value_template")
    if isinstance(template, Template):
        ids += sorted(template.info(hub).entities)
    return list(dict.fromkeys(ids))


def _started(short: Mapping[str, Any]) -> str:
    return str(short["timestamp"]["start"])


def _attempt(item: RunnableEntity, trace: RunTrace) -> Link:
    full = trace.full()
    trigger = trigger_of(full)
    came = "last_missed" if trigger.get("missed") else "last_planned"
    data = {
        "domain": item.domain,
        "name": item.name,
        "run_id": trace.run_id,
        "outcome": full.get("script_execution"),
        "error": full.get("error"),
        "source": full.get("trigger"),
        "trigger": trigger.get("idx"),
        "came": came if trigger.get("platform") == "schedule" and trigger.get("planned") else None,
        "conditions": conditions_of(full),
    }
    began = datetime.fromisoformat(_started(full)).timestamp()
    return Link("run", item.entity_id, began, data, trace.context.id)
