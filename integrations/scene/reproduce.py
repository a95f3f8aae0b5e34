"""Make things so: all at the same time, and one that fails stops none of the others."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from nanobot.errors import InvalidServiceData
from nanobot.hub.context import Context
from nanobot.hub.groups import PREFIX, expanded
from nanobot.hub.hub import Hub
from nanobot.util.text import shorten

from .item import Wanted
from .ways import WAYS, Way, switched

_VALUES = frozenset({"counter", "input_number", "input_text"})
"""Domains of which a value out of bounds is only told, as in Home Assistant."""

_log = logging.getLogger("nanobot.scene")


async def reproduce(hub: Hub, wanted: Iterable[Wanted], context: Context, *, transition: float | None = None) -> None:
    """What is so already is left alone. What is not there, and what cannot be so, is told in the log.

    Raises the first failure of a service when all others are done.
    """
    work = [_one(hub, one, context, transition) for one in _members(hub, wanted)]
    failures = [done for done in await asyncio.gather(*work, return_exceptions=True) if done is not None]
    if failures:
        raise failures[0]


def _members(hub: Hub, wanted: Iterable[Wanted]) -> Iterable[Wanted]:
    """With the members of groups in the place of groups."""
    for one in wanted:
        if one.entity_id.startswith(PREFIX):
            for member in expanded(hub.states, one.entity_id):
                if not member.startswith(PREFIX):
                    yield replace(one, entity_id=member)
        else:
            yield one


async def _one(hub: Hub, wanted: Wanted, context: Context, transition: float | None) -> None:
    domain = wanted.entity_id.partition(".")[0]
    now = hub.states.get(wanted.entity_id)
    way = _way(hub, domain)
    if now is None:
        _log.warning("there is no %s to be made %s", wanted.entity_id, shorten(wanted.state))
        return
    if way is None:
        _log.warning("%s cannot be made %s: its kind has no services for that", wanted.entity_id, shorten(wanted.state))
        return
    try:
        calls = way(wanted, now)
    except ValueError:
        _log.warning("%s cannot be %s", wanted.entity_id, shorten(wanted.state))
        return
    options: Mapping[str, Any] = {} if transition is None or domain != "light" else {"transition": transition}
    for service, data in calls:
        if not hub.services.has(domain, service):
            _log.warning("%s cannot be made %s: there is no service %s.%s", wanted.entity_id, shorten(wanted.state),
                         domain, service)  # fmt: skip
            return
        try:
            await hub.services.call(
                domain, service, {**data, **options, "entity_id": wanted.entity_id}, context=context
            )
        except InvalidServiceData as error:
            if domain not in _VALUES:
                raise
            _log.warning("%s cannot be made %s: %s", wanted.entity_id, shorten(wanted.state), error)


def _way(hub: Hub, domain: str) -> Way | None:
    """Of a domain that is not in the table: on and off, where it has services for it."""
    return WAYS.get(domain) or (switched if hub.services.has(domain, "turn_on") else None)
