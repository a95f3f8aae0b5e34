"""What the routes below ``/v1`` take and give, for the description of the API."""

from __future__ import annotations

from typing import Any

from nanobot.contracts.view import JsonSchema, Operation

_TEXT: JsonSchema = {"type": "string"}
_MAYBE_TEXT: JsonSchema = {"type": ["string", "null"]}
_SWITCH: JsonSchema = {"type": ["boolean", "null"]}
_COUNT: JsonSchema = {"type": "integer", "minimum": 0}


def _record(required: dict[str, JsonSchema], optional: dict[str, JsonSchema] | None = None) -> dict[str, Any]:
    return {"type": "object", "properties": {**required, **(optional or {})}, "required": list(required)}


FAILURE = _record({"error": _record({"message": _TEXT, "type": _TEXT, "param": _MAYBE_TEXT, "code": _MAYBE_TEXT})})
_SESSION = (
    "The agent of that name answers, with its own tools. The header `X-Nanobot-Session` or `user` names a session, "
    "which the hub remembers; without one the request stands alone."
)
_MODEL = _record({"id": _TEXT, "object": {"const": "model"}, "created": _COUNT, "owned_by": _TEXT})
_NAME: JsonSchema = {"type": "string", "maxLength": 256, "description": "an agent", "examples": ["assist"]}
_CONTENT: JsonSchema = {"anyOf": [_TEXT, {"type": "array", "items": _record({"type": _TEXT})}]}
_MESSAGES: JsonSchema = {
    "type": "array",
    "minItems": 1,
    "items": _record(
        {"role": {"enum": ["user", "assistant", "system", "developer", "tool"]}}, {"content": _CONTENT}
    ),
    "examples": [[{"role": "user", "content": "turn on the lamp"}]],
}  # fmt: skip
_OPTIONS: dict[str, JsonSchema] = {
    "stream": _SWITCH,
    "user": {"type": ["string", "null"], "maxLength": 256},
    "nanobot": {"type": ["object", "null"], "properties": {"progress": _SWITCH}},
}
_STOP: JsonSchema = {"anyOf": [_MAYBE_TEXT, {"type": "array", "items": _TEXT, "maxItems": 16}]}
_FAILS = {404: None, 415: None, 500: None, 503: None}

MODELS = Operation(
    summary="List the agents",
    answers={200: _record({"object": {"const": "list"}, "data": {"type": "array", "items": _MODEL}})},
    failure=FAILURE,
)
MODEL = Operation(
    summary="Read about one agent", path={"model": _NAME}, answers={200: _MODEL, 503: None}, failure=FAILURE
)
CHAT = Operation(
    summary="Ask an agent for a chat completion",
    description=_SESSION,
    body=_record(
        {"model": _NAME, "messages": _MESSAGES},
        {
            **_OPTIONS,
            "stop": _STOP,
            "stream_options": {"type": ["object", "null"], "properties": {"include_usage": _SWITCH}},
        },
    ),
    answers={
        200: _record(
            {
                "id": _TEXT,
                "object": {"const": "chat.completion"},
                "created": _COUNT,
                "model": _TEXT,
                "choices": {
                    "type": "array",
                    "items": _record(
                        {
                            "index": _COUNT,
                            "message": _record({"role": {"const": "assistant"}, "content": _TEXT}),
                            "finish_reason": {"const": "stop"},
                        }
                    ),
                },
                "usage": _record({"prompt_tokens": _COUNT, "completion_tokens": _COUNT, "total_tokens": _COUNT}),
            }
        ),
        **_FAILS,
    },
    streams=True,
    failure=FAILURE,
)
RESPONSES = Operation(
    summary="Ask an agent for a response",
    description=_SESSION,
    body=_record(
        {"model": _NAME, "input": {"anyOf": [{"type": "string", "examples": ["turn on the lamp"]}, _MESSAGES]}},
        {**_OPTIONS, "instructions": _MAYBE_TEXT, "conversation": {"type": ["string", "object", "null"]}},
    ),
    answers={
        200: _record(
            {
                "id": _TEXT,
                "object": {"const": "response"},
                "status": {"enum": ["completed"]},
                "model": _TEXT,
                "output": {"type": "array", "items": _record({"type": {"const": "message"}, "content": {}})},
                "usage": _record({"input_tokens": _COUNT, "output_tokens": _COUNT, "total_tokens": _COUNT}),
            }
        ),
        **_FAILS,
    },
    streams=True,
    failure=FAILURE,
)
