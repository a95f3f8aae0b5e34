"""``stop: WHY``: end the run, with a response if wanted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import voluptuous as vol

from nanobot.automation.flow import Abort, Stop
from nanobot.automation.sequence import RunStep
from nanobot.config import validators as cv


def _not_both(given: dict[str, Any]) -> dict[str, Any]:
    if given.get("error") and "response_variable" in given:
        raise vol.Invalid("an error gives no response; keep one of the two", path=["response_variable"])
    return given


SCHEMA = vol.Schema(
    vol.All(
        {
            vol.Required("stop"): vol.Any(None, cv.string),
            vol.Optional("error", default=False): cv.boolean,
            vol.Optional("response_variable"): cv.string,
        },
        _not_both,
    )
)


def run(step: RunStep) -> None:
    """Ends the run, from however deep within it."""
    text, error = step.config["stop"] or "", step.config["error"]
    step.tell(stop=text, error=error)
    response: Mapping[str, Any] | None = None
    name = step.config.get("response_variable")
    if name is not None:
        try:
            response = step.scope.get(name)
        except KeyError:
            raise Abort(f"there is no variable '{name}' to respond with") from None
    raise Stop(text, error=error, response=response)
