"""Whole sessions, as they lie on disk: which there are, what was said in one, and how to get rid of it.

All of it works on a connection, so that the command line can look without a hub.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import orjson

from nanobot.conversations.deletions import note_deletion
from nanobot.conversations.message import session_of
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
COLUMNS_IN = (
    "received AS at, 0 AS kind, seq, id, text, more, sender, outcome AS state, id AS turn, channel, chat, thread"
)
COLUMNS_OUT = "created AS at, 2, seq, id, text, more, NULL, state, turn, channel, chat, thread"
COLUMNS_STEP = "at, 1, seq, NULL, message, NULL, NULL, NULL, turn, NULL, NULL, NULL"
"""What ``line_of`` takes, of each table."""
_SAID = f"""
SELECT {COLUMNS_IN} FROM inbox WHERE session = ?1
UNION ALL
SELECT {COLUMNS_OUT} FROM outbox WHERE session = ?1
UNION ALL
SELECT {COLUMNS_STEP} FROM steps WHERE turn IN (SELECT id FROM inbox WHERE session = ?1)
ORDER BY at, kind, seq
"""  # noqa: S608 - our own columns


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
    yield head_of(connection, session)
    for row in connection.execute(_SAID, (session,)):
        yield line_of(session, row)


def head_of(connection: sqlite3.Connection, session: str) -> dict[str, Any]:
    """The first line of an export: what was chosen for a session, and the summary of what was said longer ago.

    ``summary_until`` is the id of the last message that it is about; ``summary_private``: not for guests.
    """
    note = note_of(connection, session)
    head: dict[str, Any] = {"type": "session", "session": session}
    head |= {name: value for name, value in (("model", note.model), ("agent", note.agent)) if value}
    if note.summary:
        until = connection.execute(
            "SELECT id FROM inbox WHERE seq = ? AND session = ?", (note.until, session)
        ).fetchone()
        head |= {"summary": note.summary, "summary_until": until and until[0], "summary_private": note.private}
    return head


def line_of(session: str, row: tuple[Any, ...]) -> dict[str, Any]:
    """A row with the columns above as a line of an export. JSON-able."""
    at, kind, _, id_, text, packed, sender, state, turn, channel, chat, thread = row
    line: dict[str, Any] = {"time": iso(at)}
    if kind == 1:
        step = orjson.loads(text)
        line |= {"type": "step", "turn": turn, "role": step["role"], "text": step["content"]}
        if step.get("tool_calls"):
            line["tool_calls"] = [{"id": call[0], "name": call[1], "arguments": call[2]} for call in step["tool_calls"]]
        if step.get("tool_call_id"):
            line["tool_call_id"] = step["tool_call_id"]
        if step.get("files"):
            line["files"] = step["files"]
        return line
    more = orjson.loads(packed) if packed else {}
    if kind == 0:
        line |= {"type": "message", "id": id_, "role": "user", "sender": sender, "text": text}
        line |= {"sender_name": more.get("sender_name"), "outcome": state or "waiting"}
        line |= {name: True for name in ("owner", "group") if more.get(name)}
    else:
        line |= {"type": "message", "id": id_, "role": "assistant", "turn": turn, "text": text, "state": state}
        if more.get("buttons"):
            line["buttons"] = more["buttons"]
        if (cause := more.get("cause")) and cause != turn:
            line["cause"] = cause
    if session_of(channel, chat, thread) != session:
        line |= {"channel": channel, "chat": chat} | ({"thread": thread} if thread else {})
    if more.get("attachments"):
        line["attachments"] = more["attachments"]
    return line


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
    note_deletion(connection, session)
    files: set[str] = set()
    for table in ("inbox", "outbox"):
        statement = f"SELECT more FROM {table} WHERE session = ? AND more IS NOT NULL"  # noqa: S608
        files |= paths_in(connection.execute(statement, (session,)).fetchall())
    steps = "FROM steps WHERE turn IN (SELECT id FROM inbox WHERE session = ?)"
    by_tools = {
        path
        for (step,) in connection.execute(f"SELECT message {steps} AND INSTR(message, '\"files\"')", (session,))
        for path in orjson.loads(step).get("files", ())
    }
    connection.execute(f"DELETE {steps}", (session,))
    for table in ("traces", "sessions", "inbox"):
        connection.execute(f"DELETE FROM {table} WHERE session = ?", (session,))  # noqa: S608
    connection.execute("DELETE FROM outbox WHERE session = ? AND (? OR ended IS NOT NULL)", (session, unsent))
    return files | {path for path in by_tools if not _is_elsewhere(connection, path)}


def _is_elsewhere(connection: sqlite3.Connection, path: str) -> bool:
    """Whether a file that a tool showed is one of another session, too: somebody sent it there."""
    places = (("inbox", "more"), ("outbox", "more"), ("steps", "message"))
    found = (f"SELECT 1 FROM {table} WHERE INSTR({column}, ?) LIMIT 1" for table, column in places)  # noqa: S608
    return any(connection.execute(statement, (path,)).fetchone() for statement in found)
