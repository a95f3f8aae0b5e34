"""Asks a server which models it has, so that a misspelt one is noticed before it is needed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from aiohttp import ClientError

from nanobot.agent.models.offer import Offer
from nanobot.agent.models.request import Settings
from nanobot.hub.entry import EntryLog
from nanobot.util.text import nearest

from .facts import LLAMA_CPP, facts_of
from .server import Server, reason

PATIENCE = 10.0  # s


async def check(server: Server, models: Offer[Settings], log: EntryLog) -> None:
    """Tell about models that the server does not list. A server that is away, or has no list, is no cause for alarm."""
    try:
        answer = await server.models(PATIENCE)
    except (ClientError, OSError) as error:
        log.debug("%s cannot say which models it has: %s", server.address, server.scrub(reason(error)))
        return
    listed = _ids(answer)
    models.trust()
    for name, model in models.here.items():
        if listed and not is_listed(model.settings.id, listed):
            near = nearest(model.settings.id, listed)
            told = {"name": name, "model": model.settings.id, "server": server.address, "near": near or ""}
            models.doubt(name, "model_unknown_near" if near else "model_unknown", **told)
    await _find_out(server, models, answer, log)


async def _find_out(server: Server, models: Offer[Settings], answer: Any, log: EntryLog) -> None:
    """How much room each model has, and whether it sees."""
    about = _about(answer)
    for name, model in list(models.here.items()):
        try:
            facts = await facts_of(server, model.settings.id, about, PATIENCE)
        except (ClientError, OSError) as error:
            log.debug("%s cannot say more of its models: %s", server.address, server.scrub(reason(error)))
            return
        if models.here.get(name) is model:
            models.know(name, facts)


def is_listed(model: str, listed: Iterable[str]) -> bool:
    """Also when it is listed with the tag that Ollama takes for granted, or without the variant of OpenRouter."""
    return not {model, f"{model}:latest", model.partition(":")[0]}.isdisjoint(listed)


def _about(answer: Any) -> list[Mapping[str, Any]]:
    data = answer.get("data") if isinstance(answer, dict) else None
    return [one for one in data if isinstance(one, dict)] if isinstance(data, list) else []


def _ids(answer: Any) -> list[str]:
    found = _about(answer)
    if any(one.get("owned_by") == LLAMA_CPP for one in found):
        return []
    return [one["id"] for one in found if isinstance(one.get("id"), str)]
