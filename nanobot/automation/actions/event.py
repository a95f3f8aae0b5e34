"""``event: TYPE``: fire an event."""

from __future__ import annotations

from typing import Any

import voluptuous as vol

from nanobot.automation.sequence import RunStep
from nanobot.config import validators as cv
from nanobot.hub.bus import MAX_TYPE_LENGTH
from nanobot.hub.states import STATE_CHANGED, as_change
from nanobot.templates import TemplateError
from nanobot.templates import validators as tv

SCHEMA = vol.Schema(
    vol.All(
        {
            vol.Required("event"): cv.string,
            vol.Optional("event_data"): tv.template_value,
            vol.Optional("event_data_template"): tv.template_value,
        },
        lambda given: {
            "event": given["event"],
            "event_data": [given[key] for key in ("event_data", "event_data_template") if given.get(key)],
        },
    )
)


def run(step: RunStep) -> None:
    """Does not wait. Data that cannot be rendered is left out, as in Home Assistant, and logged."""
    data: dict[str, Any] = {}
    try:
        for part in step.config["event_data"]:
            value = step.render(part)
            if isinstance(value, dict):
                data.update(value)
    except TemplateError as error:
        step.log.error("%s: the data of the event cannot be rendered, so it has none: %s", step.name, error)
        data = {}
    event = str(step.config["event"])[:MAX_TYPE_LENGTH]
    step.tell(event=event, event_data=data)
    if event == STATE_CHANGED:
        try:
            data = as_change(data)
        except ValueError as error:
            step.log.error("%s: it is not fired: %s", step.name, error)
            return
    step.hub.bus.fire(event, data, step.context)
