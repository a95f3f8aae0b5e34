"""The tool with which an agent plans: reminders, and things that it is to do later or again and again.

What it plans is a schedule like any other, in the file of those that were made, where people see and edit it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import voluptuous as vol

from nanobot.contracts.agent import Turn
from nanobot.contracts.config_items import ConfigItems, ItemConflict, ItemInvalid, ItemMissing
from nanobot.contracts.tool import Risk, Tool, ToolResult
from nanobot.errors import ToolError
from nanobot.hub.hub import Hub
from nanobot.util.text import one_line, slugify

from .entity import Schedule
from .schema import span

DOMAIN = "schedule"
TIMES = ("cron", "every", "at", "in")
CHANGES = ("set", "remove", "pause", "resume", "run")
MOST_MADE = 200
LISTED = 50


class Plan(Tool):
    """``set`` outlives the conversation: words of strangers must not plant something there unseen."""

    name = "schedule"
    description = (
        "Plan for later: action set with name, one of cron/every/at/in, and text (a reminder, sent as it is) or prompt"
        " (what you are to do then; the answer is sent here). The same name replaces."
        " Or list, remove, pause, resume, run."
    )
    risk = Risk.OUTSIDE
    parameters = vol.Schema(
        {
            vol.Optional("action", default="list"): vol.In(("list", *CHANGES)),
            vol.Optional("name"): vol.All(str, vol.Length(min=1, max=80)),
            vol.Optional("cron", description="minute hour day month weekday"): str,
            vol.Optional("every", description="such as 2h"): str,
            vol.Optional("at", description="18:00, or 2026-12-24 18:00"): str,
            vol.Optional("in", description="such as 20min, once"): vol.All(str, span),
            vol.Optional("text"): vol.All(str, vol.Length(min=1, max=4000)),
            vol.Optional("prompt"): vol.All(str, vol.Length(min=1, max=8000)),
            vol.Optional("tools", description="globs: which tools the prompt may use, none if left out"): [str],
        }
    )

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    def risk_of(self, arguments: Mapping[str, Any]) -> Risk:
        match arguments["action"]:
            case "list":
                return Risk.READ
            case "set":
                return Risk.OUTSIDE
        return Risk.WRITE

    def summary(self, arguments: Mapping[str, Any]) -> str:
        if arguments["action"] != "set":
            return super().summary(arguments)
        when = ", ".join(f"{key} {arguments[key]}" for key in TIMES if key in arguments)
        does = f"send this text: {arguments['text']}" if "text" in arguments else f"do this: {arguments.get('prompt')}"
        tools = ", ".join(arguments.get("tools", [])) or "no tools"
        return f"Plan '{arguments.get('name')}' ({when}), to {does}" + (f"\nwith {tools}" * ("prompt" in arguments))

    async def call(self, arguments: Mapping[str, Any], turn: Turn) -> ToolResult:
        action = arguments["action"]
        if action == "list":
            return ToolResult(self._list())
        name = arguments.get("name")
        if not name:
            raise ToolError(f"Say which one: {action} needs a name.")
        items = self._hub.config_items
        if items is None:
            raise ToolError("Nothing can be written into the configuration here.")
        try:
            if action == "set":
                return ToolResult(await self._set(items, name, arguments, turn))
            if action == "remove":
                await items.delete_made(DOMAIN, slugify(name))
                return ToolResult(f"Removed {name}.")
        except ItemInvalid as error:
            raise ToolError(f"That cannot be planned: {error}") from error
        except (ItemConflict, ItemMissing) as error:
            raise ToolError(f"{error}. What stands in the person's own files only they change.") from error
        one = self._find(name)
        service = {"pause": "pause", "resume": "resume", "run": "trigger"}[action]
        await self._hub.services.call(
            DOMAIN, service, {"entity_id": one.entity_id}, context=turn.context.child("agent"), blocking=action != "run"
        )
        return ToolResult(self._line(one))

    async def _set(self, items: ConfigItems, name: str, arguments: Mapping[str, Any], turn: Turn) -> str:
        value = {"name": name, **self._when(arguments), **_what(arguments, turn)}
        key = slugify(name)
        made = await items.made(DOMAIN)
        if key not in made:
            if len(made) >= MOST_MADE:
                raise ToolError(f"{len(made)} plans were made already; remove some first.")
            if any(one.entity_id == f"{DOMAIN}.{key}" for one in self._all()):
                raise ToolError(f"There is a schedule {key} that a person has written; choose another name.")
        await items.put_made(DOMAIN, value, key=key if key in made else None)
        return f"Planned. {self._line(self._find(key))}"

    def _when(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        given = [key for key in TIMES if key in arguments]
        if len(given) != 1:
            raise ToolError("Say when, in one way: cron, every, at, or in.")
        if given == ["in"]:
            delay: timedelta = arguments["in"]
            at = self._hub.clock.now() + max(delay, timedelta(seconds=1))
            return {"at": f"{at:%Y-%m-%d %H:%M:%S}"}
        return {given[0]: arguments[given[0]]}

    def _all(self) -> list[Schedule]:
        return [one for one in self._hub.entities if isinstance(one, Schedule)]

    def _find(self, name: str) -> Schedule:
        key = slugify(name.removeprefix(f"{DOMAIN}."))
        for one in self._all():
            if one.entity_id == f"{DOMAIN}.{key}":
                return one
        there = ", ".join(one.entity_id.partition(".")[2] for one in self._all()[:LISTED]) or "none"
        raise ToolError(f"There is no schedule {key}; there are: {there}.")

    def _list(self) -> str:
        found = self._all()
        lines = [self._line(one) for one in found[:LISTED]]
        if len(found) > LISTED:
            lines.append(f"[and {len(found) - LISTED} more]")
        return "\n".join(lines) or "Nothing is planned."

    def _line(self, one: Schedule) -> str:
        state = self._hub.states.get(one.entity_id)
        if state is None:
            return one.entity_id
        nexts = state.attributes.get("next_run")
        told = f"next run {nexts}" if nexts else "no next run"
        paused = ", paused" if state.state == "off" else ", " + state.state if state.state != "on" else ""
        return one_line(f"{one.entity_id.partition('.')[2]} ({state.name}): {told}{paused}", 300)


def _what(arguments: Mapping[str, Any], turn: Turn) -> dict[str, Any]:
    """Where it comes from is where it goes. A text and a prompt are no templates: braces in them stay."""
    chat = {"channel": turn.channel, "chat": turn.chat, **({"thread": turn.thread} if turn.thread else {})}
    if ("text" in arguments) == ("prompt" in arguments):
        raise ToolError("Say what, in one way: text to send, or prompt for what you are to do.")
    if "text" in arguments:
        return {"actions": [{"say": _plain(arguments["text"]), **chat}]}
    asked: dict[str, Any] = {"prompt": _plain(arguments["prompt"]), **chat}
    if turn.agent:
        asked["agent"] = turn.agent
    if tools := arguments.get("tools"):
        asked["tools"] = list(tools)
    return {"ask": asked}


def _plain(text: str) -> str:
    if "{{" not in text and "{%" not in text and "{#" not in text:
        return text
    return "{% raw %}" + text.replace("{% endraw", "{ % endraw").replace("{%- endraw", "{ %- endraw") + "{% endraw %}"
