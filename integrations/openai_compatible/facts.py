"""What servers tell of a model beside its name: how many tokens it takes, and whether it sees.

The API has no words for that; each server has its own.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from nanobot.agent.models.offer import Facts

from .server import Server

LLAMA_CPP = "llamacpp"
"""Owner of the models of llama.cpp's server, which has one and answers to every name."""
OLLAMA = "library"
"""Owner of the models of Ollama."""
WINDOWS = ("max_model_len", "loaded_context_length", "context_window", "context_length", "max_context_length")
"""In the list of models: vLLM; LM Studio; Groq; OpenRouter and Together; LM Studio and Mistral."""

_NUM_CTX = re.compile(r"^num_ctx\s+(\d+)\s*$", re.MULTILINE)


async def facts_of(server: Server, model: str, about: Sequence[Mapping[str, Any]], timeout: float) -> Facts:
    """``about``: what the list says of each model. Raises as ``Server.models``."""
    owners = {one.get("owned_by") for one in about}
    if LLAMA_CPP in owners:
        return _of_llama_cpp(await server.own("/props", timeout))
    listed = next((one for one in about if one.get("id") in (model, f"{model}:latest")), {})
    if listed.get("owned_by") == OLLAMA:
        return _of_ollama(await server.own("/api/show", timeout, {"model": model}))
    window = next((listed[key] for key in WINDOWS if _is_window(listed.get(key))), None)
    return Facts(context_window=window, sees=_sees(listed))


def _of_llama_cpp(props: Any) -> Facts:
    """``n_ctx`` is the room of one slot, which is what a request has."""
    settings = _mapping(_mapping(props).get("default_generation_settings"))
    window = settings.get("n_ctx")
    sees = _mapping(_mapping(props).get("modalities")).get("vision")
    return Facts(context_window=window if _is_window(window) else None, sees=sees if type(sees) is bool else None)


def _of_ollama(shown: Any) -> Facts:
    """The window counts only where it is set: by default Ollama gives a model far less than it could have, and leaves
    out without a word what does not fit."""
    found = _NUM_CTX.search(str(_mapping(shown).get("parameters") or ""))
    abilities = _mapping(shown).get("capabilities")
    sees = "vision" in abilities if isinstance(abilities, list) else None
    return Facts(context_window=int(found[1]) if found else None, sees=sees)


def _sees(listed: Mapping[str, Any]) -> bool | None:
    inputs = _mapping(listed.get("architecture")).get("input_modalities")
    if isinstance(inputs, list):
        return "image" in inputs
    abilities = listed.get("capabilities")
    vision = abilities.get("vision") if isinstance(abilities, Mapping) else None
    return vision if type(vision) is bool else None


def _is_window(value: Any) -> bool:
    return type(value) is int and value > 0


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
