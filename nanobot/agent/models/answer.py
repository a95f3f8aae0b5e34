"""An answer, gathered from the documents in which it arrives: pieces of a stream, or all in one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from nanobot.contracts.model import Delta

from .calls import Calls
from .failure import Trouble
from .thoughts import Thoughts
from .usage import usage_of

MOST = 4 * 2**20  # characters of all calls of one answer
DONE = b"[DONE]"
CALLED = (None, "stop", "function_call")
"""What servers say is the reason for an end when it is the tool calls."""


class Answer:
    """``finish`` is set when the model has ended, ``over`` when nothing more is to come."""

    def __init__(self, trouble: Trouble) -> None:
        self.trouble = trouble
        self.finish: str | None = None
        self.over = False
        self.begun = False
        """Something came that can only be an answer."""
        self._said = False
        self._usage: dict[str, int] = {}
        self._calls = Calls()
        self._thoughts = Thoughts()

    def take(self, payload: bytes) -> Delta | None:
        """What a document adds; None for nothing to pass on yet. Raises what the server says went wrong."""
        if payload == DONE:
            self.begun = self.over = True
            return None
        try:
            document = orjson.loads(payload)
        except orjson.JSONDecodeError:
            return self._take_lines(payload)
        try:
            return self.add(document)
        except (AttributeError, LookupError, TypeError, ValueError) as error:
            raise self.trouble.unreadable() from error

    def last(self, *, clean: bool) -> Delta:
        """The last piece. Raises ``NotReady`` when this is no end.

        ``clean``: the connection told that all has arrived, so that even an answer whose end is not marked is whole.
        """
        if not self.begun:
            raise self.trouble.unreadable()
        thinking, text = self._thoughts.end()
        said = self._said or bool(text)
        if self.finish is None and not self.over and (not clean or not said or self._calls):
            raise self.trouble.broke_off()
        calls = self._calls.whole()
        finish = "tool_calls" if calls and self.finish in CALLED else self.finish or "stop"
        return Delta(text, thinking, calls, finish, self._usage)

    def _take_lines(self, payload: bytes) -> Delta | None:
        """For servers that forget the empty line between two events: a document may stand on each line."""
        lines = payload.split(b"\n")
        if len(lines) == 1:
            raise self.trouble.unreadable()
        found = [delta for line in lines if line and (delta := self.take(line)) is not None]
        if not found:
            return None
        return Delta("".join(delta.text for delta in found), "".join(delta.thinking for delta in found))

    def add(self, document: Any) -> Delta | None:
        """What a document adds that has been read already. Raises whatever one in another shape causes."""
        if isinstance(document, list):  # errors of some servers
            document = document[0]
        if error := document.get("error"):
            raise self.trouble.told(error)
        if usage := document.get("usage"):
            self._usage = usage_of(usage)
        choices = document.get("choices")
        if choices is None:
            return None
        self.begun = True
        if not choices or choices[0].get("index"):
            return None
        choice = choices[0]
        self.finish = choice.get("finish_reason") or self.finish
        if "delta" in choice:
            return self._piece(choice["delta"] or {}, whole=False)
        return self._piece(choice.get("message") or {}, whole=True)

    def _piece(self, message: Mapping[str, Any], *, whole: bool) -> Delta | None:
        text = message.get("content") or message.get("refusal") or ""
        thinking = message.get("reasoning_content") or message.get("reasoning") or ""
        if type(thinking) is not str:
            thinking = ""
        if type(text) is not str:
            thinking, text = _of_parts(text)
        if text and not self._thoughts.over:
            tagged, text = self._thoughts.feed(text)
            thinking += tagged
        if calls := message.get("tool_calls"):
            for position, fragment in enumerate(calls):
                self._calls.add(fragment, position if whole else fragment.get("index"))
            if self._calls.size > MOST:
                raise self.trouble.too_big(MOST)
        if not text and not thinking:
            return None
        self._said = self._said or bool(text)
        return Delta(text, thinking)


def _of_parts(parts: Any) -> tuple[str, str]:
    """Thoughts and text of a content that is a list of parts."""
    thinking = text = ""
    for part in parts:
        if part.get("type") == "thinking":
            inner = part.get("thinking") or ""
            thinking += inner if isinstance(inner, str) else _of_parts(inner)[1]
        else:
            text += part.get("text") or ""
    return thinking, text
