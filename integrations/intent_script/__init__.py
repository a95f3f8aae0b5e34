"""Intent scripts: what is done and answered for an intent, as Home Assistant's ``intent_script`` (2025.4)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import voluptuous as vol

from nanobot.automation.parse import actions
from nanobot.automation.schema import MODES
from nanobot.config import validators as cv
from nanobot.contracts.service import ServiceCall
from nanobot.hub.collection import apply_edits
from nanobot.hub.entry import Entry
from nanobot.hub.hub import Hub
from nanobot.templates import validators as tv

from .intent import ScriptedIntent

_SPOKEN = {vol.Optional("type", default="plain"): tv.template, vol.Required("text"): tv.template}
_CARD = {
    vol.Optional("type", default="simple"): cv.string,
    vol.Required("title"): tv.template,
    vol.Required("content"): tv.template,
}
INTENT = vol.Schema(
    {
        vol.Optional("description"): cv.string,
        vol.Optional("platforms"): vol.All(cv.ensure_list, [cv.string]),
        vol.Optional("action"): actions,
        vol.Optional("async_action", default=False): cv.boolean,
        vol.Optional("mode", default="single"): cv.one_of(*MODES),
        vol.Optional("speech"): _SPOKEN,
        vol.Optional("reprompt"): _SPOKEN,
        vol.Optional("card"): _CARD,
    }
)


@dataclass(frozen=True, slots=True)
class Written:
    """One intent: as it stands in the YAML, and understood."""

    raw: Any
    config: Mapping[str, Any]


def _written(value: Any) -> Written:
    return Written(value, INTENT(value or {}))


CONFIG_SCHEMA = vol.Schema({cv.string: _written})


async def setup(hub: Hub, entry: Entry) -> None:
    entry.data = {}
    await reload(hub, entry, entry.config)

    async def reload_(call: ServiceCall) -> None:
        await apply_edits(hub, call.context)

    entry.service(
        "reload", reload_, vol.Schema({}), description="Apply the configuration as it is on disk.", admin=True
    )


async def reload(hub: Hub, entry: Entry, config: Mapping[str, Written]) -> bool:
    """Unchanged ones run on."""
    known: dict[str, Written] = entry.data
    for name in [name for name, written in known.items() if name not in config or config[name].raw != written.raw]:
        del known[name]
        await entry.parts[name].release()
    for name, written in config.items():
        if name not in known:
            part = entry.part(name)
            intent = ScriptedIntent(hub, part, name, written.config)
            part.on_unload(intent.stop)
            part.add(intent)
            known[name] = written
    return True
