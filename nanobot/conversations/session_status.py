"""What /status tells of the conversation itself: who answers, how full its window is, and what it took."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson

from nanobot.conversations.transcript import TURN_OUTCOMES
from nanobot.util.translate import translate

if TYPE_CHECKING:
    from nanobot.hub.hub import Hub

_MESSAGES = """
SELECT outcome, COUNT(*) FROM inbox
WHERE session = ?1 AND seq > (SELECT COALESCE(MAX(seq), 0) FROM inbox WHERE session = ?1 AND outcome = 'new')
GROUP BY outcome
"""
_TAKEN = """
SELECT SUM(json_extract(trace, '$.tokens')), SUM(json_extract(trace, '$.cost')) FROM traces WHERE session = ?
"""
_LAST = "SELECT trace FROM traces WHERE session = ? ORDER BY at DESC LIMIT 1"


@dataclass(frozen=True, slots=True)
class Figures:
    """``messages`` since it began anew; ``tokens`` and ``cost`` (US dollars, None: nobody knows) of all turns that are
    on disk; ``last``: the trace of the last one."""

    messages: int
    tokens: int
    cost: float | None
    last: Mapping[str, Any] | None


def figures_of(session: str) -> Callable[[sqlite3.Connection], Figures]:
    """As work for a reader."""

    def work(connection: sqlite3.Connection) -> Figures:
        found = connection.execute(_MESSAGES, (session,))
        messages = sum(count for outcome, count in found if outcome in TURN_OUTCOMES)
        tokens, cost = connection.execute(_TAKEN, (session,)).fetchone()
        last = connection.execute(_LAST, (session,)).fetchone()
        return Figures(messages, tokens or 0, cost, orjson.loads(last[0]) if last else None)

    return work


async def about_session(hub: Hub, session: str, language: str) -> list[str]:
    """Lines for a person. Raises ``StorageError``."""
    conversations = hub.conversations
    figures = await conversations.database.read(figures_of(session))
    note = await conversations.notes.of(session)
    waiting = conversations.sessions.waiting_in(session)

    def say(key: str, **values: object) -> str:
        return translate(f"chat.status.{key}", language, **values)

    lines = [say("session", session=session, messages=figures.messages, waiting=waiting)]
    asked = [one for one in (figures.last or {}).get("models", ()) if not one["failed"]]
    model = note.model or (asked[-1].get("model") if asked else None)
    if (agent := conversations.workers.agent_of(session)) is not None:
        lines.append(say("answers_with" if model else "answers", agent=agent.name, model=model))
    if asked:
        used, window = asked[-1]["prompt"] + asked[-1]["completion"], _window(hub, asked[-1].get("model"))
        lines.append(say("window" if window else "no_window", used=used, window=window))
    if figures.tokens:
        key = "taken" if figures.cost is None else "taken_for"
        lines.append(say(key, tokens=figures.tokens, cost=f"{figures.cost or 0:.4f}"))
    return lines


def _window(hub: Hub, model: str | None) -> int | None:
    found = hub.models.get(model) if model else None
    return None if found is None else found.context_window
