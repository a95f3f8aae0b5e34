"""What goes wrong when a server is asked, as errors with a sentence that names the model."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from math import isfinite
from typing import Any

import orjson

from nanobot.errors import AuthFailed, ModelError, NanobotError, NotReady

LONGEST = 300  # characters that are told of what a server says
REFUSED = (401, 403)
PASSING = (408, 409, 425, 429)
"""What may pass, besides everything from 500 on."""
ABOUT_LENGTH = (400, 413, 422, 500)
ABOUT_FORM = (400, 422, 500)

_TOO_LONG = re.compile(
    r"context[ _](length|window|size)|maximum context|exceed_context|too many (input )?tokens"
    r"|(prompt|input|request|conversation) is too long|input token count|reduce the length of",
    re.IGNORECASE,
)
_TOO_LARGE = re.compile(r"request too large|requested tokens? exceed", re.IGNORECASE)
"""Of a limit on tokens in a minute: this one request is more than all of it, so that no waiting helps."""
_TOO_LOOSE = re.compile(
    r"roles? must alternate|unexpected role|expected last role|\brole\b.{1,30}\bafter\b.{1,30}\brole\b"
    r"|tool call id .{1,100}must be",
    re.IGNORECASE,
)
"""Of a conversation in which one speaks twice, or goes on after the results of tools, or in which calls have ids of
another provider: Mistral, templates of chats."""
_TRY_AGAIN = re.compile(r"try again in (?:(\d+)m)?(?:([\d.]+)(ms|s))?", re.IGNORECASE)
_BY_WORD = (
    (re.compile(r"rate.?limit|quota|too.?many|overload|exhausted|throttl"), 429),
    (re.compile(r"auth|api.?key|permission"), 401),
    (re.compile(r"invalid.?request|not.?found|context|unsupported"), 400),
)
"""Errors in the middle of a stream often have a word for a code."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """Makes the errors of one model. ``has_key``: the server is given one. ``scrub`` hides secrets in a text."""

    model: str
    address: str
    has_key: bool
    scrub: Callable[[str], str]

    def unreachable(self, why: str) -> NotReady:
        return NotReady(f"{self.model}: {self.address} cannot be reached: {self._short(why)}")

    def silent(self, seconds: float) -> NotReady:
        return NotReady(f"{self.model} said nothing for {seconds:g} s")

    def broke_off(self, why: str = "") -> NotReady:
        said = f": {self._short(why)}" if why else ""
        return NotReady(f"{self.model}: the answer of {self.address} broke off{said}")

    def unreadable(self) -> NotReady:
        return NotReady(f"{self.model}: {self.address} answered with something that cannot be read")

    def too_big(self, limit: int) -> NotReady:
        return NotReady(f"{self.model}: {self.address} sent more than {limit // 2**20} MiB at once")

    def closed(self) -> NotReady:
        return NotReady(f"{self.model} is being reloaded")

    def redirected(self, status: int, location: str) -> ModelError:
        where = self._short(location.partition("?")[0]) or "nowhere"
        return ModelError(
            f"{self.model}: {self.address} sends elsewhere ({status}), to {where}; write that address as 'base_url'"
        )

    def told(self, error: Any) -> NanobotError:
        """For an error in an answer that began well."""
        status = _status_of(error)
        if status is None and _TOO_LONG.search(_message_in(error)):
            status = HTTPStatus.BAD_REQUEST.value
        return self.broke_off(_message_in(error)) if status is None else self.refused(status, error)

    def refused(self, status: int, error: Any, retry_after: float | None = None) -> NanobotError:
        """For a status that is no success. ``error``: the JSON document or the text that came with it."""
        message = self._short(_message_in(error))
        said = f": {message}" if message else ""
        if status in REFUSED:
            return self._not_let_in(status, said)
        if status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE or (
            status in ABOUT_LENGTH and _TOO_LONG.search(f"{_words_of(error)} {message}")
        ):
            return ModelError(f"{self.model}: the conversation is too long for this model{said}", too_long=True)
        if status in ABOUT_FORM and _TOO_LOOSE.search(message):
            return ModelError(
                f"{self.model}: {self.address} refuses the form of the conversation{said}", too_loose=True
            )
        if status == HTTPStatus.TOO_MANY_REQUESTS:
            if _TOO_LARGE.search(message):
                return ModelError(f"{self.model}: the conversation is too long for its limit{said}", too_long=True)
            retry_after = _said_in(message) if retry_after is None else retry_after
        if status in PASSING or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            return NotReady(f"{self.model}: {self.address} answers {_named(status)}{said}", retry_after=retry_after)
        if status == HTTPStatus.NOT_FOUND and not isinstance(error, (dict, list)):
            said = "; 'base_url' should be the part before /chat/completions, which often ends in /v1"
        return ModelError(f"{self.model}: {self.address} refuses the request with {_named(status)}{said}")

    def _not_let_in(self, status: int, said: str) -> AuthFailed:
        if status == HTTPStatus.FORBIDDEN:
            return AuthFailed(f"{self.model}: {self.address} does not allow this (403){said}")
        # what the server says is left out: it likes to repeat a part of the key
        if self.has_key:
            return AuthFailed(f"{self.model}: {self.address} refuses the key (401); set another one as 'api_key'")
        return AuthFailed(f"{self.model}: {self.address} wants a key (401); set it as 'api_key'")

    def _short(self, text: str) -> str:
        text = " ".join(self.scrub(text).split())
        return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def _said_in(message: str) -> float | None:
    """Seconds, where only the sentence names them, as OpenAI's of a limit on tokens: "Please try again in 1m2.5s"."""
    found = _TRY_AGAIN.search(message)
    if found is None or not (found[1] or found[2]):
        return None
    try:
        seconds = float(found[2] or 0) * (0.001 if found[3] == "ms" else 1.0)
    except ValueError:
        return None
    return 60.0 * int(found[1] or 0) + seconds


