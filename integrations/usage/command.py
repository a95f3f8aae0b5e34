"""What people ask: `nanobot usage` over the control socket, `/usage` in a chat."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import voluptuous as vol

from nanobot.contracts.chat_command import ChatCommand, CommandCall
from nanobot.contracts.command import Command, Connection
from nanobot.contracts.view import Access
from nanobot.errors import NanobotError
from nanobot.hub.hub import Hub
from nanobot.util.dt import iso
from nanobot.util.text import nearest
from nanobot.util.translate import translate

from .meter import UsageMeter
from .report import BY, sums, text_of

SINCE = "7d"
LONGEST = 36_500  # days

_SPAN = re.compile(r"(\d{1,6})\s*([hdw])")
_HOURS = {"h": 1, "d": 24, "w": 168}


def command(hub: Hub, meter: UsageMeter) -> Command:
    """``usage {since, by, language}``."""

    async def usage(connection: Connection, data: Mapping[str, Any]) -> Any:
        return await _told(hub, meter, data["since"], data["by"], data["language"])

    schema = vol.Schema(
        {
            vol.Optional("since", default=SINCE): str,
            vol.Optional("by", default="model"): str,
            vol.Optional("language", default="en"): str,
        }
    )
    return Command("usage", usage, Access.ADMIN, schema, "What was asked of models since then, and what it took.")


def chat_command(hub: Hub, meter: UsageMeter) -> ChatCommand:
    """``/usage [7d] [model]``, in any order."""

    async def usage(call: CommandCall) -> str:
        words = call.arguments.lower().split()
        by = next((word for word in words if word in BY), "model")
        since = next((word for word in words if word != by), SINCE)
        told = await _told(hub, meter, since, by, call.language)
        return f"```\n{told['text']}\n```" if told["rows"] else str(told["text"])

    return ChatCommand("usage", usage, "component.usage.commands.usage", owner=True)


async def _told(hub: Hub, meter: UsageMeter, since: str, by: str, language: str) -> dict[str, Any]:
    if by not in BY:
        near = nearest(by, BY)
        key = "component.usage.wrong_by_near" if near else "component.usage.wrong_by"
        raise NanobotError(translate(key, language, value=by, known=", ".join(BY), near=near or ""))
    start = _start(hub, since, language)
    zone = hub.clock.zone
    told = {"since": datetime.fromtimestamp(start, zone).isoformat(timespec="seconds"), "until": iso(hub.clock.time())}
    told |= {"by": by, **await meter.report(start, sums(by, zone))}
    return {**told, "text": text_of(told, language)}


def _start(hub: Hub, since: str, language: str) -> float:
    """Seconds since the epoch: of a span such as ``24h``, ``7d``, ``2w``, or of a date."""
    if (found := _SPAN.fullmatch(since.strip().lower())) and int(found[1]) * _HOURS[found[2]] <= LONGEST * 24:
        return max(0.0, hub.clock.time() - int(found[1]) * _HOURS[found[2]] * 3600)
    try:
        moment = datetime.fromisoformat(since.strip())
        return (moment if moment.tzinfo else moment.replace(tzinfo=hub.clock.zone)).timestamp()
    except (ValueError, OverflowError):
        raise NanobotError(translate("component.usage.wrong_since", language, value=since)) from None
