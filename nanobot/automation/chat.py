"""Which chat a word of the language means: the one that is named, else the one whose message started the run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import voluptuous as vol

from nanobot.automation.sequence import RunStep
from nanobot.config import validators as cv
from nanobot.errors import NanobotError
from nanobot.templates import has_template
from nanobot.templates import validators as tv


def text(value: Any) -> Any:
    """Text or a number, with or without a template."""
    return tv.template(value) if isinstance(value, str) and has_template(value) else str(cv.string(value))


WHERE: Mapping[Any, Any] = {
    vol.Optional("channel"): text,
    vol.Optional("chat"): text,
    vol.Optional("thread"): text,
}


def whereto(step: RunStep, config: Mapping[str, Any]) -> tuple[str, str, str | None]:
    """Channel, chat and thread. Raises ``NanobotError`` when no chat is named and none started the run."""
    trigger = step.variables.get("trigger")
    message = trigger.get("message") if isinstance(trigger, Mapping) else None
    here: Mapping[str, Any] = message if isinstance(message, Mapping) else {}
    named = {name: str(step.render(config[name])) for name in ("channel", "chat", "thread") if config.get(name)}
    if "channel" in named and named["channel"] != here.get("channel"):
        here = {}
    if "chat" in named and named["chat"] != here.get("chat"):
        here = {"channel": here.get("channel")}
    channel, chat = named.get("channel") or here.get("channel"), named.get("chat") or here.get("chat")
    if not channel or not chat:
        lacking = "channel" if not channel else "chat"
        raise NanobotError(f"say which {lacking} is meant: no message started this run, so there is none to answer")
    thread = named.get("thread") or here.get("thread")
    return str(channel), str(chat), None if thread is None else str(thread)
