"""What the core tells and does for a connected client: status, plan, reload, stop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

import voluptuous as vol

from nanobot import __version__
from nanobot.config.load import Unreadable
from nanobot.contracts.command import Command, Connection
from nanobot.contracts.view import Access
from nanobot.hub.hub import Hub
from nanobot.lifecycle.advice import known_of
from nanobot.lifecycle.edits import Edits
from nanobot.lifecycle.records import Question, read
from nanobot.util.dt import iso


def core_commands(hub: Hub, edits: Edits, stop: Callable[[], None]) -> list[Command]:
    """``status``, ``plan``, ``reload``, ``names``, ``records`` and ``stop``; the last one calls ``stop()``."""

    async def status(connection: Connection, data: Mapping[str, Any]) -> Any:
        return report(hub, edits, data.get("language") or hub.language)

    async def plan(connection: Connection, data: Mapping[str, Any]) -> Any:
        try:
            found, problems = await edits.plan()
        except Unreadable as error:
            return {"readable": False, "problems": [problem.as_dict(hub.language) for problem in error.problems]}
        return {
            "readable": True,
            "added": list(found.added),
            "changed": list(found.changed),
            "removed": list(found.removed),
            "unchanged": list(found.unchanged),
            "problems": [problem.as_dict(hub.language) for problem in problems],
        }

    async def reload(connection: Connection, given: Mapping[str, Any]) -> Any:
        data = dict(given)
        language = data.pop("language", hub.language)
        service = "reload" if data.get("entry") else "reload_all"
        told = await hub.services.call("nanobot", service, data, context=connection.context, return_response=True)
        if told and "problems" in told:
            told = {**told, "problems": [problem.as_dict(language) for problem in edits.problems]}
        return told

    async def names(connection: Connection, data: Mapping[str, Any]) -> Any:
        known = known_of(hub)
        found = {"entities": known.entities, "services": known.services, "loaded": known.loaded}
        return {key: sorted(names) for key, names in found.items()}

    async def records(connection: Connection, data: Mapping[str, Any]) -> Any:
        return await read(hub.history, Question(**data))

    async def halt(connection: Connection, data: Mapping[str, Any]) -> Any:
        asyncio.get_running_loop().call_later(0.1, stop)  # the answer goes out first
        return {"stopping": True, "pid": hub.run_info.get("pid")}

    empty, spoken = vol.Schema({}), vol.Schema({vol.Optional("language"): str})
    asked = vol.Schema(
        {
            vol.Required("entities"): [str],
            vol.Required("item"): str,
            vol.Required("start"): vol.Coerce(float),
            vol.Required("end"): vol.Coerce(float),
            vol.Optional("domains", default=list): [str],
            vol.Optional("types", default=["*"]): [str],
        }
    )
    return [
        Command("status", status, Access.READ, spoken, "What runs, since when, and what is to be repaired."),
        Command("plan", plan, Access.ADMIN, empty, "What applying the configuration on disk would do."),
        Command("reload", reload, Access.ADMIN, spoken.extend({vol.Optional("entry"): str}), "Apply it now."),
        Command("names", names, Access.READ, empty, "Which entities and services there are."),
        Command("records", records, Access.ADMIN, asked, "What was recorded, for playing it again."),
        Command("stop", halt, Access.ADMIN, empty, "Stop the hub."),
    ]


def report(hub: Hub, edits: Edits, language: str) -> dict[str, Any]:
    """The hub in one JSON-able mapping, its sentences in a language."""
    now = hub.clock.time()
    started = hub.run_info.get("started", now)
    return {
        "version": __version__,
        "config_dir": str(hub.config_dir),
        "pid": hub.run_info.get("pid"),
        "url": hub.run_info.get("url"),
        "phase": str(hub.phase),
        "recovery": hub.recovery,
        "started": iso(started),
        "uptime": round(max(0.0, now - started), 1),
        "entries": [
            {
                "id": entry.id,
                "domain": entry.domain,
                "state": entry.state.value,
                "error": entry.error,
                "since": iso(entry.since),
                "age": round(max(0.0, now - entry.since), 1),
                "restarts": entry.restarts,
            }
            for entry in hub.entries.values()
        ],
        "states": len(hub.states),
        "issues": [issue.as_dict(language) for issue in hub.issues],
        "problems": [problem.as_dict(language) for problem in edits.problems],
    }
