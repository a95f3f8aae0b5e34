"""How long something lasts, as it is written: a number, ``HH:MM:SS``, a mapping, or a template of any of these."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import voluptuous as vol

from nanobot.config import validators as cv
from nanobot.config.explain import explain
from nanobot.config.times import UNITS
from nanobot.hub.hub import Hub
from nanobot.templates import Template, TemplateError, has_template, render_value
from nanobot.templates import validators as tv
from nanobot.util.text import shorten

Duration = timedelta | Template | Mapping[str, Any]
"""What ``duration`` makes of it: known, or known when its templates are rendered."""


def duration(value: Any) -> Duration:
    """For schemas: seconds, ``HH:MM``, ``HH:MM:SS``, a mapping like ``minutes: 5``; 0 or more; or templates."""
    if isinstance(value, str) and has_template(value):
        template: Template = tv.template(value)
        return template
    if isinstance(value, dict) and has_template(value):
        return _mapping(value)
    return cv.positive_time_period(_counted(value))


def _counted(value: Any) -> Any:
    """With true as one and false as none, as Home Assistant takes them."""
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, dict) and any(isinstance(amount, bool) for amount in value.values()):
        return {unit: int(amount) if isinstance(amount, bool) else amount for unit, amount in value.items()}
    return value


def period(hub: Hub, written: Duration, variables: Mapping[str, Any] | None) -> timedelta:
    """How long that is now. Raises ``TemplateError`` when a template fails or gives no duration."""
    if isinstance(written, timedelta):
        return written
    rendered = render_value(hub, written, variables or {})
    try:
        return cv.positive_time_period(_counted(rendered))
    except vol.Invalid as error:
        said = "; ".join(problem.sentence() for problem in explain(error, rendered, ()))
        raise TemplateError(f"the template gave {shorten(rendered)}, which is no duration: {said}") from error


def seconds(hub: Hub, written: Duration, variables: Mapping[str, Any] | None) -> float:
    """As ``period``, in seconds."""
    return period(hub, written, variables).total_seconds()


def _mapping(value: dict[Any, Any]) -> dict[str, Any]:
    """The units with their templates compiled; what is no template is checked right away."""
    plain = {unit: amount for unit, amount in value.items() if not has_template(amount)}
    if plain:
        cv.time_period(plain)
    if any(unit not in UNITS for unit in value):
        cv.time_period(dict.fromkeys(value, 0))
    return {unit: amount if unit in plain else tv.template(amount) for unit, amount in value.items()}
