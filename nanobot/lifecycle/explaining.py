"""Offers explanations to clients and, in a chat, to owners; what they need is imported when it is asked for."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from importlib import import_module
from typing import Any

import voluptuous as vol

from nanobot.automation.kept_traces import KeptTraces
from nanobot.contracts.chat_command import ChatCommand, CommandCall
from nanobot.contracts.command import Command, Connection
from nanobot.contracts.view import Access
from nanobot.hub.entry import Entry
from nanobot.hub.hub import Hub
from nanobot.util.aio import in_thread
from nanobot.util.translate import translate

_TEXT = vol.All(str, vol.Length(1, 500))
_SPOKEN: dict[Any, Any] = {vol.Optional("language"): str}
_COMMANDS = (
    ("why", "links", {vol.Required("what"): _TEXT}, "Why something is as it is."),
    ("why_not", "hindrances", {vol.Required("what"): _TEXT}, "Why an automation did not run."),
    ("automation/list", "items", {vol.Optional("domain"): str}, "Automations, scripts and schedules, and their runs."),
    (
        "automation/trace",
        "traced",
        {vol.Required("name"): _TEXT, vol.Optional("run"): str},
        "What a run did, step by step.",
    ),
    (
        "automation/run",
        "run",
        {vol.Required("name"): _TEXT, vol.Optional("variables"): dict},
        "Run one now, and tell of each step.",
    ),
)


def offer_explanations(entry: Entry) -> None:
    """Add the commands to the core's own entry, and keep traces over a restart."""
    KeptTraces(entry)
    hub = entry.hub
    for name, function, schema, told in _COMMANDS:
        entry.add(Command(name, _asks(hub, function), Access.ADMIN, vol.Schema({**schema, **_SPOKEN}), told))
    for name, function in (("why", "told_why"), ("why_not", "told_why_not")):
        entry.add(ChatCommand(name, _tells(hub, function, name), f"chat.commands.{name}", owner=True))


def _asks(hub: Hub, function: str) -> Callable[[Connection, Mapping[str, Any]], Awaitable[Any]]:
    async def handler(connection: Connection, data: Mapping[str, Any]) -> Any:
        return await getattr(await _asked(), function)(hub, connection, data)

    return handler


def _tells(hub: Hub, function: str, name: str) -> Callable[[CommandCall], Awaitable[str]]:
    async def handler(call: CommandCall) -> str:
        asked = call.arguments
        if not asked and name == "why" and (last := await hub.conversations.traces.last(call.session)) is not None:
            asked = last["turn"]
        if not asked:
            return translate("why.of_what" if name == "why" else "why.of_which", call.language)
        told: str = await getattr(await _asked(), function)(hub, asked, call.language)
        return told

    return handler


async def _asked() -> Any:
    """The engine and its templates: a hub without automations does without them until somebody asks."""
    return await in_thread(import_module, "nanobot.automation.asked")
