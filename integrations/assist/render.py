"""The packaged answers, for the languages into which ours are not translated. They are Jinja templates."""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

from jinja2 import TemplateError
from jinja2.sandbox import SandboxedEnvironment

from nanobot.hub.states import State

from .ask import Ask

_SAME = {"TurnOn": "HassTurnOn", "TurnOff": "HassTurnOff"}


def render(ask: Ask, responses: Mapping[str, Any], kind: str) -> str | None:
    """The packaged answer to an intent, None when there is none that works here."""
    template = responses.get(_SAME.get(ask.intent, ask.intent), {}).get(kind)
    if not template:
        return None
    state = ask.state
    slots = {key: _whole(value) for key, value in ask.slots.items()}
    if state or "label" in slots:
        slots["name"] = state.name if state else slots["label"]
    now = ask.now
    try:
        text = (
            SandboxedEnvironment(autoescape=False)
            .from_string(template)
            .render(
                slots={**slots, "time": now.time(), "date": now.date()},
                state=_seen(state) if state else None,
                query=SimpleNamespace(matched=_all(ask.matched), unmatched=_all(ask.unmatched)),
            )
        )
    except (TemplateError, TypeError, ValueError):
        return None
    return " ".join(text.split()) or None


def _whole(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value == int(value) else value


def _seen(state: State) -> SimpleNamespace:
    unit = state.attributes.get("unit_of_measurement")
    return SimpleNamespace(
        entity_id=state.entity_id,
        domain=state.domain,
        name=state.name,
        state=state.state,
        state_with_unit=f"{state.state} {unit}" if unit else state.state,
        attributes=dict(state.attributes),
    )


def _all(states: list[State]) -> list[SimpleNamespace]:
    return [_seen(state) for state in states]