def document_of(body: bytes) -> Any:
    """The JSON document that came with an error, or else its text; empty for a page."""
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        text = body.decode("utf-8", "replace").strip()
        return "" if text.startswith("<") else text


def retry_after(headers: Mapping[str, str], now: float) -> float | None:
    """Seconds after which a server wants to be asked again; None when it does not say. ``now``: since the epoch."""
    for name, unit in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        value = headers.get(name)
        if value is None:
            continue
        try:
            seconds = float(value) * unit
        except ValueError:
            try:
                seconds = parsedate_to_datetime(value).timestamp() - now
            except (ValueError, OverflowError):
                continue
        if isfinite(seconds):
            return max(0.0, seconds)
    return None


def _named(status: int) -> str:
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)


def _inner(error: Any) -> Any:
    """Errors stand in an object called error, which may stand in a list."""
    if isinstance(error, list):
        error = error[0] if error else ""
    if isinstance(error, dict) and error.get("error"):
        return error["error"]
    return error


def _message_in(error: Any) -> str:
    inner = _inner(error)
    if not isinstance(inner, dict):
        return inner if isinstance(inner, str) else ""
    message = inner.get("message") or inner.get("detail") or inner.get("msg") or ""
    if isinstance(message, list):  # of the form that FastAPI gives
        message = message[0].get("msg", "") if message and isinstance(message[0], dict) else ""
    metadata = inner.get("metadata")
    if isinstance(metadata, dict) and isinstance(metadata.get("raw"), str):  # OpenRouter: what the provider said
        message = f"{message}: {metadata['raw']}"
    return str(message)


def _words_of(error: Any) -> str:
    inner = _inner(error)
    return f"{inner.get('code')} {inner.get('type')}" if isinstance(inner, dict) else ""


def _status_of(error: Any) -> int | None:
    """The status that an error in a stream would have had; None when it does not tell."""
    inner = _inner(error)
    code = inner.get("code") if isinstance(inner, dict) else None
    if isinstance(code, (int, str)) and str(code).isdigit() and 400 <= int(code) < 600:
        return int(code)
    words = _words_of(error).lower()
    return next((status for pattern, status in _BY_WORD if pattern.search(words)), None)
