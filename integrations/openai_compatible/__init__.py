"""OpenAI-compatible server: language models behind the chat completions API, and embeddings, here or anywhere."""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nanobot.agent.models import embedding
from nanobot.agent.models.address import Address
from nanobot.agent.models.offer import Offer
from nanobot.agent.models.offering import Offering
from nanobot.agent.models.request import Settings
from nanobot.hub.entry import Entry
from nanobot.hub.hub import Hub
from nanobot.hub.issues import Severity
from nanobot.util.aio import in_thread

from .options import SCHEMA, configured, configured_embedders

if TYPE_CHECKING:
    from .embedder import ServerEmbedder
    from .server import Server

CONFIG_SCHEMA = SCHEMA
OF_THE_SERVER = ("base_url", "api_key", "headers")


@dataclass(slots=True)
class Running:
    """What ``setup`` made."""

    server: Server
    models: Offer[Settings]
    embedders: Offering[ServerEmbedder, embedding.Settings]
    checking: asyncio.Task[None] | None = None

    def end_check(self) -> None:
        """The models are others now, or gone."""
        if self.checking is not None:
            self.checking.cancel()


async def setup(hub: Hub, entry: Entry) -> None:
    """The server need not be there: that is found out by who asks a model."""
    await in_thread(importlib.import_module, f"{__name__}.check")  # aiohttp takes its time
    from .embedder import ServerEmbedder
    from .model import ChatModel
    from .server import Server

    config = entry.config
    address = Address.of(config["base_url"])
    server = Server(
        address,
        key=config.get("api_key"),
        headers=config["headers"],
        proxy=await in_thread(address.proxy),
        scrub=hub.scrubber.scrub,
        clock=hub.clock,
    )
    entry.on_unload(server.close)
    models = Offer[Settings](entry, lambda name, settings: ChatModel(name, entry.id, server, settings))
    embedders = Offering[ServerEmbedder, embedding.Settings](
        entry,
        hub.embedders,
        lambda name, settings: ServerEmbedder(name, entry.id, server, settings),
        kind="embeddings ",
    )
    running = entry.data = Running(server, models, embedders)
    entry.on_unload(running.end_check)
    if "api_key" in config and not (address.is_encrypted or address.is_private):
        entry.issue("unencrypted", severity=Severity.WARNING, server=str(address))
        entry.log.warning("the key for %s travels unencrypted; write https:// if the server has it", address)
    await _bring(entry, config)


async def reload(hub: Hub, entry: Entry, config: Mapping[str, Any]) -> bool:
    """In place where only models are others; those that are as before notice nothing."""
    if any(config.get(key) != entry.config.get(key) for key in OF_THE_SERVER):
        return False
    await _bring(entry, config)
    return True


async def unload(hub: Hub, entry: Entry) -> None:
    entry.data.models.stop()
    entry.data.embedders.stop()


def rights(config: Mapping[str, Any]) -> set[str]:
    """What this configuration allows; `nanobot plan` shows what an edit adds."""
    address = Address.of(config["base_url"])
    found = {f"sends conversations to {address}"} if "model" in config or "models" in config else set()
    if config.get("embeddings"):
        found.add(f"sends texts to {address} that are to be found again by their meaning")
    return found


async def _bring(entry: Entry, config: Mapping[str, Any]) -> None:
    """Have the models that are configured, and ask the server in the background whether it knows them."""
    from .check import check

    running: Running = entry.data
    running.end_check()
    await running.models.bring(configured(config, entry.id))
    await running.embedders.bring(configured_embedders(config))
    if not running.models.here:
        return
    running.checking = entry.spawn(check(running.server, running.models, entry.log), "check of the models")
