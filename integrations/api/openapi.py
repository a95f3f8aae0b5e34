"""The description of all routes in OpenAPI 3.1, made of the views that are registered when somebody asks."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any

import voluptuous as vol
from aiohttp import web

from nanobot import __version__
from nanobot.contracts.view import Access, Operation, View
from nanobot.hub.hub import Hub
from nanobot.util.json_schema import to_json_schema

from .answer import answer
from .shapes import SHAPES, ref

JSON = "application/json"

_PART = re.compile(r"\{(\w+)(?::[^{}]+)?\}")
_BODIES = ("POST", "PUT", "PATCH")
_FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")
_FAILURE = {JSON: {"schema": ref("Failure")}, "text/plain": {"schema": {"type": "string"}}}
_EVENTS: dict[str, Any] = {"text/event-stream": {}}
_INFO = {
    "title": "nanobot",
    "version": __version__,
    "description": "The API of this hub, in the dialect of Home Assistant 2025.4. Events and commands go over the "
    "WebSocket at `/api/websocket`.",
}
_SECURITY = {"token": {"type": "http", "scheme": "bearer", "description": "from `nanobot token create`, or a sign-in"}}


class Description:
    """``GET /api/openapi.json``."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    async def read(self, request: web.Request) -> web.Response:
        """Made anew each time, for views come and go."""
        return answer(document(self._hub.views))


def document(views: Iterable[View]) -> dict[str, Any]:
    """What is below ``/api``, and what else has an ``operation``. Sockets are there as what they begin with."""
    paths: dict[str, dict[str, Any]] = {}
    for view in sorted(views, key=lambda view: (view.path, view.method)):
        if view.operation is not None or view.path.startswith("/api/"):
            path = _PART.sub(r"{\1}", view.path)
            paths.setdefault(path, {})[view.method.lower()] = _operation(view)
    return {
        "openapi": "3.1.0",
        "info": _INFO,
        "servers": [{"url": "/"}],
        "security": [{"token": []}],
        "paths": paths,
        "components": {"schemas": SHAPES, "securitySchemes": _SECURITY},
    }


def _operation(view: View) -> dict[str, Any]:
    about = view.operation or Operation(summary=_first_line(view), answers={200: "*/*"})
    found: dict[str, Any] = {
        "operationId": _id_of(view),
        "summary": about.summary,
        "tags": view.path.strip("/").split("/")[:2][-1:],
        "x-access": view.access.value,
        "responses": {str(status): _response(status, shape, about) for status, shape in _answers(view, about).items()},
    }
    if about.description:
        found["description"] = about.description
    if parameters := [*_in_path(view, about), *_in_query(about)]:
        found["parameters"] = parameters
    if about.body is not None:
        schema = {"schema": _schema(about.body)}
        kinds = _FORMS if about.form else (JSON,)
        found["requestBody"] = {"required": about.body_required, "content": dict.fromkeys(kinds, schema)}
    if view.access is Access.PUBLIC:
        found["security"] = []
    return found


def _answers(view: View, about: Operation) -> Mapping[int, Any]:
    """What it tells of itself, and what stands before every view."""
    answers: dict[int, Any] = {400: None, **about.answers}
    if view.websocket:
        answers = {101: None, 400: None, 429: None}
    elif view.access is not Access.PUBLIC:
        answers |= dict.fromkeys((401, 403))
    if "{" in view.path:
        answers.setdefault(404, None)
        answers.setdefault(405, None)
    if view.method in _BODIES:
        answers |= dict.fromkeys((408, 413))
    answers.setdefault(429, None)
    return dict(sorted(answers.items()))


def _response(status: int, shape: Any, about: Operation) -> dict[str, Any]:
    found: dict[str, Any] = {"description": HTTPStatus(status).phrase}
    if isinstance(shape, str):
        found["content"] = {shape: {}}
    elif shape is not None:
        found["content"] = {JSON: {"schema": shape}}
    elif status >= 400:
        found["content"] = _FAILURE if about.failure is None else {JSON: {"schema": about.failure}}
    if status == 200 and about.streams:
        found["content"] |= _EVENTS
    return found


def _in_path(view: View, about: Operation) -> list[dict[str, Any]]:
    names = [part[1] for part in _PART.finditer(view.path)]
    return [
        {"name": name, "in": "path", "required": True, "schema": about.path.get(name, {"type": "string"})}
        for name in names
    ]


def _in_query(about: Operation) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "in": "query",
            "required": schema.get("required") is True,
            "schema": {word: value for word, value in schema.items() if word != "required"},
        }
        for name, schema in about.query.items()
    ]


def _schema(body: Any) -> Mapping[str, Any]:
    found: Mapping[str, Any] = to_json_schema(body) if isinstance(body, vol.Schema) else body
    return found


def _id_of(view: View) -> str:
    path = _PART.sub(r"by \1", view.path)
    return re.sub(r"\W+", "_", f"{view.method.lower()} {path}").strip("_")


def _first_line(view: View) -> str:
    return (inspect.getdoc(view.handler) or "").partition("\n")[0].rstrip(".") or view.key
