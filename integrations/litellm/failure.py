"""What the library raises, as errors with a sentence that names the model.

It maps the errors of all providers to classes of its own, and makes up a status where there was none. So what caused
an error says more than the error itself.
"""

from __future__ import annotations

import ast
import json
import os
import re
from collections.abc import Iterator, Mapping
from typing import Any

from nanobot.agent.models.failure import Trouble, retry_after
from nanobot.errors import ModelError, NanobotError

_PREFIX = re.compile(r"^(litellm\.)?(\w+ )?\w*(Error|Exception|Timeout)\w*(:| -)\s*")
_REST = re.compile(
    r"\s*(Give Feedback|LiteLLM\.Info|\.?\s*Handle with `|Original exception:|To drop |Learn more|Error_str:|\n).*$",
    re.DOTALL,
)
"""From here on it is advice for programmers."""
_MESSAGE = re.compile(r'"message"\s*:\s*"((?:[^"\\]|\\.)+)"')
_WRITTEN = re.compile(r"^Error code: \d+ - (\{.*\})", re.DOTALL)
"""The document of an error, as Python writes it."""
_NO_KEY = re.compile(r"missing .*(api.?key|credentials)|api.?key.* (must be|is not|not) (set|provided)", re.IGNORECASE)
_NO_MODULE = re.compile(r"No module named '([\w.]+)'")
_NO_PROVIDER = "LLM Provider NOT provided"
_TOO_LONG = "ContextWindowExceededError"
_CUT = ("ClientPayloadError", "TransferEncodingError", "ContentLengthError")
"""The response ended before its end."""


def error_of(error: Exception, trouble: Trouble, *, seconds: float, now: float, begun: bool) -> NanobotError:
    """Ours for theirs. ``seconds``: the timeout; ``now``: since the epoch; ``begun``: an answer was coming in."""
    chain = list(_chain(error))
    text = _text_of(chain)
    status, headers = _answered(chain)
    if status is not None:
        code = "context_length_exceeded" if any(type(one).__name__ == _TOO_LONG for one in chain) else None
        return trouble.refused(status, {"message": text, "code": code}, retry_after(headers, now))
    if isinstance(error, TimeoutError) or getattr(error, "status_code", None) == 408:
        return trouble.silent(seconds)
    if any(isinstance(one, (json.JSONDecodeError, UnicodeDecodeError)) for one in chain):
        return trouble.unreadable()
    if any(type(one).__name__ in _CUT for one in chain):
        return trouble.broke_off()
    if begun:
        return trouble.told({"message": text, "code": _code_in(chain)})
    return _of_the_library(text, trouble) or _of_the_way(error, chain, text, trouble)


def _of_the_library(text: str, trouble: Trouble) -> NanobotError | None:
    """It refuses the request itself; None when it does not."""
    if _NO_PROVIDER in text:
        return ModelError(f"{trouble.model}: litellm does not know this provider; write it as 'provider/model'")
    if _NO_KEY.search(text):
        return trouble.refused(401, None)
    if module := _NO_MODULE.search(text):
        return ModelError(f"{trouble.model}: litellm needs the Python module {module[1]} for {trouble.address}")
    return None


def _of_the_way(error: Exception, chain: list[BaseException], text: str, trouble: Trouble) -> NanobotError:
    """The request did not get there, or nothing came back."""
    if (why := _unconnected(chain)) is not None:
        return trouble.unreachable(why)
    status = getattr(error, "status_code", None)
    return trouble.refused(status if isinstance(status, int) else 400, {"message": text or type(error).__name__})


def _chain(error: BaseException) -> Iterator[BaseException]:
    """An error and what caused it, as far as it can be told."""
    seen: set[int] = set()
    waiting: list[BaseException | None] = [error]
    while waiting:
        one = waiting.pop(0)
        if one is not None and id(one) not in seen:
            seen.add(id(one))
            yield one
            waiting += [getattr(one, "original_exception", None), one.__cause__, one.__context__]


def _answered(chain: list[BaseException]) -> tuple[int | None, Mapping[str, str]]:
    """The status that the server has answered with, and the headers; None when there was no answer.

    The last one counts: on the way up a status of few providers becomes a more common one.
    """
    for one in reversed(chain):
        headers = getattr(one, "litellm_response_headers", None) or getattr(one, "headers", None)
        status = getattr(one, "status_code", None)
        if headers and isinstance(status, int):
            return status, headers
    return None, {}


def _code_in(chain: list[BaseException]) -> Any:
    """The code of an error in the middle of a stream; the library loses it on the way."""
    codes = (getattr(one, "code", None) for one in chain if hasattr(one, "body"))
    return next((code for code in codes if code is not None), None)


def _unconnected(chain: list[BaseException]) -> str | None:
    """Why there is no connection; None when that is not what went wrong."""
    for one in chain:
        if isinstance(one, OSError) and isinstance(one.errno, int):
            return os.strerror(one.errno).lower() if one.errno > 0 else "its name is not known"
    names = " ".join(type(one).__name__ for one in chain)
    if "Disconnected" in names or "RemoteProtocolError" in names:
        return "it closed the connection"
    return "no connection" if "APIConnectionError" in names and "Connect" in names else None


def _text_of(chain: list[BaseException]) -> str:
    """What a person may read of it."""
    text = str(getattr(chain[0], "message", "") or chain[0])
    while (shorter := _PREFIX.sub("", text)) != text:
        text = shorter
    if (written := _WRITTEN.search(text)) and (message := _message_of(written[1])):
        return message
    if told := _MESSAGE.search(text):  # of the provider, as it sent it
        return str(json.loads(f'"{told[1]}"', strict=False))
    return _REST.sub("", text).strip()


def _message_of(written: str) -> str:
    try:
        return str(ast.literal_eval(written)["error"]["message"])
    except (ValueError, SyntaxError, TypeError, KeyError, RecursionError, MemoryError):
        return ""
