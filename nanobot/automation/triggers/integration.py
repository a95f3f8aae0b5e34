"""``trigger: integration``: an integration of the configuration came up, fails, or is gone."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import voluptuous as vol

from nanobot.automation.duration import duration, period
from nanobot.automation.lasting import Lasting, Ring
from nanobot.config import validators as cv
from nanobot.contracts.trigger import Detach, Watch
from nanobot.errors import NanobotError
from nanobot.hub.bus import Event
from nanobot.hub.context import Context
from nanobot.hub.entry import EntryState
from nanobot.hub.hub import Hub
from nanobot.hub.states import State
from nanobot.util.text import slugify

STATES = tuple(state.value for state in EntryState)

_STATES = vol.All(cv.ensure_list, vol.Length(min=1, msg="names no state"), [cv.one_of(*STATES)])

SCHEMA = vol.Schema(
    {
        vol.Required("entry"): vol.All(cv.ensure_list, vol.Length(min=1, msg="names no entry"), [cv.string]),
        vol.Optional("from"): _STATES,
        vol.Optional("to"): _STATES,
        vol.Optional("for"): duration,
    }
)


async def attach(hub: Hub, config: Mapping[str, Any], watch: Watch) -> Detach:
    """Fires with ``entry``, ``from`` and ``to`` (None: not configured), ``error``, ``for``."""
    changes = _Changes(hub, config, watch)
    remove = hub.states.track(changes.entity_ids, changes.changed)
    changes.lasting.resume(changes.still_true)

    def detach() -> None:
        remove()
        changes.lasting.close()

    return detach


class _Changes:
    """The entries of one trigger."""

    def __init__(self, hub: Hub, config: Mapping[str, Any], watch: Watch) -> None:
        self._hub = hub
        self._config = config
        self._watch = watch
        self._entries = {f"integration.{slugify(entry)}": entry for entry in config["entry"]}
        self.lasting = Lasting(hub, watch)

    @property
    def entity_ids(self) -> list[str]:
        return list(self._entries)

    def changed(self, event: Event) -> None:
        old: State | None = event.data["old_state"]
        new: State | None = event.data["new_state"]
        was, now = old and old.state, new and new.state
        if was == now:
            return
        entity_id = event.data["entity_id"]
        self.lasting.end(entity_id)
        config = self._config
        if ("from" in config and was not in config["from"]) or ("to" in config and now not in config["to"]):
            return
        told = {
            "platform": "integration",
            "entry": self._entries[entity_id],
            "from": was,
            "to": now,
            "error": None if new is None else new.attributes.get("error"),
        }
        if not config.get("for"):
            self._tell(told, None, event.context)
            return
        try:
            lasts = period(self._hub, config["for"], {**self._watch.variables, "trigger": told})
        except NanobotError as error:
            self._watch.log.error("trigger 'integration', for: %s", error)
            return
        self.lasting.begin(entity_id, lasts, lambda: self._tell(told, lasts, event.context), told)

    def still_true(self, entity_id: str, true: Mapping[str, Any]) -> Ring | None:
        """What was true before a restart, if it is now."""
        state = self._hub.states.get(entity_id)
        if entity_id not in self._entries or not self._config.get("for") or (state and state.state) != true["to"]:
            return None
        told = {name: true[name] for name in ("platform", "entry", "from", "to", "error")}
        return lambda: self._tell(told, timedelta(seconds=true["for"]), Context())

    def _tell(self, told: Mapping[str, Any], lasted: timedelta | None, context: Context) -> None:
        description = f"integration {told['entry']} is {told['to'] or 'gone'}"
        self._watch.fire({**told, "for": lasted, "description": description}, context)
