"""Whole sessions, as they lie on disk: which there are, what was said in one, and how to get rid of it.

All of it works on a connection, so that the command line can look without a hub.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import orjson

from nanobot.conversations.notes import note_of
from nanobot.conversations.outbox import AT_THE_DOOR
from nanobot.conversations.packing import paths_in
from nanobot.util.dt import iso

_LIST = """
SELECT said.session, COUNT(*), SUM(said.waits), MIN(said.at), MAX(said.at), SUM(said.size),
       (SELECT channel FROM inbox WHERE inbox.session = said.session ORDER BY seq DESC LIMIT 1)
FROM (
    SELECT session, done IS NULL AS waits, received AS at, LENGTH(text) AS size FROM inbox
    UNION ALL
    SELECT session, ended IS NULL, created, LENGTH(text) FROM outbox WHERE session IS NOT NULL AND session != ?
) AS said GROUP BY said.session ORDER BY MAX(said.at) DESC
"""
_SAID = """
SELECT at, kind, seq, id, text, more, sender, state, turn FROM (
    SELECT received AS at, 0 AS kind, seq, id, text, more, sender, outcome AS state, id AS turn
    FROM inbox WHERE session = ?1
    UNION ALL
    SELECT created, 2, seq, id, text, more, NULL, state, turn FROM outbox WHERE session = ?1
    UNION ALL
    SELECT at, 1, seq, NULL, message, NULL, NULL, NULL, turn FROM steps
    WHERE turn IN (SELECT id FROM inbox WHERE session = ?1)
) ORDER BY at, kind, seq
"""


@dataclass(frozen=True, slots=True)
class Summary:
    """A session. ``began`` and ``last`` are seconds since the epoch; ``waiting`` messages are not answered or not sent;
    ``size`` in characters."""

    session: str
    channel: str | None
    messages: int
    waiting: int
    began: float
    last: float
    size: int

    def as_dict(self) -> dict[str, Any]:
        """JSON-able."""
        return {
            "session": self.session,
            "channel": self.channel,
            "messages": self.messages,
            "waiting": self.waiting,
            "began": iso(self.began),
            "last": iso(self.last),
            "size": self.size,
        }


def listed(connection: sqlite3.Connection) -> list[Summary]:
    """All sessions, the one in which something was said last first."""
    rows = connection.execute(_LIST, (AT_THE_DOOR,)).fetchall()
    return [
        Summary(session, channel, messages, waiting, began, last, size)
        for session, messages, waiting, began, last, size, channel in rows
    ]


def said(connection: sqlite3.Connection, session: str) -> Iterator[dict[str, Any]]:
    """All of a session, oldest first, with what happened inside of its turns. Each one is a line of its export."""
    note = note_of(connection, session)
    chosen = {"model": note.model, "agent": note.agent, "summary": note.summary}
    yield {"type": "session", "session": session, **{name: value for name, value in chosen.items() if value}}
    for at, kind, _, id_, text, packed, sender, state, turn in connection.execute(_SAID, (session,)):
        more = orjson.loads(packed) if packed else {}
        files = [{"path": file["path"], "name": file["name"]} for file in more.get("attachments", ())]
        line: dict[str, Any] = {"time": iso(at)}
        if kind == 1:
            step = orjson.loads(text)
            line |= {"type": "step", "turn": turn, "role": step["role"], "text": step["content"]}
            if step.get("tool_calls"):
                line["tool_calls"] = [
                    {"id": call[0], "name": call[1], "arguments": call[2]} for call in step["tool_calls"]
                ]
            if step.get("tool_call_id"):
                line["tool_call_id"] = step["tool_call_id"]
        elif kind == 0:
            line |= {"type": "message", "id": id_, "role": "user", "sender": sender, "text": text}
            line |= {"sender_name": more.get("sender_name"), "outcome": state or "waiting"}
        else:
            line |= {"type": "message", "id": id_, "role": "assistant", "turn": turn, "text": text, "state": state}
        if files:
            line["attachments"] = files
        yield line


def markdown(lines: Iterator[dict[str, Any]]) -> Iterator[str]:
    """The same for people, a block for each line."""
    head = next(lines)
    yield f"# {head['session']}"
    if summary := head.get("summary"):
        yield f"> {summary}".replace("\n", "\n> ")
    for line in lines:
        when = line["time"][:19].replace("T", " ")
        if line["type"] == "step":
            calls = [f"`{call['name']} {call['arguments']}`" for call in line.get("tool_calls", ())]
            text = "\n".join(filter(None, (line["text"], *calls)))
            yield f"*{when} {line['role']}*\n\n{_quoted(text)}"
            continue
        who = "nanobot" if line["role"] == "assistant" else line.get("sender_name") or line["sender"]
        files = [f"[{file['name']}]({file['path']})" for file in line.get("attachments", ())]
        yield "\n\n".join(filter(None, (f"**{who}** · {when}", line["text"], *files)))


def _quoted(text: str) -> str:
    return "\n".join(f"    {line}" for line in text.splitlines())


def deleted(connection: sqlite3.Connection, session: str, *, unsent: bool = False) -> set[str] | None:
    """Delete all of a session, within a transaction. Gives the paths of its files; None where there is none such.

    ``unsent``: also what is still to be sent, which a hub that runs has in hand.
    """
    connection.execute("PRAGMA secure_delete = ON")  # what is gone is overwritten, not only forgotten
    found = connection.execute(
        "SELECT EXISTS (SELECT 1 FROM inbox WHERE session = ?1) OR EXISTS (SELECT 1 FROM outbox WHERE session = ?1)",
        (session,),
    ).fetchone()[0]
    if not found:
        return None
    files: set[str] = set()
    for table in ("inbox", "outbox"):
        statement = f"SELECT more FROM {table} WHERE session = ? AND more IS NOT NULL"  # noqa: S608
        files |= paths_in(connection.execute(statement, (session,)).fetchall())
    connection.execute("DELETE FROM steps WHERE turn IN (SELECT id FROM inbox WHERE session = ?)", (session,))
    for table in ("traces", "sessions", "inbox"):
        connection.execute(f"DELETE FROM {table} WHERE session = ?", (session,))  # noqa: S608
    connection.execute("DELETE FROM outbox WHERE session = ? AND (? OR ended IS NOT NULL)", (session, unsent))
    return files
