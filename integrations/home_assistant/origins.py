"""Whose doing a change there was: what calls from here cause there goes on to lead back to them."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from nanobot.hub.context import Context

REMEMBERED = 500  # contexts


class Origins:
    """Contexts of this house, by the ids of those that the server made of them."""

    def __init__(self) -> None:
        self._known: OrderedDict[str, Context] = OrderedDict()
        self._pending: dict[str, Context] = {}
        """By entity: who acts on it right now. A change is told before the call is answered."""

    @contextmanager
    def acting(self, ids: Sequence[str], context: Context) -> Iterator[None]:
        """While a call on these entities is under way."""
        self._pending.update(dict.fromkeys(ids, context))
        try:
            yield
        finally:
            for one in ids:
                if self._pending.get(one) is context:
                    del self._pending[one]

    def learn(self, told: Any, context: Context) -> None:
        """``told``: a context of the server, its id or ``{id, parent_id, user_id}``; ``context`` is the same here."""
        number = told.get("id") if isinstance(told, dict) else told
        if isinstance(number, str):
            self._known[number] = context
            if len(self._known) > REMEMBERED:
                self._known.popitem(last=False)

    def of(self, remote_id: str, told: Any) -> Context | None:
        """The context of a change of an entity; None where it came about there."""
        if told is None or not (self._known or self._pending):
            return None
        number, parent = (told.get("id"), told.get("parent_id")) if isinstance(told, dict) else (told, None)
        if isinstance(number, str) and (known := self._known.get(number)) is not None:
            return known
        cause = self._known.get(parent) if isinstance(parent, str) else None
        context = self._pending.get(remote_id) if cause is None else cause.child("system")
        if context is not None:
            self.learn(told, context)
        return context
