"""The services: forget, pause, go on. Names and fields are Home Assistant's (2025.4)."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import voluptuous as vol

from nanobot.config import validators as cv
from nanobot.config.choice import choice
from nanobot.config.globs import entity_globs
from nanobot.contracts.service import ServiceCall
from nanobot.errors import ServiceError, StorageError

if TYPE_CHECKING:
    from .recording import Recorder

_DAYS = vol.All(cv.number, vol.Range(min=0, max=36_500))
PURGE = vol.Schema(
    {
        vol.Optional("keep_days"): _DAYS,
        vol.Optional("repack", default=False): cv.boolean,
        vol.Optional("apply_filter", default=False): cv.boolean,
    }
)


def _has_choice(data: dict[str, Any]) -> dict[str, Any]:
    if not any(data[key] for key in ("entity_id", "domains", "entity_globs")):
        raise vol.Invalid("needs entity_id, domains or entity_globs")
    return data


PURGE_ENTITIES = vol.Schema(
    vol.All(
        {
            vol.Optional("entity_id", default=list): cv.entity_ids,
            vol.Optional("domains", default=list): vol.All(cv.ensure_list, [cv.slug]),
            vol.Optional("entity_globs", default=list): entity_globs,
            vol.Optional("keep_days", default=0): _DAYS,
        },
        _has_choice,
    )
)


def offer(recorder: Recorder) -> None:
    """Add the services; they go with the entry."""

    async def forget(call: ServiceCall) -> None:
        data = call.data
        try:
            await recorder.purge(
                keep_days=data.get("keep_days"), repack=data["repack"], apply_filter=data["apply_filter"]
            )
        except StorageError as error:
            raise ServiceError(str(error)) from error

    async def forget_entities(call: ServiceCall) -> None:
        data = call.data
        named = {"entities": data["entity_id"], "domains": data["domains"], "entity_globs": data["entity_globs"]}
        try:
            await recorder.purge_entities(choice({"include": named, "exclude": {}}), data["keep_days"])
        except StorageError as error:
            raise ServiceError(str(error)) from error

    entry = recorder.entry
    entry.service(
        "purge",
        forget,
        PURGE,
        description="Forget what is older than some days.",
        fields={
            "keep_days": {"description": "How many days to keep.", "selector": {"number": {"min": 0, "max": 365}}},
            "repack": {"description": "Write the file anew, to make it small.", "selector": {"boolean": {}}},
            "apply_filter": {"description": "Forget what is not to be recorded.", "selector": {"boolean": {}}},
        },
        admin=True,
    )
    entry.service(
        "purge_entities",
        forget_entities,
        PURGE_ENTITIES,
        description="Forget the states of some entities.",
        fields={
            "entity_id": {"description": "Of these entities.", "selector": {"entity": {"multiple": True}}},
            "domains": {"description": "Of all entities of these domains.", "selector": {"object": {}}},
            "entity_globs": {"description": "Of entities that fit a pattern.", "selector": {"object": {}}},
            "keep_days": {"description": "How many days to keep.", "selector": {"number": {"min": 0, "max": 365}}},
        },
        admin=True,
    )
    switches = (("disable", False, "Record nothing until told to."), ("enable", True, "Go on recording."))
    for name, on, told in switches:
        entry.service(name, partial(_switch, recorder, on), vol.Schema({}), description=told, admin=True)


def _switch(recorder: Recorder, on: bool, call: ServiceCall) -> None:
    recorder.enable(on)
