"""The core's services on things of any kind: turn on, turn off, toggle, look again."""

from __future__ import annotations

import asyncio
import logging

from nanobot.contracts.service import Handler, ServiceCall
from nanobot.hub.groups import expanded
from nanobot.hub.hub import Hub
from nanobot.util.aio import settle

_log = logging.getLogger(__name__)


def split_by_domain(hub: Hub, name: str) -> Handler:
    """Call ``<domain>.<name>`` of each domain of the targets, as Home Assistant 2025.4 does.

    What has no such service is left out with a warning: one thing too many fails no automation.
    """

    async def handle(call: ServiceCall) -> None:
        by_domain: dict[str, list[str]] = {}
        for entity_id in expanded(hub.states, call.data["entity_id"]):
            by_domain.setdefault(entity_id.partition(".")[0], []).append(entity_id)
        rest = {key: value for key, value in call.data.items() if key != "entity_id"}
        calls = []
        for domain, entity_ids in by_domain.items():
            if hub.services.has(domain, name):
                calls.append(hub.services.call(domain, name, {**rest, "entity_id": entity_ids}, context=call.context))
            else:
                _log.warning("%s cannot be told to %s", ", ".join(entity_ids), name.replace("_", " "))
        if len(calls) == 1:
            await calls[0]
        elif calls:
            await asyncio.gather(*calls)

    return handle


def look_again(hub: Hub) -> Handler:
    """``update_entity``: have things that can look for themselves do so now; the others show what they know."""

    async def handle(call: ServiceCall) -> None:
        for entity in hub.entities.targets(list(expanded(hub.states, call.data["entity_id"]))):
            if (update := getattr(entity, "update", None)) is not None:
                await settle(update())
            entity.changed(call.context)

    return handle
