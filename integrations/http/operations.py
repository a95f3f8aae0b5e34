"""What the routes of signing in take and give, for the description of the API."""

from __future__ import annotations

from typing import Any

from nanobot.contracts.view import JsonSchema, Operation

_TEXT: JsonSchema = {"type": "string"}
_CLIENT: JsonSchema = {"type": "string", "description": "the address of the client", "examples": ["http://localhost/"]}
_NOTHING: JsonSchema = {"type": "object", "maxProperties": 0}


def _record(required: dict[str, JsonSchema], optional: dict[str, JsonSchema] | None = None) -> dict[str, Any]:
    return {"type": "object", "properties": {**required, **(optional or {})}, "required": list(required)}


_STATUS = _record({"status": _TEXT})
_STEP = {
    "description": "a form to be filled in, the code for the client as `result`, or the end",
    **_record(
        {"type": {"enum": ["form", "create_entry", "abort"]}, "flow_id": _TEXT, "handler": {"type": "array"}},
        {
            "step_id": {"enum": ["init", "mfa"]},
            "data_schema": {"type": "array", "items": {"type": "object"}},
            "errors": {"type": "object", "additionalProperties": _TEXT},
            "result": _TEXT,
            "reason": _TEXT,
        },
    ),
}
_REFUSED = {
    "anyOf": [
        _record({"error": _TEXT}, {"error_description": _TEXT}),
        _record({"message": _TEXT}),
    ]
}

HEALTH = Operation(summary="See whether the process is alive", answers={200: _STATUS})
READY = Operation(summary="See whether everything has been set up", answers={200: _STATUS, 503: _STATUS})
TEXTS = Operation(
    summary="Read the words of the sign-in page",
    query={"languages": {"type": "string", "description": "those of the browser", "examples": ["de-CH,en"]}},
    answers={200: _record({"language": _TEXT, "texts": {"type": "object", "additionalProperties": _TEXT}})},
)
CLAIM = Operation(
    summary="Open the one-time link of the first start",
    description="Sets the cookie of a session.",
    body=_record({"code": _TEXT}),
    answers={200: _NOTHING, 401: None, 403: None, 415: None},
)
LOGIN = Operation(
    summary="Sign a browser in with a token or a code",
    description="Sets the cookie of a session. A code is good for pages of this hub alone.",
    body={"anyOf": [_record({"token": _TEXT}), _record({"code": _TEXT, "client_id": _CLIENT})]},
    answers={200: _NOTHING, 401: None, 403: None, 415: None},
)
LOGOUT = Operation(summary="End the session of a browser", answers={200: _NOTHING, 403: None})
ME = Operation(
    summary="See who is signed in",
    answers={200: _record({"name": _TEXT, "access": {"enum": ["read", "user", "admin"]}, "kind": _TEXT})},
)

PROVIDERS = Operation(
    summary="List the ways to sign in",
    answers={
        200: _record(
            {
                "providers": {"type": "array", "items": _record({"name": _TEXT, "id": {}, "type": _TEXT})},
                "preselect_remember_me": {"type": "boolean"},
            }
        )
    },
)
AUTHORIZE = Operation(
    summary="Open the page on which a person signs in for a client",
    query={
        "client_id": {**_CLIENT, "required": True},
        "redirect_uri": {**_CLIENT, "description": "where the code goes: a page of the client", "required": True},
        "response_type": {"type": "string", "description": "'code', which is also meant without it"},
        "state": {"type": "string", "description": "goes back with the code"},
    },
    answers={200: "text/html"},
)
BEGIN = Operation(
    summary="Begin to sign in",
    body=_record(
        {
            "client_id": _CLIENT,
            "handler": {
                "type": "array",
                "description": "a type of `/auth/providers`, and null",
                "examples": [["homeassistant", None]],
            },
            "redirect_uri": _CLIENT,
        }
    ),
    answers={200: _STEP, 403: None, 404: None, 415: None},
)
ANSWER = Operation(
    summary="Fill in the form of a sign-in",
    body=_record({"client_id": _CLIENT}, {"username": _TEXT, "password": _TEXT, "code": _TEXT, "user": _TEXT}),
    answers={200: _STEP, 403: None, 415: None},
)
ABORT = Operation(summary="Give a sign-in up", answers={200: _record({"message": _TEXT}), 403: None})
TOKEN = Operation(
    summary="Exchange a code or a refresh token for an access token",
    form=True,
    body=_record(
        {},
        {
            "grant_type": {"type": "string", "examples": ["refresh_token", "authorization_code"]},
            "client_id": _CLIENT,
            "code": _TEXT,
            "refresh_token": _TEXT,
        },
    ),
    body_required=False,
    answers={
        200: _record(
            {"access_token": _TEXT, "token_type": {"const": "Bearer"}, "expires_in": {"type": "integer"}},
            {"refresh_token": _TEXT, "ha_auth_provider": _TEXT},
        ),
        400: _REFUSED,
        403: _REFUSED,
        415: None,
    },
)
REVOKE = Operation(
    summary="End what a refresh token opens",
    description="200 also when there was none (RFC 7009).",
    form=True,
    body=_record({}, {"token": _TEXT}),
    body_required=False,
    answers={200: None, 403: None, 415: None},
)
