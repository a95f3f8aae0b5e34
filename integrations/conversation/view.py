"""The routes: saying something, and naming an intent instead of saying it."""

from __future__ import annotations

import asyncio
from typing import Any

import orjson
import voluptuous as vol
from aiohttp import web

from nanobot.config.explain import explain
from nanobot.contracts.intent import Asked
from nanobot.contracts.view import Access, Operation, View
from nanobot.errors import InvalidServiceData
from nanobot.hub.hub import Hub
from nanobot.hub.shapes import to_json
from nanobot.hub.web import BODY_LIMIT, WebError, context_of, identity_of

from .intents import handle
from .process import SCHEMA, Conversation

_INTENT = vol.Schema(
    {vol.Required("name"): str, vol.Optional("data", default=dict): {str: object}, vol.Optional("language"): str}
)

_RESPONSE = {
    "type": "object",
    "properties": {
        "speech": {"type": "object"},
        "card": {"type": "object"},
        "language": {"type": "string"},
        "response_type": {"enum": ["action_done", "query_answer", "error"]},
        "data": {"type": "object"},
    },
    "required": ["speech", "language", "response_type", "data"],
}
_SAID = {
    "type": "object",
    "properties": {
        "response": _RESPONSE,
        "conversation_id": {"type": "string"},
        "continue_conversation": {"type": "boolean"},
    },
    "required": ["response", "conversation_id", "continue_conversation"],
}
_PROCESS = Operation(
    summary="Say something and wait for the answer",
    description="The conversation goes on under the `conversation_id` of the answer.",
    body=SCHEMA,
    answers={200: _SAID, 400: None},
)
_HANDLE = Operation(
    summary="Do what an intent says",
    description="One of `intent_script:`, or with the slots `name` and `domain` one of `HassTurnOn`, `HassTurnOff`, "
    "`HassToggle` and `HassGetState`.",
    body=_INTENT,
    answers={200: _RESPONSE, 400: None},
)


def views(hub: Hub, conversation: Conversation) -> list[View]:
    """Both take a token that may act."""

    async def process(request: web.Request) -> web.Response:
        """Whoever has an administrator's token is an owner here, as on the page."""
        data = await _read(request, SCHEMA)
        identity = identity_of(request)
        owner = identity is not None and identity.may(Access.ADMIN)
        try:
            return _answer(await conversation.process(data, context_of(request), owner=owner))
        except InvalidServiceData as error:
            raise WebError(400, str(error)) from error

    async def intent(request: web.Request) -> web.Response:
        """``{name, data: {slot: value}}``."""
        data = await _read(request, _INTENT)
        asked = Asked(data.get("language") or hub.language, context_of(request), data["data"])
        return _answer(await handle(hub, data["name"], asked))

    return [
        View("POST", "/api/conversation/process", Access.USER, process, operation=_PROCESS),
        View("POST", "/api/intent/handle", Access.USER, intent, operation=_HANDLE),
    ]


async def _read(request: web.Request, schema: vol.Schema) -> Any:
    try:
        async with asyncio.timeout(BODY_LIMIT):
            data = orjson.loads(await request.read())
    except TimeoutError as error:
        raise WebError(408, "the body took too long to arrive") from error
    except orjson.JSONDecodeError as error:
        raise WebError(400, "Invalid JSON specified.") from error
    try:
        return schema(data)
    except vol.Invalid as error:
        told = "; ".join(problem.told() for problem in explain(error, data, (), schema))
        raise WebError(400, f"Message format incorrect: {told}") from error


def _answer(value: Any) -> web.Response:
    return web.Response(body=to_json(value), content_type="application/json")
