"""LiteLLM: language models of hundreds of providers, through the library of that name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nanobot.agent.models.address import Address
from nanobot.agent.models.offer import Offer
from nanobot.agent.models.offering import Offering
from nanobot.hub.entry import Entry
from nanobot.hub.hub import Hub
from nanobot.hub.issues import Severity
from nanobot.util.backoff import Backoff

from .embedder import LiteLLMEmbedder
from .library import Library
from .model import LiteLLMModel
from .options import SCHEMA, EmbedderSettings, Placed, Settings, configured, configured_embedders

CONFIG_SCHEMA = SCHEMA
AGAIN = Backoff(first=30.0, limit=600.0)
"""Loading the library is tried again this late: it costs seconds of CPU time, and somebody has to repair it."""


@dataclass(slots=True)
class Running:
    """What ``setup`` made."""

    library: Library
    models: Offer[Settings]
    embedders: Offering[LiteLLMEmbedder, EmbedderSettings]


async def setup(hub: Hub, entry: Entry) -> None:
    """The models are there at once. The library is loaded meanwhile; who asks a model before that waits for it."""
    library = Library(entry, lambda: _check(entry))
    entry.on_unload(library.close)
    models = Offer[Settings](entry, lambda name, settings: LiteLLMModel(name, entry, library, settings))
    embedders = Offering[LiteLLMEmbedder, EmbedderSettings](
        entry,
        hub.embedders,
        lambda name, settings: LiteLLMEmbedder(name, entry, library, settings),
        kind="embeddings ",
    )
    entry.data = Running(library, models, embedders)
    await _bring(entry, entry.config)
    entry.run(library.keep, name="library", backoff=AGAIN)


async def reload(hub: Hub, entry: Entry, config: Mapping[str, Any]) -> bool:
    """Always in place; models that are as before notice nothing."""
    await _bring(entry, config)
    _check(entry)
    return True


async def unload(hub: Hub, entry: Entry) -> None:
    entry.data.models.stop()
    entry.data.embedders.stop()


def rights(config: Mapping[str, Any]) -> set[str]:
    """What this configuration allows; `nanobot plan` shows what an edit adds."""
    found = {f"sends conversations to {settings.place}" for settings in configured(config, "").values()}
    for settings in configured_embedders(config).values():
        found.add(f"sends texts to {settings.place} that are to be found again by their meaning")
    return found


async def _bring(entry: Entry, config: Mapping[str, Any]) -> None:
    models, embedders = configured(config, entry.id), configured_embedders(config)
    await entry.data.models.bring(models)
    await entry.data.embedders.bring(embedders)
    asked: list[Placed] = [*models.values(), *embedders.values()]
    keyed = [Address.of(settings.base_url) for settings in asked if settings.base_url and settings.key]
    bare = sorted({str(address) for address in keyed if not (address.is_encrypted or address.is_private)})
    if bare:
        entry.issue("unencrypted", severity=Severity.WARNING, server=", ".join(bare))
    else:
        entry.resolve("unencrypted")


def _check(entry: Entry) -> None:
    """Doubt the models whose providers the library does not know, and find out about the others; nothing before it is
    loaded."""
    running: Running = entry.data
    for embedder in running.embedders.here.values():
        embedder.know(running.library.input_price(embedder.settings))
    for name, model in running.models.here.items():
        running.models.know(name, running.library.facts(model.settings))
        unknown = running.library.unknown_provider(model.settings)
        if unknown is not None:
            key = "provider_unknown_near" if unknown.near else "provider_unknown"
            told = {"name": name, "model": model.settings.id, "near": unknown.near or ""}
            running.models.doubt(name, key, **told)
