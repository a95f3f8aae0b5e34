"""The count of tokens that comes with an answer, under the names that ``Delta.usage`` has, whoever gives it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

CACHED = (("prompt_tokens_details", "cached_tokens"), ("cache_read_input_tokens",), ("prompt_cache_hit_tokens",))
"""Where servers say how much of the prompt they still knew: OpenAI and most others; Anthropic; DeepSeek."""
WRITTEN = (("prompt_tokens_details", "cache_creation_tokens"), ("cache_creation_input_tokens",))


def usage_of(usage: Any) -> dict[str, int]:
    """The numbers in ``usage``, a mapping or an object, with ``cached_tokens`` and ``written_tokens`` if there are."""
    found = {name: count for name, count in dict(usage).items() if type(count) is int}
    for name, places in (("cached_tokens", CACHED), ("written_tokens", WRITTEN)):
        if count := max(_number(usage, place) for place in places):
            found[name] = min(count, found.get("prompt_tokens", 0))
    return found


def _number(usage: Any, place: tuple[str, ...]) -> int:
    for name in place:
        usage = usage.get(name) if isinstance(usage, Mapping) else getattr(usage, name, None)
    return usage if type(usage) is int and usage > 0 else 0
