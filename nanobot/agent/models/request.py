"""A request as the API wants it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from nanobot.contracts.model import Message, Price, Request

from .throttle import RateLimit


@dataclass(frozen=True, slots=True)
class Settings:
    """What is configured of one model. ``id`` is its name on the server; ``timeout`` in seconds.

    ``price``, ``context_window`` and ``sees`` are None where nothing is said of them: they may be found out then.
    """

    id: str
    timeout: float
    retries: int
    fallbacks: tuple[str, ...]
    parameters: Mapping[str, Any]
    stream: bool
    rate_limit: RateLimit
    concurrency: int | None
    price: Price | None
    context_window: int | None
    sees: bool | None


def body_of(settings: Settings, request: Request) -> dict[str, Any]:
    """The request as the API wants it. What the request asks for goes before what is configured."""
    body: dict[str, Any] = {**settings.parameters, **request.parameters}
    body["model"] = settings.id
    body["messages"] = [_message(message) for message in request.messages]
    if request.tools:
        body["tools"] = list(request.tools)
    if settings.stream:
        body["stream"] = True
    return body


def _message(message: Message) -> dict[str, Any]:
    told: dict[str, Any] = {"role": message.role, "content": message.content}
    if message.images:
        pictures = [
            {"type": "image_url", "image_url": {"url": f"data:{image.media_type};base64,{image.data}"}}
            for image in message.images
        ]
        told["content"] = [{"type": "text", "text": message.content}, *pictures]
    if message.tool_calls:
        told["content"] = message.content or None
        told["tool_calls"] = [
            {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
            for call in message.tool_calls
        ]
    if message.tool_call_id is not None:
        told["tool_call_id"] = message.tool_call_id
    return told


def written(body: dict[str, Any]) -> bytes:
    """The body as JSON. Halves of characters, as a file may hold them, become question marks."""
    try:
        return orjson.dumps(body, default=_plain)
    except orjson.JSONEncodeError:
        return json.dumps(body, ensure_ascii=False, default=_plain).encode("utf-8", "replace")


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} cannot be sent to a model")
