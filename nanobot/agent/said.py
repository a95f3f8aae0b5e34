"""What a model says in one round: gathered from its pieces, within limits, and kept in a form that every API takes."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from nanobot.agent.repair import mended
from nanobot.agent.toolbox import arguments_of
from nanobot.contracts.model import Delta, Message, ToolCall
from nanobot.errors import NanobotError

LONGEST_ANSWER = 200_000  # characters; a model that says more has lost its way
MAX_CALLS = 32  # of one round; so has one that makes more
LONGEST_NAME = 64  # characters of the name of a tool that APIs take
TOO_MANY = f"[Only the first {MAX_CALLS} calls of your answer were made. Make the others again if they are needed.]"

_NOT_IN_A_NAME = re.compile(r"[^A-Za-z0-9_-]")


class Said:
    """One answer, as far as it has come. ``finish`` is the model's own word for why it ended, or ``length``."""

    def __init__(self) -> None:
        self.finish: str | None = None
        self.too_many = False
        """It made more calls than are in ``calls``."""
        self._pieces: list[str] = []
        self._calls: list[ToolCall] = []
        self._size = 0
        self.remarks: dict[str, str] = {}
        """What the model is told of calls that it wrote wrong, by their ids."""

    @property
    def text(self) -> str:
        """All of it."""
        return "".join(self._pieces)

    @property
    def calls(self) -> list[ToolCall]:
        """Each with an id of its own: results are told apart by it."""
        return _distinct(self._calls)

    @property
    def is_full(self) -> bool:
        """Whatever else the model says is left out."""
        return self.too_many or self._size >= LONGEST_ANSWER

    def take(self, delta: Delta) -> str:
        """Add a piece; gives back its text, as far as there is room for it."""
        text = delta.text[: LONGEST_ANSWER - self._size]
        self._pieces.append(text)
        self._size += len(text)
        self._calls += delta.tool_calls
        self.too_many = len(self._calls) > MAX_CALLS
        del self._calls[MAX_CALLS:]
        self.finish = "length" if self._size >= LONGEST_ANSWER else delta.finish or self.finish
        return text

    def mend(self, names: Collection[str]) -> None:
        """Take calls that are written wrong for those that are meant; ``names``: the tools that there are."""
        whole = self.finish != "length"
        for number, call in enumerate(calls := self.calls):
            calls[number], remark = mended(call, names, whole=whole)
            if remark:
                self.remarks[call.id] = remark
        self._calls = calls

    def forget(self) -> None:
        """It begins anew."""
        self._pieces.clear()
        self._calls.clear()
        self._size, self.finish, self.too_many = 0, None, False

    def as_message(self) -> Message:
        """For the requests that follow, where a call that no model should make would have them all refused."""
        return Message("assistant", self.text, tuple(map(_takeable, self.calls)))


def _distinct(calls: Sequence[ToolCall]) -> list[ToolCall]:
    found: dict[str, ToolCall] = {}
    for number, call in enumerate(calls):
        id_ = call.id
        while not id_ or id_ in found:
            id_ = f"{id_ or 'call'}_{number}"
        found[id_] = ToolCall(id_, call.name, call.arguments)
    return list(found.values())


def _takeable(call: ToolCall) -> ToolCall:
    try:
        arguments = call.arguments if arguments_of(call) else "{}"
    except NanobotError:
        arguments = "{}"
    name = _NOT_IN_A_NAME.sub("_", call.name[:LONGEST_NAME]) or "unknown"
    return ToolCall(call.id, name, arguments)
