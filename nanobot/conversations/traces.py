"""What happened inside of turns: what the model was told and asked, what its tools did, and what the rules said.

A turn that runs is noted in memory; when it ends, its trace is written in the transaction that ends it. Turns in which
no model and no tool had a part leave none.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import orjson

from nanobot.contracts.meter import Meter, Spender, Spent
from nanobot.storage.sql import Database
from nanobot.util.dt import Clock
from nanobot.util.text import one_line

if TYPE_CHECKING:
    from nanobot.hub.bus import Event

SCHEMA = """
CREATE TABLE traces (
    turn TEXT PRIMARY KEY,
    session TEXT NOT NULL,
    trace TEXT NOT NULL,
    at REAL NOT NULL
) WITHOUT ROWID;
CREATE INDEX traces_session ON traces (session, at);
CREATE INDEX traces_at ON traces (at)
"""

MOST = 200  # model calls, and tool calls, of one turn that are noted one by one
SHOWN = 200  # characters of the arguments of a call
DECISION = ("what", "verdict", "why", "rule")
"""What is kept of an event ``policy_decision``."""


class TurnTrace:
    """One turn, as far as it has come. Times are seconds; sizes of the prompt are characters, by the names of its
    parts. ``limit``: the limit that ended it."""

    __slots__ = ("agent", "asks", "calls", "decisions", "limit", "prompt", "rounds", "session", "spent", "turn")

    def __init__(self, turn: str, session: str, agent: str = "") -> None:
        self.turn = turn
        self.session = session
        self.agent = agent
        self.prompt: dict[str, int] = {}
        self.asks: list[dict[str, Any]] = []
        self.spent: list[Spent] = []
        """What the models say that it took, where they do; more exact than what was seen from here."""
        self.calls: list[dict[str, Any]] = []
        self.decisions: list[dict[str, Any]] = []
        self.rounds = 0
        self.limit: str | None = None

    @property
    def tokens(self) -> int:
        """Those of all answers so far."""
        if self.spent:
            return sum(one.prompt + one.completion for one in self.spent)
        return sum(ask["prompt"] + ask["completion"] for ask in self.asks)

    @property
    def cost(self) -> float:
        """In US dollars, as far as prices are known."""
        return sum(one.cost or 0.0 for one in self.spent)

    def asked(self, seconds: float, first: float, usage: Mapping[str, int], *, failed: bool = False) -> None:
        """A model was asked, and had answered after ``seconds``; ``first``: until its first piece."""
        if len(self.asks) < MOST:
            self.asks.append(
                {
                    "seconds": round(seconds, 3),
                    "first": round(first, 3),
                    "prompt": usage.get("prompt_tokens", 0),
                    "completion": usage.get("completion_tokens", 0),
                    "failed": failed,
                }
            )

    def called(self, name: str, arguments: str, seconds: float, size: int, *, failed: bool) -> None:
        """A tool was called; ``size``: characters of its result."""
        if len(self.calls) < MOST:
            told = {"name": name, "arguments": one_line(arguments, SHOWN), "seconds": round(seconds, 3)}
            self.calls.append({**told, "size": size, "failed": failed})

    def as_dict(self) -> dict[str, Any]:
        """JSON-able."""
        models = [
            {
                "model": one.model,
                "seconds": round(one.seconds, 3),
                "first": round(one.first, 3),
                "prompt": one.prompt,
                "completion": one.completion,
                "cached": one.cached,
                "cost": one.cost,
                "failed": one.failed,
            }
            for one in self.spent[:MOST]
        ]
        return {
            "turn": self.turn,
            "session": self.session,
            "agent": self.agent,
            "rounds": self.rounds,
            "prompt": self.prompt,
            "models": models or self.asks,
            "tools": self.calls,
            "decisions": self.decisions,
            "tokens": self.tokens,
            "cost": self.cost if any(one.cost is not None for one in self.spent) else None,
            "limit": self.limit,
        }


class Traces(Meter):
    """The traces of turns that run, and the table of those that ended. It is a meter, so that it hears of prices."""

    def __init__(self, database: Database, clock: Clock) -> None:
        super().__init__("turns")
        self._database = database
        self._clock = clock
        self._running: dict[str, TurnTrace] = {}

    def begin(self, turn: str, session: str, agent: str = "") -> TurnTrace:
        """Note what happens in this turn; ``end`` or ``keep`` follows."""
        trace = self._running[turn] = TurnTrace(turn, session, agent)
        return trace

    def running(self, turn: str) -> TurnTrace | None:
        """The trace of a turn that runs."""
        return self._running.get(turn)

    def end(self, turn: str) -> TurnTrace | None:
        """It runs no more."""
        return self._running.pop(turn, None)

    def keep(self, connection: sqlite3.Connection, trace: TurnTrace) -> None:
        """Write one that ended."""
        values = (trace.turn, trace.session, orjson.dumps(trace.as_dict()).decode(), self._clock.time())
        connection.execute("INSERT OR REPLACE INTO traces (turn, session, trace, at) VALUES (?, ?, ?, ?)", values)

    def spent(self, spent: Spent) -> None:
        """A model answered."""
        trace = self._running.get(spent.spender.turn)
        if trace is not None:
            trace.spent.append(spent)

    def refusal(self, spender: Spender, model: str) -> str | None:
        """Never: it only looks on."""
        return None

    def decided(self, event: Event) -> None:
        """A rule had something to say about what a turn was about to do. What nobody minds is not noted."""
        trace = self._running.get(event.data.get("turn") or event.context.id)
        if event.data.get("verdict") == "allow" and not event.data.get("why"):
            return
        if trace is not None and len(trace.decisions) < MOST:
            trace.decisions.append({name: event.data[name] for name in DECISION if name in event.data})

    async def of(self, turn: str) -> dict[str, Any] | None:
        """The trace of a turn, whether it still runs or not. Raises ``StorageError``."""
        if (trace := self._running.get(turn)) is not None:
            return trace.as_dict()
        return await self._one("SELECT trace FROM traces WHERE turn = ?", turn)

    async def last(self, session: str) -> dict[str, Any] | None:
        """That of the last turn of a session."""
        return await self._one("SELECT trace FROM traces WHERE session = ? ORDER BY at DESC LIMIT 1", session)

    async def purge(self, before: float, at_most: int) -> int:
        """Delete those written before a time; gives back how many."""
        return await self._database.write(
            lambda connection: (
                connection.execute(
                    "DELETE FROM traces WHERE turn IN (SELECT turn FROM traces WHERE at < ? LIMIT ?)", (before, at_most)
                ).rowcount
            )
        )

    async def _one(self, statement: str, value: str) -> dict[str, Any] | None:
        row = await self._database.read(lambda connection: connection.execute(statement, (value,)).fetchone())
        found: dict[str, Any] | None = orjson.loads(row[0]) if row else None
        return found
