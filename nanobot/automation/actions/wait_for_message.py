"""``wait_for_message:``: ask a person something and go on with the answer, or when the time is over."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Mapping
from typing import Any

import voluptuous as vol

from nanobot.automation.chat import WHERE, text, whereto
from nanobot.automation.sequence import RunStep
from nanobot.automation.waiting import LIMITS, Limit
from nanobot.conversations.message import Message
from nanobot.templates import validators as tv
from nanobot.util.text import shorten


def _long(value: Any) -> Any:
    return {"say": value} if isinstance(value, str) else ({} if value is None else value)


SCHEMA = vol.Schema(
    {
        vol.Required("wait_for_message"): vol.All(
            _long,
            {
                vol.Optional("say"): tv.template,
                vol.Optional("choices"): tv.template_value,
                vol.Optional("sender"): text,
                **WHERE,
            },
        ),
        **LIMITS,
    }
)


def run(step: RunStep) -> Awaitable[None]:
    """Sets ``wait``: ``completed``, ``remaining``, and ``message`` with ``text``, ``choice`` (one of the choices, or
    None), ``sender``, ``sender_name``, ``channel`` and ``chat``. The message goes to nobody else."""
    return _wait(step)


async def _wait(step: RunStep) -> None:
    config = step.config["wait_for_message"]
    resumed = step.path in step.run.resume
    limit = Limit(step)
    channel, chat, thread = whereto(step, config)
    sender = str(step.render(config["sender"])) if "sender" in config else None
    given = step.render(config.get("choices") or [])
    choices = [str(one) for one in (given if isinstance(given, list) else [given])]
    done: asyncio.Future[Message] = asyncio.get_running_loop().create_future()

    def take(message: Message) -> bool:
        mine = (message.channel, message.chat) == (channel, chat) and (thread is None or message.thread == thread)
        if not mine or done.done() or (sender is not None and sender not in (message.sender, message.sender_name)):
            return False
        done.set_result(message)
        return True

    remove = step.hub.conversations.claims.add(take)
    try:
        if "say" in config and not resumed:
            words = str(config["say"].render(step.hub, step.variables, native=False))
            await step.hub.conversations.send(
                channel, chat, words, thread=thread, buttons=choices, context=step.context
            )
        completed = await limit.wait(done)
    finally:
        remove()
    limit.leave(completed, message=_told(done.result(), choices) if completed else None)


def _told(message: Message, choices: list[str]) -> Mapping[str, Any]:
    said = message.text.strip()
    choice = next((one for one in choices if one.casefold() == said.casefold()), None)
    if choice is None and said.isdecimal() and 0 < int(said) <= len(choices):
        choice = choices[int(said) - 1]
    return {
        "text": message.text,
        "choice": choice,
        "sender": message.sender,
        "sender_name": shorten(message.sender_name or message.sender),
        "channel": message.channel,
        "chat": message.chat,
        "thread": message.thread,
    }
