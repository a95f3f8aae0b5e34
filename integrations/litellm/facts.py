"""What the library's own table says of a model: its price, its context window, whether it sees."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nanobot.agent.models.offer import Facts
from nanobot.contracts.model import Price

from .options import Placed

MILLION = 1_000_000


def facts_of(litellm: Any, settings: Placed) -> Facts:
    """The table is looked up as it is: the library's own functions ask servers for some models.

    At an address of one's own a model of the same name has the same abilities, but nobody knows its price.
    """
    row = _row(litellm, settings)
    window = row.get("max_input_tokens") or row.get("max_tokens")
    return Facts(
        price=_price(row) if settings.base_url is None else None,
        context_window=window if type(window) is int and window > 0 else None,
        sees=bool(row.get("supports_vision")) if row else None,
    )


def input_price(litellm: Any, settings: Placed) -> Price | None:
    """Of a model that gives vectors and no words."""
    cost = None if settings.base_url is not None else _dollars(_row(litellm, settings), "input_cost_per_token")
    return None if cost is None else Price(cost, 0.0)


def wants_marks(litellm: Any, settings: Placed) -> bool:
    """Whether the provider keeps of a prompt only what is marked for that, as Anthropic does."""
    return "claude" in settings.id and bool(_row(litellm, settings).get("supports_prompt_caching"))


def _row(litellm: Any, settings: Placed) -> Mapping[str, Any]:
    table: Mapping[str, Mapping[str, Any]] = litellm.model_cost
    if (row := table.get(settings.id)) is not None:
        return row
    try:
        name, provider, *_ = litellm.get_llm_provider(model=settings.id, api_base=settings.base_url)
    except Exception:  # one of its own, which differs from version to version
        return {}
    row = table.get(name) or {}
    return row if str(row.get("litellm_provider", "")).startswith(str(provider)) else {}


def _price(row: Mapping[str, Any]) -> Price | None:
    prompt, completion = _dollars(row, "input_cost_per_token"), _dollars(row, "output_cost_per_token")
    if prompt is None or completion is None:
        return None
    cached = _dollars(row, "cache_read_input_token_cost")
    return Price(prompt, completion, cached, _dollars(row, "cache_creation_input_token_cost"))


def _dollars(row: Mapping[str, Any], name: str) -> float | None:
    """For a million tokens."""
    cost = row.get(name)
    return round(cost * MILLION, 6) if isinstance(cost, (int, float)) and not isinstance(cost, bool) else None
