"""Consolidation: what people said is read again in the background, and what matters of it is remembered.

Up to where each session was read is on disk, and moves on only when what was found is written. So a model that is away,
a budget that is used up, or a crash delays it, and loses nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from nanobot.agent.asking import Again, Asking
from nanobot.contracts.meter import Spender
from nanobot.contracts.model import Request
from nanobot.conversations.transcript import Exchange, finished, seq_of
from nanobot.errors import NanobotError
from nanobot.hub.bus import Event
from nanobot.hub.entry import Entry
from nanobot.hub.issues import Severity
from nanobot.util.aio import in_thread
from nanobot.util.backoff import Backoff

from .books import FACTS, book_of, within
from .fact import read
from .gathering import is_tainted, question, size, understood
from .memory import Memory

BACKOFF = Backoff(first=30.0, limit=3600.0)
IDLE = 900.0  # s of silence after which a session is read although little was said
CHUNK = 40  # exchanges of one question
ROOM = 24_000  # characters of one question
ISSUE_AFTER = 5  # failures in a row
KNOWN = 6000  # characters of known facts that the model is told
COUNTED = ("answered", "empty")

Session = dict[str, Any]
"""Of one session: ``channel``; ``until``, the number of the last exchange that was read; ``turns`` since then; ``due``,
when it is read next; ``tries``, the failures in a row; ``agents``, of turns those whose memory is their own."""


class Consolidation:
    """One session after the other. Only of those who run nanobot: strangers do not spend their money."""

    def __init__(self, entry: Entry, memory: Memory) -> None:
        self.entry = entry
        self.hub = entry.hub
        self.memory = memory
        self.idle = IDLE
        self.backoff = BACKOFF
        self._store = entry.store("sessions")
        self._sessions: dict[str, Session] = {}
        self._wake = asyncio.Event()
        self._looks_at = math.inf
        """When the next session is due, as far as is known; there may be thousands that are not."""
        self._config: Mapping[str, Any] = entry.config

    async def open(self) -> None:
        """Go on where it was."""
        self._sessions = (await self._store.load() or {}).get("sessions", {})
        self.entry.listen("turn_finished", self._finished)
        self.entry.listen("session_compacted", self._compacted)
        self.entry.run(self._work, name="consolidation")

    def configure(self, config: Mapping[str, Any]) -> None:
        """Take over a configuration."""
        self._config = config
        self._wake.set()

    def waiting(self) -> list[dict[str, Any]]:
        """The sessions that have something to read, for people. JSON-able."""
        return [
            {"session": name, "turns": one["turns"], "due": one["due"], "tries": one["tries"]}
            for name, one in self._sessions.items()
            if one["due"] is not None
        ]

    # -- being told -----------------------------------------------------------------------------

    def _finished(self, event: Event) -> None:
        data = event.data
        if data.get("outcome") not in COUNTED or not data.get("owner") or not self._config["consolidate"]:
            return
        one = self._sessions.setdefault(
            str(data["session"]),
            {"channel": data["channel"], "until": None, "first": data["turn"], "turns": 0, "due": None, "tries": 0},
        )
        one["turns"] += 1
        if agent := self.memory.own_of(data.get("agent", "")):
            one.setdefault("agents", {})[data["turn"]] = agent
        if not one["tries"]:
            one["due"] = self._due(one)
        self._changed(one)

    def _compacted(self, event: Event) -> None:
        one = self._sessions.get(str(event.data.get("session")))
        if one is not None and one["turns"] and not one["tries"]:
            one["due"] = self.hub.clock.time()
            self._changed(one)

    def _due(self, one: Session) -> float | None:
        if not one["turns"]:
            return None
        now = self.hub.clock.time()
        return now if one["turns"] >= self._config["after"] else now + self.idle

    # -- the work -------------------------------------------------------------------------------

    async def _work(self) -> None:
        self.entry.beat()
        while True:
            self._wake.clear()
            now = self.hub.clock.time()
            due = {name: one["due"] for name, one in self._sessions.items() if one["due"] is not None}
            ready = [name for name, at in due.items() if at <= now] if self._config["consolidate"] else []
            for name in ready:
                await self._try(name)
            if ready:
                continue
            wait = min(due.values(), default=None) if self._config["consolidate"] else None
            self._looks_at = math.inf if wait is None else wait
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(None if wait is None else max(0.0, wait - now)):
                    await self._wake.wait()

    async def _try(self, name: str) -> None:
        one = self._sessions[name]
        turns = one["turns"]
        try:
            await self._read(name, one)
        except NanobotError as error:
            one["tries"] += 1
            one["due"] = self.hub.clock.time() + self.backoff.delay(one["tries"])
            why = self.hub.scrubber.scrub(str(error)).rstrip(".")
            if one["tries"] == 1:
                self.entry.log.warning("what was said in %s is read again later: %s", name, why)
            if one["tries"] == ISSUE_AFTER:
                self.entry.issue("behind", severity=Severity.WARNING, session=name, error=why)
        else:
            one.update(tries=0, turns=one["turns"] - turns)
            one["due"] = self._due(one)
            self.entry.resolve("behind")
        self._save()

    async def _read(self, name: str, one: Session) -> None:
        """Read what is new in a session, piece by piece. Raises ``NanobotError``; what was read before stays read."""
        database = self.hub.conversations.database
        if one["until"] is None:
            one["until"] = max(0, await database.read(seq_of(name, one["first"])) - 1)
        while True:
            found = await database.read(finished(name, one["until"], CHUNK))
            if not found:
                return
            # a failure in the midst of a piece: what was found before it is not looked for again
            begun = one.setdefault("begun", {"end": _fitting(found)[-1].seq, "read": []})
            chunk = [exchange for exchange in found if exchange.seq <= begun["end"]]
            agents = one.get("agents", {})
            groups: dict[tuple[str, bool, str], list[Exchange]] = {}
            for exchange in chunk:
                if exchange.owner and exchange.sender:
                    of = (exchange.sender, is_tainted(exchange), agents.get(exchange.id, ""))
                    groups.setdefault(of, []).append(exchange)
            senders = list(dict.fromkeys(sender for sender, *_ in groups))
            for (sender, tainted, agent), some in sorted(
                groups.items(), key=lambda group: (senders.index(group[0][0]), group[0][1])
            ):
                this = [sender, tainted, *([agent] if agent else [])]
                if this not in begun["read"]:
                    person = self._person(name, one["channel"], sender)
                    await self._gather(name, person, some, agent=agent, unverified=tainted)
                    begun["read"].append(this)
            for exchange in chunk:
                agents.pop(exchange.id, None)
            one["until"] = begun["end"]
            del one["begun"]
            self._save()

    def _person(self, session: str, channel: str, sender: str) -> str:
        people = self.hub.config.people
        shared = session.removeprefix("person:")  # one session of a person on all channels
        if shared != session and shared in people.by_name and people.by_name[shared].share_session:
            return shared
        return people.of(channel, sender)

    async def _gather(
        self, session: str, person: str, exchanges: Sequence[Exchange], *, agent: str, unverified: bool
    ) -> None:
        book = book_of(person, agent)
        text = await in_thread(self.memory.books.text, within(book, FACTS))
        known = [fact for line in text.split("\n") if (fact := read(line)) is not None]
        told = "\n".join(f"[{fact.id}] {fact.text}" for fact in known)[-KNOWN:]
        asked = question(exchanges, told, str(self.hub.clock.now().date()))
        scrub = self.hub.scrubber.scrub
        request = Request([replace(message, content=scrub(message.content)) for message in asked])
        gathered = understood(await self._ask(request, Spender(person=person, session=session, origin="memory")))
        facts = [
            self.memory.fact(
                text, source=person, message=exchanges[-1].id or "", confidence=confidence, unverified=unverified
            )
            for text, confidence in gathered.facts
        ]
        history = f"(unverified) {gathered.history}" if unverified and gathered.history else gathered.history
        # what strangers said takes nothing away from what the person told
        replaced = () if unverified else gathered.replaced
        await self.memory.add(book, facts, by="memory", history=history, replaced=replaced)

    async def _ask(self, request: Request, spender: Spender) -> str:
        said: list[str] = []
        asking = Asking(self.hub, self._config.get("model"))
        async with contextlib.aclosing(asking.stream(request, spender)) as deltas:
            async for delta in deltas:
                if isinstance(delta, Again):
                    said.clear()
                else:
                    said.append(delta.text)
        return "".join(said)

    def _save(self) -> None:
        self._store.save(lambda: {"sessions": self._sessions})

    def _changed(self, one: Session) -> None:
        self._save()
        if one["due"] is not None and one["due"] < self._looks_at:
            self._wake.set()


def _fitting(exchanges: Sequence[Exchange]) -> list[Exchange]:
    """As many of the first ones as one question has room for, at least one."""
    room = ROOM
    found: list[Exchange] = []
    for exchange in exchanges:
        room -= size(exchange)
        if room < 0 and found:
            break
        found.append(exchange)
    return found
