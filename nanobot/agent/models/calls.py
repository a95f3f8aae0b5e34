"""Tool calls, gathered from the fragments in which they arrive."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from nanobot.contracts.model import ToolCall
from nanobot.util.ids import short_id

OVERHEAD = 50  # characters that a fragment counts for besides its own


class _Call:
    """A call so far."""

    __slots__ = ("arguments", "id", "name")

    def __init__(self) -> None:
        self.id = ""
        self.name = ""
        self.arguments: list[str] = []

    def is_whole(self) -> bool:
        """Whether the arguments are complete."""
        if not self.arguments or not self.arguments[-1].rstrip().endswith("}"):
            return False
        try:
            return isinstance(orjson.loads("".join(self.arguments)), dict)
        except orjson.JSONDecodeError:
            return False


class Calls:
    """Puts fragments together by their index, and by their id and name where servers do not count.

    Fragments come from outside: ``TypeError``, ``AttributeError`` or ``ValueError`` when they are nothing like one.
    """

    def __init__(self) -> None:
        self.size = 0
        """Characters so far, with some for each fragment."""
        self._calls: list[_Call] = []
        self._at: dict[int | None, _Call] = {}

    def __bool__(self) -> bool:
        return bool(self._calls)

    def add(self, fragment: Mapping[str, Any], index: int | None) -> None:
        """Take a fragment; ``index`` may be unknown."""
        function = fragment.get("function") or {}
        identity, name, arguments = fragment.get("id"), function.get("name"), function.get("arguments")
        call = self._at.get(index)
        if call is None or _begins_another(call, identity, name):
            call = self._at[index] = _Call()
            self._calls.append(call)
        if identity:
            call.id = str(identity)
        if name and name != call.name:
            call.name += name
        if arguments is not None and arguments != "":
            text = arguments if isinstance(arguments, str) else orjson.dumps(arguments).decode()
            call.arguments.append(text)
            self.size += len(text)
        self.size += len(name or "") + OVERHEAD

    def whole(self) -> tuple[ToolCall, ...]:
        """All calls. One without an id, or with that of another, gets one."""
        found: dict[str, ToolCall] = {}
        for call in self._calls:
            identity = call.id
            while not identity or identity in found:
                identity = f"call_{short_id()}"
            arguments = "".join(call.arguments)
            found[identity] = ToolCall(identity, call.name, arguments if arguments.strip() else "{}")
        return tuple(found.values())


def _begins_another(call: _Call, identity: Any, name: Any) -> bool:
    """Whether a fragment with the index of ``call`` belongs to another one all the same."""
    if identity and call.id:
        return bool(identity != call.id)
    if not name or not call.name:
        return False
    return call.is_whole() or (name != call.name and bool(call.arguments))
