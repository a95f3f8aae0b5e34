"""Who caused what: the thread that runs from a message or an edit to every effect of it."""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING

from nanobot.util.ids import ulid

if TYPE_CHECKING:
    from nanobot.storage.credentials import Rights

ACTING: ContextVar[str] = ContextVar("acting", default="")
"""Id of the entry on whose behalf the running task works; a part's is ``<entry>/<part>``. Empty: nobody's."""


DEEP = 8  # contexts one behind the other, from which on it may be a loop
MOST = 1000  # runs that may come of one context, that deep
WINDOW = 10.0  # s in which they are counted


class Descent:
    """What goes back to the same context: how much of it began lately."""

    __slots__ = ("count", "since")

    def __init__(self) -> None:
        self.count = 0
        self.since = 0.0

    def is_too_much(self, now: float) -> bool:
        """Whether this is one too many."""
        if abs(now - self.since) > WINDOW:
            self.since, self.count = now, 0
        self.count += 1
        return self.count > MOST


class Context:
    """The cause of events, states and calls. ``parent_id`` leads to the context that caused this one.

    ``actor`` names who acts in words of the hub: ``user``, ``automation``, ``agent``, ``token``, ``system``.
    ``rights`` are those of the credential behind it, where there is one; what it causes elsewhere has none.
    The id is made when it is first read, by a child's ``parent_id`` as well: most contexts are never looked at.
    """

    __slots__ = ("_descent", "_id", "_parent", "actor", "depth", "rights", "user_id")

    def __init__(
        self,
        *,
        parent_id: str | None = None,
        user_id: str | None = None,
        actor: str = "system",
        id: str | None = None,  # noqa: A002 - the field's name in every client
        rights: Rights | None = None,
    ) -> None:
        self._id = id
        self._parent: str | Context | None = parent_id
        self.user_id = user_id
        self.actor = actor
        self.rights = rights
        self.depth = 0
        """How many contexts led to it, one behind the other, in this process."""
        self._descent: Descent | None = None

    @property
    def id(self) -> str:
        """A ULID."""
        if self._id is None:
            self._id = ulid()
        return self._id

    @property
    def parent_id(self) -> str | None:
        """The id of what caused it."""
        parent = self._parent
        if parent.__class__ is Context:
            parent = self._parent = parent.id
        return parent  # type: ignore[return-value]

    def is_known_as(self, id: str) -> bool:  # noqa: A002
        """Whether this is its id, without making one: an id that nobody has read, nobody can ask for."""
        return self._id == id

    def child(self, actor: str | None = None) -> Context:
        """A context of its own, caused by this one and acting for the same user; an automation acts for nobody."""
        if self._parent.__class__ is Context:
            self._parent = self.parent_id  # a chain of causes is not kept in memory
        child = Context(user_id=None if actor == "automation" else self.user_id, actor=actor or self.actor)
        child._parent = self
        child.depth = self.depth + 1
        if self.depth:
            child._descent = self._descent or Descent()
        return child

    def runs_away(self, now: float) -> bool:
        """Whether what led to it begins again and again without an end, and now (in seconds) once more. To be asked
        once for each run that is to begin."""
        return self.depth > DEEP and self._descent is not None and self._descent.is_too_much(now)

    def as_dict(self) -> dict[str, str | None]:
        """The shape that Home Assistant's clients expect."""
        return {"id": self.id, "parent_id": self.parent_id, "user_id": self.user_id}

    def __eq__(self, other: object) -> bool:
        return self is other or (isinstance(other, Context) and other.id == self.id)

    def __hash__(self) -> int:
        return hash(self.id)

    def __repr__(self) -> str:
        return f"<Context {self.id} {self.actor}>"
