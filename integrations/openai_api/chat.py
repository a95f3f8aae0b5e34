"""Chat completions: requests and answers (POST /v1/chat/completions)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from nanobot.util.ids import ulid

from .asked import Asked, check_tool_choice, flag, mapping, model_of, progress_of, session_name, stops_of, talk
from .errors import ApiError, error_body, wrong
from .pieces import Piece
from .wire import Event, tokens


def read(data: Any, headers: Mapping[str, str]) -> Asked:
    """What a request asks for. Raises ``ApiError``. What only tunes a model is passed over: the agent has its own."""
    if not isinstance(data, dict):
        raise wrong("", "the body is a JSON object with 'model' and 'messages'")
    model = model_of(data)
    if data.get("n") not in (None, 1):
        raise wrong("n", "there is one answer to a request; leave 'n' out")
    if mapping(data, "response_format").get("type") not in (None, "text"):
        raise wrong("response_format", "answers are plain text; ask for JSON in words")
    if data.get("modalities") not in (None, [], ["text"]) or data.get("audio") is not None:
        raise wrong("modalities", "answers are plain text")
    if flag(data, "logprobs"):
        raise wrong("logprobs", "an agent has no probabilities to tell")
    check_tool_choice(data)
    check_tool_choice(data, "function_call")
    stream = flag(data, "stream")
    options = mapping(data, "stream_options")
    if options and not stream:
        raise wrong("stream_options", "'stream_options' is for streams only")
    return Asked(
        model=model,
        talk=talk(data.get("messages"), "messages"),
        session=session_name(headers, ("user", data.get("user"))),
        stream=stream,
        usage=flag(options, "include_usage"),
        progress=progress_of(data),
        stop=stops_of(data),
    )


class ChatShape:
    """One completion, whole or in chunks."""

    done = b"data: [DONE]\n\n"

    def __init__(self, asked: Asked, created: float) -> None:
        self._asked = asked
        self._head = {"id": f"chatcmpl-{ulid()}", "created": int(created), "model": asked.model}

    def whole(self, text: str, tools: list[str] | None) -> Event:
        """The answer as one document."""
        message = {"role": "assistant", "content": text, "refusal": None}
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}
        about = {} if tools is None else {"nanobot": {"tools": tools}}
        return {
            **self._head, "object": "chat.completion", "choices": [choice], "usage": self._usage(text), **about
        }  # fmt: skip

    def opening(self) -> Iterable[Event]:
        """Who speaks."""
        yield self._chunk({"role": "assistant", "content": "", "refusal": None})

    def delta(self, text: str) -> Event:
        """A piece."""
        return self._chunk({"content": text})

    def progress(self, piece: Piece) -> Event:
        """A chunk without text, which clients pass over."""
        return {**self._chunk({}), "nanobot": {"kind": piece.kind, "text": piece.text}}

    def closing(self, text: str) -> Iterable[Event]:
        """The end, and what was used."""
        yield self._chunk({}, "stop")
        if self._asked.usage:
            yield {**self._head, "object": "chat.completion.chunk", "choices": [], "usage": self._usage(text)}

    def failed(self, error: ApiError, text: str) -> Iterable[Event]:
        """There is no more."""
        yield error_body(error.status, text, error.code, error.param)

    def _chunk(self, delta: Mapping[str, Any], finish: str | None = None) -> dict[str, Any]:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        usage = {"usage": None} if self._asked.usage else {}
        return {**self._head, "object": "chat.completion.chunk", "choices": [choice], **usage}

    def _usage(self, text: str) -> dict[str, int]:
        asked, answered = tokens(self._asked.talk.size), tokens(len(text))
        return {"prompt_tokens": asked, "completion_tokens": answered, "total_tokens": asked + answered}
