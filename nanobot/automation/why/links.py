"""What an answer is made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

Kind = Literal["state", "call", "run", "trigger", "message", "sent", "actor", "reported", "turn"]


@dataclass(frozen=True, slots=True)
class Link:
    """One link of a chain. ``what`` and ``data`` by ``kind``:

    - *state*: entity id; ``{name, state}``
    - *call*: ``domain.service``; ``{entity_id}``
    - *run*: entity id of what ran; ``{domain, name, run_id, outcome, error, conditions}``; each condition is ``{name,
      result, seen}``
    - *trigger*: its description; ``{platform, entity_id, from, to, changed}``
    - *message* (came in) and *sent* (went out): its id; ``{channel, chat, session, sender, text}``
    - *actor*: ``user``, ``token``, ``agent``, …; ``{owner}``
    - *reported*: entity id; no call and no run is known to have written it
    - *turn*: the id of the message that was answered; ``{agent, rounds, prompt, models, tools, decisions, tokens, cost,
      limit}``
    """

    kind: Kind
    what: str
    time: float | None = None
    data: Mapping[str, Any] = field(default_factory=dict)
    context_id: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Links:
    """The answer to "why": the effect first, then what caused each thing before it. ``effects``: what came of it, for
    something that has no cause before it, such as a message. ``complete`` is False where the chain breaks off because
    what came before is not known any more.
    """

    asked: str
    links: tuple[Link, ...]
    effects: tuple[Link, ...] = ()
    complete: bool = True

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "asked": self.asked,
            "links": [link.as_dict() for link in self.links],
            "effects": [link.as_dict() for link in self.effects],
            "complete": self.complete,
        }


@dataclass(frozen=True, slots=True)
class TriggerFacts:
    """One trigger. ``fired``: when it last did since it was attached. ``entities``: what it watches, with their states
    now, None for one that is not there."""

    index: int
    word: str
    name: str
    enabled: bool
    fired: float | None
    entities: Mapping[str, str | None]


@dataclass(frozen=True, slots=True)
class PlanFacts:
    """The times of a schedule. ``next``: when it runs next, in seconds since the epoch; None when no time comes.
    ``missed``: how many planned runs were missed last, ``policy`` what becomes of such: ``once``, ``all``, ``skip``."""

    next: float | None
    missed: int
    policy: str


@dataclass(frozen=True, slots=True)
class WhyNot:
    """The answer to "why not".

    ``idle``: ``invalid``, ``off``, ``starting``, ``failed`` (no trigger could be attached), ``no_triggers``,
    ``disabled`` (all triggers are); None when it listens. ``error``: what is wrong with it, or with the edit of it
    that does not count. ``off``: why it is off. ``last``: the last time that something was to start it, as a *run* link
    with ``source``; ``ran``: the last time that it did run. ``plan``: the times of a schedule, None of anything else.
    """

    entity_id: str
    domain: str
    name: str
    mode: str | None
    idle: str | None
    error: str | None
    failed: tuple[str, ...]
    since: float | None
    off: Links | None
    last: Link | None
    ran: float | None
    triggers: tuple[TriggerFacts, ...]
    plan: PlanFacts | None = None

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "entity_id": self.entity_id,
            "domain": self.domain,
            "name": self.name,
            "mode": self.mode,
            "idle": self.idle,
            "error": self.error,
            "failed": list(self.failed),
            "since": self.since,
            "off": None if self.off is None else self.off.as_dict(),
            "last": None if self.last is None else self.last.as_dict(),
            "ran": self.ran,
            "triggers": [asdict(trigger) for trigger in self.triggers],
            "plan": None if self.plan is None else asdict(self.plan),
        }
