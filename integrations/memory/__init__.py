"""Memory: what people told, in files that they can read and edit, each person's apart from the others'."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import voluptuous as vol

from nanobot.config import validators as cv
from nanobot.errors import ConfigError
from nanobot.hub.entry import Entry
from nanobot.hub.hub import Hub

from .command import commands
from .consolidation import Consolidation
from .memory import Memory
from .prompt_part import MemoryPart, NotesPart
from .tool import tools

FOLDER = "memory"

CONFIG_SCHEMA = vol.Schema(
    {
        vol.Optional("guests", default="own"): cv.one_of("nothing", "own"),
        vol.Optional("prompt", default=4000): vol.All(cv.whole_number, vol.Range(min=200, max=100_000)),
        vol.Optional("consolidate", default=True): cv.boolean,
        vol.Optional("after", default=10): vol.All(cv.whole_number, vol.Range(min=1, max=1000)),
        vol.Optional("model"): cv.string,
        vol.Optional("apart", default=list): vol.All(cv.ensure_list, [cv.string]),
        vol.Optional("embeddings"): cv.string,
    }
)


async def setup(hub: Hub, entry: Entry) -> None:
    if entry.label:
        raise ConfigError("there is one memory; write 'memory:' without a label")
    memory = Memory(entry, hub.config_dir / FOLDER)
    entry.on_unload(memory.index.close)
    await memory.index.open()
    memory.embedding.open()
    consolidation = Consolidation(entry, memory)
    await consolidation.open()
    entry.data = (memory, consolidation)
    for thing in (MemoryPart(memory), NotesPart(memory), *tools(memory), *commands(memory, consolidation)):
        entry.add(thing)


async def reload(hub: Hub, entry: Entry, config: Mapping[str, Any]) -> bool:
    """Everything changes in place."""
    memory, consolidation = entry.data
    memory.config = config
    consolidation.configure(config)
    memory.embedding.configure(config)
    return True


def rights(config: Mapping[str, Any]) -> set[str]:
    """What this configuration allows; `nanobot plan` shows what an edit adds."""
    found = {"agents remember what people tell them, in the folder memory"}
    if "embeddings" in config:
        found.add(f"what is remembered, and what is searched for in it, is sent to where the embeddings"
                  f" '{config['embeddings']}' come from")  # fmt: skip
    if config["consolidate"]:
        found.add("a model reads the conversations of those who run nanobot again, to remember what matters")
    return found
