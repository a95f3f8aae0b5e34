"""A session of the older nanobot as lines of an export, which ``conversations.restore`` gives to the database."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import PurePosixPath
from typing import Any

from nanobot.conversations.message import LONGEST_TEXT, session_of
from nanobot.util.dt import iso
from nanobot.util.ids import ulid_of
from nanobot.util.text import cut_in_the_middle, one_line

LONGEST_KEY = 200  # characters
LATEST = 4_102_444_800.0  # s; the year 2100
_TOPIC = re.compile(r"telegram:(-?\d+):topic:(\d+)")
_PLACE = re.compile(r"([a-z0-9_]+):([^:\s]+)")
_NOT_SAID = re.compile(r"(?i)hidden|runtime_context")
_COMMAND = "_command"
_CONTEXT = re.compile(r"\[Runtime Context[^\]\n]*\].*?(?:\n\n|\Z)", re.DOTALL)
"""What some releases put before the words of a person: the time, the channel and the chat."""
_OUR_CHANNELS = {"cli": "console", "telegram": "telegram"}
TERMINAL, AT_THE_TERMINAL = "terminal", "owner"
"""The chat of the first terminal, and who sits there."""


@dataclass(slots=True)
class Picture:
    """A file that came with a message: where it lay, and the attachment that it becomes."""

    source: str
    attachment: dict[str, Any]


@dataclass(slots=True)
class Talk:
    """``lines`` as ``archive.said`` yields them. ``last``: when something was said last, as the file has it."""

    key: str
    session: str
    lines: list[dict[str, Any]] = field(default_factory=list)
    messages: int = 0
    last: str = ""
    wanted: list[tuple[dict[str, Any], str]] = field(default_factory=list)
    """Lines that came with a file, and the path of that."""


@dataclass(slots=True)
class _Turn:
    user: dict[str, Any] | None
    rest: list[dict[str, Any]] = field(default_factory=list)


def read(rows: Iterable[tuple[int, dict[str, Any]]], stem: str, owners: Collection[str]) -> Talk:
    """A whole file; ``stem`` is its name, for those that do not tell which session they are. ``owners``: senders of
    Telegram who run nanobot."""
    head: Mapping[str, Any] = {}
    said: list[dict[str, Any]] = []
    for _, row in rows:
        kind = row.get("_type")
        if kind == "metadata":
            head = row
        elif kind is None and "type" not in row and isinstance(row.get("role"), str):  # ours have a type
            said.append(row)
    key = head.get("key")
    key = key if isinstance(key, str) and key.strip() else key_of(stem)
    talk = Talk(key, session_named(key))
    writer = _Writer(talk, owners)
    metadata = head.get("metadata")
    until = head.get("last_archived", head.get("last_consolidated"))
    begin: dict[str, Any] = {"type": "session", "session": talk.session}
    talk.lines.append(begin)
    for turn in _turns(said):
        writer.turn(turn)
    summary = _summary(metadata if isinstance(metadata, Mapping) else {})
    if summary:
        begin |= {"summary": summary, "summary_private": True}
        if isinstance(until, int) and (found := writer.before(said[: max(0, until)])):
            begin["summary_until"] = found
    talk.last = iso(writer.at) if writer.at else ""
    return talk


def key_of(stem: str) -> str:
    """What a file is called tells its session: in base64, or with ``_`` for the first ``:``."""
    try:
        found = base64.urlsafe_b64decode(stem + "=" * (-len(stem) % 4)).decode()
        if ":" in found and found.isprintable():
            return found
    except (binascii.Error, UnicodeDecodeError, ValueError):
        pass
    return stem.replace("_", ":", 1)


def session_named(key: str) -> str:
    """The session here in which somebody goes on who writes from the same chat."""
    if topic := _TOPIC.fullmatch(key):
        return session_of("telegram", topic[1], topic[2])
    place = _PLACE.fullmatch(key)
    if place is not None and place[1] in _OUR_CHANNELS:
        chat = TERMINAL if key == "cli:direct" else place[2]
        return session_of(_OUR_CHANNELS[place[1]], chat)
    return one_line(key, LONGEST_KEY)


def text_of(content: Any) -> str:
    """A text, or the texts of a list of blocks."""
    if isinstance(content, str):
        return content
    parts = []
    for block in content if isinstance(content, list) else ():
        if isinstance(block, str):
            parts.append(block)
        elif isinstance(block, dict) and isinstance(block.get("text"), str):
            parts.append(block["text"])
    return "\n".join(parts)


# -- inside ---------------------------------------------------------------------------------------


def _summary(metadata: Mapping[str, Any]) -> str:
    last = metadata.get("_last_summary")
    text = last.get("text") if isinstance(last, Mapping) else None
    return text.strip() if isinstance(text, str) else ""


def _turns(rows: Iterable[dict[str, Any]]) -> Iterator[_Turn]:
    """What belongs together: a message, and what was done and said up to the next one."""
    turn = _Turn(None)
    for row in rows:
        if row.get(_COMMAND) or any(value and _NOT_SAID.search(name) for name, value in row.items()):
            continue
        if row["role"] == "user":
            text = text_of(row.get("content"))
            if text and not _own_words(text):
                continue
            yield turn
            inner = row.get("injected_event") or row.get("subagent_task_id")
            turn = _Turn(None if inner else row)
        elif row["role"] in ("assistant", "tool"):
            turn.rest.append(row)
    yield turn


class _Writer:
    """Writes turns; each line is later than the one before it, and each id depends on what was said and when."""

    def __init__(self, talk: Talk, owners: Collection[str]) -> None:
        self.talk = talk
        self.at = 0.0
        self._seen: Counter[str] = Counter()
        self._ids: dict[int, str] = {}
        place = _PLACE.match(talk.key)
        self._channel, self._chat = (place[1], place[2]) if place else ("", "")
        self._group = self._channel == "telegram" and self._chat.startswith("-")
        self._owners = owners

    def before(self, rows: Iterable[dict[str, Any]]) -> str | None:
        """The id of the last message among these."""
        return next((self._ids[id(row)] for row in reversed(list(rows)) if id(row) in self._ids), None)

    def turn(self, turn: _Turn) -> None:
        """A message with its steps and its answer."""
        plain = [row for row in turn.rest if self._is_answer(row, turn.rest)]
        last = next((row for row in reversed(plain) if not row.get("_channel_delivery")), None)
        asked = None if turn.user is None else self._message(turn.user, answered=last is not None)
        results = {_answered(row) for row in turn.rest}
        open_calls: set[str] = set()
        for row in turn.rest:
            if any(row is one for one in plain):
                self._said(row, asked if row is last else None)
            elif asked is not None and row["role"] == "assistant":
                calls = [call for call in _calls(row) if call["id"] in results]
                open_calls |= {call["id"] for call in calls}
                if calls:
                    self._step(row, asked, tool_calls=calls)
            elif asked is not None and (id_ := _answered(row)) in open_calls:
                open_calls.discard(id_)
                self._step(row, asked, tool_call_id=id_)

    def _is_answer(self, row: dict[str, Any], rest: list[dict[str, Any]]) -> bool:
        """Whether it was shown to a person; a call that never came to a result is none any more."""
        if row["role"] != "assistant" or not text_of(row.get("content")).strip():
            return False
        calls = {call["id"] for call in _calls(row)}
        return not any(_answered(other) in calls for other in rest)

    def _message(self, row: dict[str, Any], *, answered: bool) -> str:
        sender = row.get("sender_id")
        sender = str(sender) if isinstance(sender, str | int) else "" if self._group else self._chat
        if self._channel == "cli":
            sender = AT_THE_TERMINAL
        line = self._line(row, "message")
        line |= {"role": "user", "sender": sender, "sender_name": None}
        line["outcome"] = "answered" if answered else "empty"
        if self._channel == "cli" or (self._channel == "telegram" and sender.partition("|")[0] in self._owners):
            line["owner"] = True
        if self._group:
            line["group"] = True
        media = row.get("media")
        for path in media if isinstance(media, list) else ():
            if isinstance(path, str):
                self.talk.wanted.append((line, path))
        self._ids[id(row)] = line["id"]
        self.talk.messages += 1
        return str(line["id"])

    def _said(self, row: dict[str, Any], turn: str | None) -> None:
        line = self._line(row, "message")
        line |= {"role": "assistant", "turn": turn, "state": "sent"}
        self.talk.messages += 1

    def _step(self, row: dict[str, Any], turn: str, **more: Any) -> None:
        line = self._line(row, "step")
        line |= {"role": row["role"], "turn": turn, **more}

    def _line(self, row: dict[str, Any], kind: str) -> dict[str, Any]:
        text = text_of(row.get("content"))
        text = cut_in_the_middle(_own_words(text) if row["role"] == "user" else text, LONGEST_TEXT)
        self.at = max(_moment(row.get("timestamp")) or self.at, self.at + 0.000_002)
        line: dict[str, Any] = {"type": kind, "time": iso(self.at), "text": text}
        if kind == "message":
            what = json.dumps([self.talk.key, row.get("timestamp"), row["role"], text], default=str)
            self._seen[what] += 1
            digest = hashlib.sha256(f"{what}{self._seen[what]}".encode("utf-8", "replace")).digest()
            line["id"] = ulid_of(self.at, digest)
        self.talk.lines.append(line)
        return line


def _own_words(text: str) -> str:
    found = _CONTEXT.match(text)
    return text[found.end() :] if found else text


def _answered(row: Mapping[str, Any]) -> str:
    """The id of the call whose result this is; "" where it is none."""
    id_ = row.get("tool_call_id")
    return id_ if row["role"] == "tool" and isinstance(id_, str) else ""


def _calls(row: Mapping[str, Any]) -> list[dict[str, str]]:
    found = []
    calls = row.get("tool_calls")
    for call in calls if isinstance(calls, list) else ():
        function = call.get("function") if isinstance(call, dict) else None
        if not isinstance(function, dict) or not isinstance(call.get("id"), str) or not call["id"]:
            continue
        arguments = function.get("arguments")
        if not isinstance(arguments, str):
            arguments = json.dumps(arguments if arguments is not None else {})
        if isinstance(function.get("name"), str):
            found.append({"id": call["id"], "name": function["name"], "arguments": arguments})
    return found


def _moment(written: Any) -> float | None:
    """Seconds since the epoch; a time without a zone is that of this machine."""
    try:
        if isinstance(written, int | float) and not isinstance(written, bool):
            moment = float(written) / (1000 if written > 1e11 else 1)
        else:
            moment = datetime.fromisoformat(str(written)).timestamp()
    except (ValueError, OverflowError, OSError):
        return None
    return moment if 0 < moment < LATEST else None


def name_of(path: str) -> str:
    """What a file was called."""
    return PurePosixPath(path.replace("\\", "/")).name
