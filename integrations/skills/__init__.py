"""Skills: instructions for kinds of work, in folders that a person can read, write and share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import voluptuous as vol

from nanobot.config import validators as cv
from nanobot.hub.entry import Entry
from nanobot.hub.hub import Hub

from .command import commands
from .library import Library
from .policy import DeclaredTools
from .prompt_part import SkillsPart
from .tool import ReadSkill

CONFIG_SCHEMA = vol.Schema(
    {
        vol.Optional("disabled", default=list): vol.All(cv.ensure_list, [cv.string]),
        vol.Optional("workspace", default="ask"): cv.one_of("ask", "trust", "ignore"),
        vol.Optional("guests", default="bundled"): cv.one_of("nothing", "bundled", "all"),
    }
)


async def setup(hub: Hub, entry: Entry) -> None:
    library = entry.data = Library(entry)
    await library.open()
    declared = DeclaredTools(entry)
    for thing in (SkillsPart(library), declared, ReadSkill(library, declared), *commands(library)):
        entry.add(thing)


async def reload(hub: Hub, entry: Entry, config: Mapping[str, Any]) -> bool:
    """Everything changes in place."""
    await entry.data.configure(config)
    return True


def rights(config: Mapping[str, Any]) -> set[str]:
    """What this configuration allows; `nanobot plan` shows what an edit adds."""
    found = set()
    if config["workspace"] == "trust":
        found.add("agents follow the skills that stand in the workspace, whoever wrote them")
    if config["guests"] == "all":
        found.add("whoever may write to nanobot has all skills read")
    return found
