"""Attaches triggers."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, MutableMapping
from functools import partial
from typing import Any

from nanobot.automation import words
from nanobot.automation.parse import TriggerConfig
from nanobot.automation.run import Run, Turn
from nanobot.automation.runner import CHAIN, alone
from nanobot.automation.truth import is_on
from nanobot.automation.variables import rendered
from nanobot.contracts.trigger import Detach
from nanobot.errors import NanobotError
from nanobot.hub.context import Context
from nanobot.hub.hub import Hub

Log = logging.Logger | logging.LoggerAdapter[Any]
Triggered = Callable[[Mapping[str, Any], Context | None, Mapping[str, Any]], Run | None]
"""Called with ``trigger``, the context, and the ``variables`` of that trigger, which are not rendered yet. Gives the
run that begins, if one does."""
Kept = MutableMapping[str, Mapping[str, Any]]


class Watcher:
    """See ``contracts.trigger.Watch``. One per trigger."""

    __slots__ = ("_common", "_hub", "_own", "_triggered", "kept", "log", "starting", "variables")

    def __init__(
        self, hub: Hub, trigger: TriggerConfig, triggered: Triggered, log: Log, variables: Mapping[str, Any],
        kept: Kept, starting: bool,
    ) -> None:  # fmt: skip
        self._hub = hub
        self._common = {"id": trigger.id, "idx": str(trigger.index), "alias": trigger.alias}
        self._own = trigger.variables
        self._triggered = triggered
        self.log = log
        self.variables = variables
        self.kept = kept
        self.starting = starting

    def fire(self, variables: Mapping[str, Any], context: Context | None = None) -> None:
        """Say that it happened."""
        self._hub.triggered.soon(self._tell_alone, variables, context)

    async def ask(self, variables: Mapping[str, Any], context: Context | None = None) -> Any:
        """As ``fire``, and wait for what follows."""
        run = self._tell(variables, context)
        if run is None:
            return None
        await run.wait()
        return run.conversation_response

    def _tell_alone(self, variables: Mapping[str, Any], context: Context | None) -> None:
        if CHAIN.get():
            alone(partial(self._tell, variables, context))
        else:
            Turn.begins()
            self._tell(variables, context)

    def _tell(self, variables: Mapping[str, Any], context: Context | None) -> Run | None:
        return self._triggered({**self._common, **variables}, context, self._own)


async def attach(
    hub: Hub,
    triggers: Iterable[TriggerConfig],
    triggered: Triggered,
    log: Log,
    *,
    variables: Mapping[str, Any] | None = None,
    kept: Callable[[str], Kept] | None = None,
    starting: bool = False,
) -> tuple[Detach, list[str]]:
    """Attach all that are enabled. Gives what ends them, and a sentence for each that could not be attached.

    ``triggered`` is called a moment after a trigger fired, when whatever made it fire has been
    told to everybody: so nobody sees the effect before its cause, and two automations that fire each other take
    turns with the rest of the hub. ``kept(index)`` is what each trigger keeps over a restart.
    """
    detach: list[Detach] = []
    failed: list[str] = []
    given = rendered(hub, variables, {}, limited=True) if variables else {}
    for trigger in triggers:
        try:
            if trigger.enabled is not True and not is_on(hub, trigger.enabled, given):
                continue
            word = words.find("trigger", trigger.word)
            if word is None:
                raise NanobotError(f"there is no trigger '{trigger.word}' any more")
            mine = kept(str(trigger.index)) if kept is not None else {}
            watch = Watcher(hub, trigger, triggered, log, given, mine, starting)
            detach.append(await word.attach(hub, trigger.config, watch))
        except Exception as error:  # whatever a word of an integration raises; the other triggers are to work
            text = str(error) or type(error).__name__
            expected = isinstance(error, NanobotError)
            log.error("trigger %d (%s): %s", trigger.index, trigger.word, text, exc_info=None if expected else error)
            failed.append(text)

    def end() -> None:
        while detach:
            detach.pop()()

    return end, failed
