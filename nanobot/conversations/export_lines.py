"""An export of a session, read and checked line by line."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from nanobot.contracts.model import Message, ToolCall
from nanobot.conversations.packing import whole
from nanobot.errors import NanobotError
from nanobot.util.dt import iso

ROLES = {"user": 0, "assistant": 2}
STEP_ROLES = ("system", "user", "assistant", "tool")
KINDS = ("session", "message", "step", "undone")
FILE = {"path": str, "name": str, "media_type": str, "size_bytes": int}


@dataclass(frozen=True, slots=True)
class Row:
    """A message or a step. ``kind`` as in the archive: 0 came in, 1 is a step, 2 went out."""

    number: int
    at: float
    kind: int
    id: str
    turn: str | None
    line: Mapping[str, Any]


def read(session: str, lines: Iterable[Any]) -> tuple[Mapping[str, Any], list[Row], set[str]]:
    """The last head, the rows in the order of their times, each once, and the ids of messages that were taken back, all
    with the ids that they get in ``session``. Raises ``NanobotError`` with the number of the first wrong line."""
    head: Mapping[str, Any] = {}
    rows: list[Row] = []
    undone: set[str] = set()
    there: set[tuple[int, str]] = set()
    own: Callable[[str], str] = str
    for number, line in enumerate(lines, 1):
        kind = line.get("type") if isinstance(line, Mapping) else None
        if kind not in KINDS:
            raise NanobotError(f"line {number}: is no line of a session; its type is one of: {', '.join(KINDS)}")
        if kind == "session":
            name = text_of(line, "session", number)
            if rows and name != head.get("session", name):
                raise NanobotError(f"line {number}: another session begins here, '{name}'; one file is one session")
            if name != session:
                own = _renamed(session)
            until = text_of(line, "summary_until", number, "")
            head = {**line, "summary_until": own(until) if until else None}
        elif kind == "undone":
            undone.add(own(text_of(line, "id", number)))
        else:
            row = _row(line, number, own)
            if row.kind == 1 or (row.kind, row.id) not in there:
                rows.append(row)
                there.add((row.kind, row.id))
    turns = {row.id for row in rows if row.kind == 0}
    for row in rows:
        if row.kind == 1 and row.turn not in turns:
            raise NanobotError(
                f"line {row.number}: is a step of the turn '{row.line['turn']}', whose message is missing"
            )
    rows.sort(key=lambda row: (row.at, row.kind))
    return head, rows, undone


def _row(line: Mapping[str, Any], number: int, own: Callable[[str], str]) -> Row:
    try:
        moment = datetime.fromisoformat(text_of(line, "time", number))
        at = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError) as error:
        raise NanobotError(f"line {number}: '{line['time']}' is no time; write it like {iso(0)}") from error
    text_of(line, "text", number)
    if line["type"] == "step":
        row = Row(number, at, 1, "", own(text_of(line, "turn", number)), line)
        step_of(row)
        return row
    if (role := text_of(line, "role", number)) not in ROLES:
        raise NanobotError(f"line {number}: the role '{role}' is none of: {', '.join(ROLES)}")
    for file in line.get("attachments") or ():
        if not isinstance(file, Mapping) or not all(
            isinstance(file.get(name, kind()), kind) for name, kind in FILE.items()
        ):
            raise NanobotError(f"line {number}: an attachment has a path, a name, a media_type and size_bytes")
    text_of(line, "sender_name", number, "")
    if not isinstance(line.get("buttons") or [], list):
        raise NanobotError(f"line {number}: 'buttons' is no list")
    owned = {name: own(value) for name in ("turn", "cause") if (value := text_of(line, name, number, ""))}
    return Row(number, at, ROLES[role], own(text_of(line, "id", number)), owned.get("turn"), {**line, **owned})


def step_of(row: Row) -> Message:
    """What an agent or a tool said. Raises ``NanobotError``."""
    try:
        calls = tuple(
            ToolCall(call["id"], call["name"], call["arguments"]) for call in row.line.get("tool_calls") or ()
        )
    except (TypeError, KeyError) as error:
        raise NanobotError(f"line {row.number}: a tool call has an id, a name and arguments") from error
    role = text_of(row.line, "role", row.number)
    if role not in STEP_ROLES:
        raise NanobotError(f"line {row.number}: the role '{role}' is none of: {', '.join(STEP_ROLES)}")
    files = row.line.get("files") or []
    if not isinstance(files, list) or not all(isinstance(path, str) for path in files):
        raise NanobotError(f"line {row.number}: 'files' is no list of paths")
    return Message(
        role,
        text_of(row.line, "text", row.number),
        calls,
        text_of(row.line, "tool_call_id", row.number, "") or None,
        files=tuple(files),
    )


def text_of(line: Mapping[str, Any], name: str, number: int, otherwise: str | None = None) -> Any:
    """One of its texts. Raises ``NanobotError`` where it is none, or is missing and nothing is given ``otherwise``."""
    value = line.get(name)
    if value is None and otherwise is not None:
        return otherwise
    if not isinstance(value, str):
        raise NanobotError(f"line {number}: '{name}' is missing, or is no text")
    return whole(value)


def _renamed(session: str) -> Callable[[str], str]:
    """Ids for a copy, the same ones each time; they sort as the old ones do."""

    def own(id_: str) -> str:
        return id_[:10] + hashlib.sha256(f"{session}\0{id_}".encode()).hexdigest()[:16].upper()

    return own
