"""What a template read while it was rendered, so that only that wakes it."""

from __future__ import annotations

from typing import Any

from nanobot.templates.errors import TemplateError

ALL_STATES_EVERY = 60.0  # s between two renders of a template that reads all states, as in Home Assistant 2025.4
DOMAIN_EVERY = 1.0  # s between two renders of a template that reads a domain


class RenderInfo:
    """``result``, or ``error`` in its place. ``domains_lifecycle``: domains whose entities it only counted.

    ``warnings``: what it found undefined, for whoever wants to be told; None: the log is told.
    """

    __slots__ = (
        "all_states",
        "all_states_lifecycle",
        "domains",
        "domains_lifecycle",
        "entities",
        "error",
        "result",
        "time",
        "warnings",
    )

    def __init__(self, *, warnings: bool = False) -> None:
        self.warnings: list[str] | None = [] if warnings else None
        self.result: Any = None
        self.error: TemplateError | None = None
        self.entities: set[str] = set()
        self.domains: set[str] = set()
        self.domains_lifecycle: set[str] = set()
        self.all_states = False
        self.all_states_lifecycle = False
        self.time = False

    @property
    def rate_limit(self) -> float:
        """Seconds between two renders for a change of something that was not named by its id."""
        if self.all_states or self.all_states_lifecycle:
            return ALL_STATES_EVERY
        return DOMAIN_EVERY if self.domains or self.domains_lifecycle else 0.0

    def concerns(self, entity_id: str) -> bool:
        """Whether a change of this entity may change the result."""
        return self.all_states or entity_id in self.entities or entity_id.partition(".")[0] in self.domains

    def concerns_lifecycle(self, entity_id: str) -> bool:
        """Whether its appearing or going away may."""
        return (
            self.all_states_lifecycle
            or entity_id.partition(".")[0] in self.domains_lifecycle
            or self.concerns(entity_id)
        )

    def reads_as(self, other: RenderInfo) -> bool:
        """Whether both read the same."""
        return (
            self.entities == other.entities
            and self.domains == other.domains
            and self.domains_lifecycle == other.domains_lifecycle
            and self.all_states == other.all_states
            and self.all_states_lifecycle == other.all_states_lifecycle
            and self.time == other.time
        )

    def __repr__(self) -> str:
        read = {"all": self.all_states, "entities": self.entities, "domains": self.domains, "time": self.time}
        return f"<RenderInfo {read}>"
