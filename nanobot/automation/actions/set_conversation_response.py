"""``set_conversation_response: TEXT``: what the person is told whose sentence started this run."""

from __future__ import annotations

import voluptuous as vol

from nanobot.automation.sequence import RunStep
from nanobot.templates import validators as tv

SCHEMA = vol.Schema({vol.Required("set_conversation_response"): vol.Any(None, tv.template)})


def run(step: RunStep) -> None:
    """The last one counts; nothing (``null``) takes it back."""
    written = step.config["set_conversation_response"]
    response = None if written is None else written.render(step.hub, step.variables, native=False)
    step.tell(conversation_response=response)
    step.run.conversation_response = response
