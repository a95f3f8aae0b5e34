"""What one request to a model takes: counted while the answer comes, and told to all meters at its end."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Any

from nanobot.contracts.embedder import Embedder
from nanobot.contracts.meter import Spender, Spent
from nanobot.contracts.model import Delta, Model, Request
from nanobot.hub.hub import Hub

from .pictures import TOKENS

CHARACTERS_PER_TOKEN = 4

_log = logging.getLogger(__name__)


class Bill:
    """Begun when the request is sent. Where the model does not say how many tokens it took, they are estimated."""

    def __init__(self, hub: Hub, model: Model | Embedder, spender: Spender, request: Request) -> None:
        self.error: str | None = None
        """Why the request failed, or None."""
        self._hub = hub
        self._model = model
        self._spender = spender
        self._request = request
        self._usage: Mapping[str, int] = {}
        self._characters = 0
        self._begun = asyncio.get_running_loop().time()
        self._first: float | None = None
        self._end: float | None = None
        self._expected = tokens_of(request) if hub.meters else 0
        for meter in hub.meters:
            _tell(meter.name, meter.begun, spender, model, self._expected)

    @property
    def seconds(self) -> float:
        """Until now, or until the end."""
        return (self._end or asyncio.get_running_loop().time()) - self._begun

    @property
    def first(self) -> float:
        """Seconds until the first piece."""
        return self.seconds if self._first is None else self._first

    def take(self, delta: Delta) -> None:
        """A piece of the answer. An empty one only says that something is about to come."""
        size = len(delta.text) + len(delta.thinking)
        if delta.tool_calls:
            size += sum(len(call.name) + len(call.arguments) for call in delta.tool_calls)
        self._characters += size
        if self._first is None and size:
            self._first = self.seconds
        if delta.usage:
            self._usage = delta.usage

    def settle(self) -> None:
        """Tell everybody who counts. Whoever left early pays for the prompt and for what had come by then."""
        self._end = asyncio.get_running_loop().time()
        if not self._hub.meters:
            return
        spent = self._spent()
        for meter in self._hub.meters:
            _tell(meter.name, meter.spent, spent)

    def tokens(self) -> int:
        """Of the prompt and the answer, as far as they are known by now."""
        usage = self._counted()
        return usage.get("prompt_tokens", 0) + usage.get("completion_tokens", 0)

    def _counted(self) -> Mapping[str, int]:
        if self._usage:
            return self._usage
        if self.error is not None and not self._characters:
            return {}  # nobody is charged for a request that came to nothing
        return {
            "prompt_tokens": self._expected or tokens_of(self._request),
            "completion_tokens": -(-self._characters // CHARACTERS_PER_TOKEN),
        }

    def _spent(self) -> Spent:
        usage, price = self._counted(), self._model.price
        return Spent(
            self._spender,
            self._model.name,
            at=self._hub.clock.time(),
            prompt=usage.get("prompt_tokens", 0),
            completion=usage.get("completion_tokens", 0),
            cached=usage.get("cached_tokens", 0),
            cost=0.0 if not usage else None if price is None else price.of(usage),
            seconds=self.seconds,
            first=self.first,
            failed=self.error is not None,
            estimated=bool(usage) and not self._usage,
            error=self._hub.scrubber.scrub(self.error) if self.error else "",
            expected=self._expected,
        )


def tokens_of(request: Request) -> int:
    """The tokens of a request, roughly."""
    size, images = request.size, 0
    if size is None:
        size = sum(map(len, map(str, request.tools)))
        for message in request.messages:
            size += len(message.content) + sum(len(call.name) + len(call.arguments) for call in message.tool_calls)
    for message in request.messages:
        if message.images:
            images += len(message.images)
    return -(-size // CHARACTERS_PER_TOKEN) + images * TOKENS


def _tell(name: str, told: Callable[..., None], *what: Any) -> None:
    try:
        told(*what)
    except Exception:  # a fault of whoever counts; the answer and the others who count must not suffer
        _log.exception("the meter %s failed", name)
