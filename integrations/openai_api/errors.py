"""Failures in the shape that OpenAI's clients read: ``{"error": {message, type, param, code}}``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nanobot.errors import Busy, NanobotError, NotReady, Refused, StorageError
from nanobot.hub.web import WebError

AGAIN_AFTER = 1  # s that a client should wait when too much is going on

_TYPES = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}
_CODES = {401: "invalid_api_key", 413: "request_too_large", 429: "rate_limit_exceeded"}
NO_RETRY = {"x-should-retry": "false"}
"""Clients of OpenAI repeat what failed with 408, 409, 429 and 5xx unless they are told not to."""


class ApiError(WebError):
    """``param`` is the part of the request that is wrong, ``code`` a word for programs."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        code: str | None = None,
        param: str | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(status, message, headers=headers)
        self.code = code
        self.param = param


def wrong(param: str, message: str, code: str = "invalid_value") -> ApiError:
    """A request that can never be answered."""
    return ApiError(400, message, code=code, param=param)


def error_body(status: int, message: str, code: str | None = None, param: str | None = None) -> Mapping[str, Any]:
    """The body of a failure."""
    kind = _TYPES.get(status, "invalid_request_error" if status < 500 else "server_error")
    return {"error": {"message": message, "type": kind, "param": param, "code": code or _CODES.get(status)}}


def as_api_error(error: NanobotError) -> ApiError:
    """Any failure of the hub as one with a status."""
    match error:
        case ApiError():
            return error
        case WebError():
            return ApiError(error.status, str(error), headers=error.headers)
        case Busy():
            return ApiError(429, str(error), headers={"Retry-After": str(AGAIN_AFTER)})
        case NotReady() | StorageError():
            return ApiError(503, str(error), code="not_ready")
        case Refused():
            return ApiError(403, str(error))
    return ApiError(500, str(error), code="agent_failed", headers=NO_RETRY)
