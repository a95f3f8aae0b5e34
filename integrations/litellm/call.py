"""One call of the library, from the question to the end of the response."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any

import orjson

from nanobot.agent.models.failure import Trouble
from nanobot.agent.models.request import body_of, written
from nanobot.agent.models.usage import usage_of
from nanobot.contracts.model import Request
from nanobot.util.dt import Clock
from nanobot.util.secrets import Secret

from .caching import mark
from .facts import wants_marks
from .failure import error_of
from .library import Library, end
from .options import Placed, Settings
from .shortcut import plain

GRACE = 5.0  # s more than ours until the library's own timeout, so that ours decides
LINGER = 1.0  # s that the count of tokens is waited for after the model has said that it ended
DRAIN = 0.1  # s that the end of the response is waited for, so that its connection can be used again

_OPTIONS = "stream_options"


class Call:
    """Asks once. To be closed in any case."""

    def __init__(self, library: Library, settings: Settings, trouble: Trouble, clock: Clock) -> None:
        self._library = library
        self._settings = settings
        self._trouble = trouble
        self._clock = clock
        self._reply: Any = None
        self._begun = False

    async def ask(self, request: Request, *, count: bool) -> bool:
        """Send the request and wait for the answer to begin.

        ``count``: ask for the count of tokens, too; what is returned says whether that was understood.
        """
        litellm = self._library.get(self._trouble)
        arguments: dict[str, Any] = {}
        try:
            arguments = self._arguments(litellm, request)
            if count and self._settings.stream:
                arguments.setdefault(_OPTIONS, {"include_usage": True})
            self._reply = await self._asked(litellm, arguments)
        except Exception as error:  # hundreds of providers raise whatever they like
            if count and _OPTIONS in arguments and _OPTIONS in str(error):
                return await self.ask(request, count=False)
            raise self._failed(error) from error
        return count

    async def _asked(self, litellm: Any, arguments: Mapping[str, Any]) -> Any:
        with plain():
            asking = asyncio.ensure_future(litellm.acompletion(**arguments))
        try:
            async with self._library.patience(self._settings.timeout):
                return await asyncio.shield(asking)
        except BaseException:
            self._library.leave(asking)
            raise

    async def next(self) -> Mapping[str, Any] | None:
        """The next piece in the shape of the API, None at the end. A whole answer is a single piece."""
        if not self._settings.stream:
            reply, self._reply = self._reply, None
            return None if reply is None else _whole(reply)
        try:
            async with self._library.patience(self._settings.timeout):
                piece = await anext(self._reply, None)
        except Exception as error:  # as above
            raise self._failed(error) from error
        if piece is None or _is_made_up(piece, self._reply):
            return None
        self._begun = True
        return _piece(piece)

    async def rest(self) -> Mapping[str, Any]:
        """What is still to come after the model has ended: the count of tokens.

        The stream underneath is read, because at its end the library would put the whole answer together once more, on
        the event loop.
        """
        if self._reply is None:
            return {}
        pieces = list(self._reply.chunks)
        stream = self._reply.completion_stream
        if hasattr(stream, "__aiter__"):
            with suppress(Exception):  # the answer is whole, however its connection ends
                async with asyncio.timeout(DRAIN if _usage_in(pieces) else LINGER):
                    async for piece in stream:
                        pieces.append(piece)  # noqa: PERF401 - what came before the time is up counts
        return _usage_in(pieces)

    async def close(self) -> None:
        """End the connection, unless it can be used again."""
        reply, self._reply = self._reply, None
        await end(reply)

    def _failed(self, error: Exception) -> Exception:
        if self._library.closed:
            return self._trouble.closed()
        seconds, now = self._settings.timeout, self._clock.time()
        return error_of(error, self._trouble, seconds=seconds, now=now, begun=self._begun)

    def _arguments(self, litellm: Any, request: Request) -> dict[str, Any]:
        settings = self._settings
        # written and read: the library may change what it gets, and the tools are everybody's
        found: dict[str, Any] = orjson.loads(written(body_of(settings, request)))
        found |= {"timeout": settings.timeout + GRACE, "max_retries": 0, "num_retries": 0}
        if wants_marks(litellm, settings):
            mark(found, stable=request.messages[0].stable if request.messages else 0)
        return found | place_of(litellm, settings)


def place_of(litellm: Any, settings: Placed) -> dict[str, Any]:
    """The arguments that say where to ask, and with what key."""
    found: dict[str, Any] = {}
    if settings.base_url is not None:
        found["base_url"] = settings.base_url
    if settings.key is not None:
        found["api_key"] = settings.key.reveal()
    elif settings.base_url is not None and litellm.get_llm_provider(settings.id)[1] == "openai":
        found["api_key"] = "none"  # instead of the key for OpenAI in the environment, which is not for this server
    if settings.headers:
        revealed = {k: v.reveal() if isinstance(v, Secret) else v for k, v in settings.headers.items()}
        found["extra_headers"] = revealed
    return found


def _is_made_up(piece: Any, reply: Any) -> bool:
    """Whether it is the end that the library adds when the server has sent none."""
    finish = piece.choices[0].finish_reason if piece.choices else None
    return finish is not None and getattr(reply, "received_finish_reason", finish) is None


def _piece(piece: Any) -> Mapping[str, Any]:
    if not piece.choices:
        return {"choices": []}
    choice = piece.choices[0]
    return {"choices": [{"delta": _message(choice.delta), "finish_reason": choice.finish_reason}]}


def _whole(reply: Any) -> Mapping[str, Any]:
    if not reply.choices:
        return {"choices": []}
    choice = reply.choices[0]
    return {
        "choices": [{"message": _message(choice.message), "finish_reason": choice.finish_reason or "stop"}],
        "usage": _usage_in([reply]),
    }


def _message(message: Any) -> Mapping[str, Any]:
    calls = [
        {"index": getattr(call, "index", None), "id": call.id, "function": _function(call.function)}
        for call in getattr(message, "tool_calls", None) or ()
    ]
    return {
        "content": getattr(message, "content", None),
        "reasoning_content": getattr(message, "reasoning_content", None),
        "refusal": getattr(message, "refusal", None),
        "tool_calls": calls,
    }


def _function(function: Any) -> Mapping[str, Any]:
    return {"name": function.name, "arguments": function.arguments}


def _usage_in(pieces: Iterable[Any]) -> Mapping[str, int]:
    """The count of tokens that pieces have, all of it in one or each a part. Pieces are objects or mappings."""
    found: dict[str, int] = {}
    for piece in pieces:
        usage = piece.get("usage") if isinstance(piece, Mapping) else getattr(piece, "usage", None)
        for name, count in usage_of(usage or {}).items():
            found[name] = max(count, found.get(name, 0))
    if len(found) > 1:
        found["total_tokens"] = found.get("prompt_tokens", 0) + found.get("completion_tokens", 0)
    return found
