"""Responses: requests and answers (POST /v1/responses), as far as clients that want text need them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from nanobot.util.ids import ulid

from .asked import Asked, check_tool_choice, flag, mapping, model_of, progress_of, session_name, talk
from .errors import ApiError, wrong
from .pieces import Piece
from .wire import Event, tokens


def read(data: Any, headers: Mapping[str, str]) -> Asked:
    """What a request asks for. Raises ``ApiError``."""
    if not isinstance(data, dict):
        raise wrong("", "the body is a JSON object with 'model' and 'input'")
    model = model_of(data)
    if mapping(mapping(data, "text"), "format").get("type") not in (None, "text"):
        raise wrong("text.format", "answers are plain text; ask for JSON in words")
    if flag(data, "background"):
        raise wrong("background", "answers are given at once; leave 'background' out")
    check_tool_choice(data)
    conversation = data.get("conversation")
    if isinstance(conversation, dict):
        conversation = conversation.get("id")
    session = session_name(headers, ("conversation", conversation), ("user", data.get("user")))
    if data.get("previous_response_id") is not None and session is None:
        raise wrong(
            "previous_response_id",
            "answers are remembered in sessions only: name one with 'conversation', 'user' or the header"
            " X-Nanobot-Session, or send the talk so far as 'input'",
        )
    instructions = data.get("instructions")
    if instructions is not None and not isinstance(instructions, str):
        raise wrong("instructions", "'instructions' is a text")
    said = data.get("input")
    messages = [{"role": "user", "content": said}] if isinstance(said, str) else said
    return Asked(
        model=model,
        talk=talk(messages, "input", instructions or ""),
        session=session,
        stream=flag(data, "stream"),
        progress=progress_of(data),
    )


class ResponseShape:
    """One response, whole or as its events."""

    done = b""

    def __init__(self, asked: Asked, created: float) -> None:
        self._asked = asked
        self._id, self._item = f"resp_{ulid()}", f"msg_{ulid()}"
        self._created = created
        self._number = 0

    def whole(self, text: str, tools: list[str] | None) -> Event:
        """The answer as one document."""
        about = {} if tools is None else {"nanobot": {"tools": tools}}
        return {**self._response("completed", text), **about}

    def opening(self) -> Iterator[Event]:
        """It begins, and so does its only message."""
        yield self._event("response.created", response=self._response("in_progress"))
        yield self._event("response.in_progress", response=self._response("in_progress"))
        yield self._event("response.output_item.added", output_index=0, item=self._message("in_progress", []))
        yield self._event("response.content_part.added", **self._place, part=_text(""))

    def delta(self, text: str) -> Event:
        """A piece."""
        return self._event("response.output_text.delta", **self._place, delta=text, logprobs=[])

    def progress(self, piece: Piece) -> str:
        """A comment: clients know their events by name."""
        return f"{piece.kind} {piece.text}"

    def closing(self, text: str) -> Iterator[Event]:
        """The message ends, and so does the response."""
        yield self._event("response.output_text.done", **self._place, text=text, logprobs=[])
        yield self._event("response.content_part.done", **self._place, part=_text(text))
        yield self._event("response.output_item.done", output_index=0, item=self._message("completed", [_text(text)]))
        yield self._event("response.completed", response=self._response("completed", text))

    def failed(self, error: ApiError, text: str) -> Iterable[Event]:
        """There is no more."""
        about = {"code": "server_error", "message": text}
        yield self._event("response.failed", response={**self._response("failed"), "error": about})

    @property
    def _place(self) -> dict[str, Any]:
        return {"item_id": self._item, "output_index": 0, "content_index": 0}

    def _event(self, kind: str, **fields: Any) -> dict[str, Any]:
        self._number += 1
        return {"type": kind, "sequence_number": self._number - 1, **fields}

    def _message(self, status: str, content: list[Mapping[str, Any]]) -> dict[str, Any]:
        return {"id": self._item, "type": "message", "role": "assistant", "status": status, "content": content}

    def _response(self, status: str, text: str | None = None) -> dict[str, Any]:
        is_done = text is not None
        return {
            "id": self._id,
            "object": "response",
            "created_at": int(self._created),
            "status": status,
            "background": False,
            "error": None,
            "incomplete_details": None,
            "instructions": self._asked.talk.instructions or None,
            "max_output_tokens": None,
            "metadata": {},
            "model": self._asked.model,
            "output": [self._message("completed", [_text(text)])] if text is not None else [],
            "parallel_tool_calls": True,
            "previous_response_id": None,
            "reasoning": {"effort": None, "summary": None},
            "store": False,
            "temperature": None,
            "text": {"format": {"type": "text"}},
            "tool_choice": "auto",
            "tools": [],
            "top_p": None,
            "truncation": "disabled",
            "usage": self._usage(text or "") if is_done else None,
        }

    def _usage(self, text: str) -> dict[str, Any]:
        asked, answered = tokens(self._asked.talk.size), tokens(len(text))
        return {
            "input_tokens": asked,
            "input_tokens_details": {"cached_tokens": 0},
            "output_tokens": answered,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": asked + answered,
        }


def _text(text: str) -> Mapping[str, Any]:
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}
