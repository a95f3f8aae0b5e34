"""Attaches the triggers of one automation."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from nanobot.automation import words
from nanobot.automation.schema import TriggerConfig
from nanobot.contracts.trigger import Detach, Fire
from nanobot.errors import NanobotError
from nanobot.hub.context import Context
from nanobot.hub.hub import Hub

Log = logging.Logger | logging.LoggerAdapter[Any]
Triggered = Callable[[Mapping[str, Any], Context | None], None]


async def attach(
    hub: Hub, triggers: Iterable[TriggerConfig], triggered: Triggered, log: Log
) -> tuple[Detach, list[str]]:
    """Attach all that are enabled. Gives what ends them, and a sentence for each that could not be attached.

    ``triggered(trigger, context)`` is called a moment after a trigger fired, when whatever made it fire has been
    told to everybody: so nobody sees the effect before its cause, and two automations that fire each other take
    turns with the rest of the hub.
    """
    detach: list[Detach] = []
    failed: list[str] = []
    for trigger in triggers:
        if not trigger.enabled:
            continue
        fire = _later(hub, trigger, triggered)
        try:
            word = words.find("trigger", trigger.word)
            if word is None:
                raise NanobotError(f"there is no trigger '{trigger.word}' any more")
            detach.append(await word.attach(hub, trigger.config, fire))
        except Exception as error:  # whatever a word of an integration raises; the other triggers are to work
            text = str(error) or type(error).__name__
            expected = isinstance(error, NanobotError)
            log.error("trigger %d (%s): %s", trigger.index, trigger.word, text, exc_info=None if expected else error)
            failed.append(text)

    def end() -> None:
        while detach:
            detach.pop()()

    return end, failed


def _later(hub: Hub, trigger: TriggerConfig, triggered: Triggered) -> Fire:
    common = {"id": trigger.id, "idx": str(trigger.index), "alias": trigger.alias}
    call_soon = asyncio.get_running_loop().call_soon

    def fire(variables: Mapping[str, Any], context: Context | None = None) -> None:
        call_soon(triggered, {**common, **variables}, context)

    return fire
