"""``say: TEXT``: send a message to a chat; by default to the one whose message started the run."""

from __future__ import annotations

from collections.abc import Awaitable

import voluptuous as vol

from nanobot.automation.chat import WHERE, whereto
from nanobot.automation.duration import duration, seconds
from nanobot.automation.sequence import RunStep
from nanobot.config import validators as cv
from nanobot.errors import NanobotError
from nanobot.templates import validators as tv

PATIENCE = 60.0  # s that a delivery is waited for, where it is

SCHEMA = vol.Schema(
    {
        vol.Required("say"): tv.template,
        **WHERE,
        vol.Optional("choices"): tv.template_value,
        vol.Optional("wait", default=False): cv.boolean,
        vol.Optional("timeout"): duration,
    }
)


def run(step: RunStep) -> Awaitable[None]:
    """On disk when it is done, and sent when the channel is there; with ``wait``, delivered as well.

    Raises ``NanobotError`` for a chat that is not known, ``StorageError`` when nothing can be written.
    """
    return _say(step)


async def _say(step: RunStep) -> None:
    config = step.config
    channel, chat, thread = whereto(step, config)
    words = str(config["say"].render(step.hub, step.variables, native=False))
    choices = step.render(config.get("choices") or [])
    buttons = [str(one) for one in (choices if isinstance(choices, list) else [choices])]
    sent = await step.hub.conversations.send(channel, chat, words, thread=thread, buttons=buttons, context=step.context)
    step.tell(channel=channel, chat=chat, text=words, message=sent)
    if not config["wait"]:
        return
    limit = seconds(step.hub, config["timeout"], step.variables) if "timeout" in config else PATIENCE
    delivered = await step.hub.conversations.delivered(sent, limit)
    step.tell(delivered=delivered)
    if not delivered:
        raise NanobotError(f"{channel} has not taken the message within {limit:g} s; it is sent when it does")
