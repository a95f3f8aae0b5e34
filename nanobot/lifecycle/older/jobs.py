"""The jobs of the older nanobot as schedules."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

from nanobot.util.text import one_line, slugify

from .home import Home
from .note import Notes
from .section import Section, snake
from .talk import TERMINAL

FILE, ACTIONS = "cron/jobs.json", "cron/action.jsonl"
SYSTEM = ("dream", "heartbeat")
"""Jobs of its own."""
CHANNELS = {"telegram": "telegram", "cli": "console"}
"""What its channels are called here."""
DAY_MS = 86_400_000
TENS_OF_YEARS_MS = 3650 * DAY_MS
_BRACE = re.compile(r"\{(?=[{%#])")
_ACTIVE = re.compile(r"^##\s+Active Tasks\s*$(.*?)(?=^##\s|\Z)", re.MULTILINE | re.DOTALL | re.IGNORECASE)
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Job:
    """``item`` is a schedule of ours; ``id`` the one it had."""

    id: str
    key: str
    item: dict[str, Any]


def jobs(home: Home, notes: Notes, *, now: float, zone: str | None, here: Callable[[str], bool]) -> list[Job]:
    """All that can still come. ``zone``: the time zone of the older configuration. ``here``: whether there is an
    integration of that name."""
    found: list[Job] = []
    keys: set[str] = set()
    for raw in _all(home, notes):
        section = Section(raw, FILE, notes)
        id_, name = section.text("id") or "", one_line(section.text("name") or "", 80)
        if id_.lower() in SYSTEM:
            continue
        item = _item(section, name or id_, notes, now=now, zone=zone, here=here)
        if item is None:
            continue
        key = slugify(name or id_)
        if key in ("", "unknown"):  # a name in a script that is not spelled in Latin letters
            key = f"job_{slugify(id_)}"
        if key in keys:
            key = f"{key}_{slugify(id_)}"
        while key in keys:
            key += "_2"
        keys.add(key)
        found.append(Job(id_, key, {"alias": name or id_, "description": f"job {one_line(id_, 64)}", **item}))
    return found


def heartbeat(text: str, seconds: float) -> dict[str, Any] | None:
    """A schedule for what stands under "Active Tasks" of HEARTBEAT.md; None where nothing does."""
    found = _ACTIVE.search(text)
    if found is None or not re.search(r"[^\s\-*\[\]]", _COMMENT.sub("", found[1])):
        return None
    prompt = (
        "Read HEARTBEAT.md in the workspace and do what is due of its active tasks. Write to the person with the tool"
        " message where there is something to tell; otherwise answer with nothing but OK."
    )
    every = {"seconds": max(60, int(seconds))}
    return {"alias": "Heartbeat", "description": "job heartbeat", "every": every, "missed": "skip", "ask": prompt}


def literal(text: str) -> str:
    """A template that comes out as the text, whatever stands in it."""
    return _BRACE.sub("{{ '{' }}", text)


# -- inside ---------------------------------------------------------------------------------------


def _all(home: Home, notes: Notes) -> Iterable[Mapping[str, Any]]:
    """The jobs of both places where they were kept, with what was still to be done to them."""
    known: dict[str, dict[str, Any]] = {}
    for folder in dict.fromkeys((home.path, home.workspace)):
        data = home.json(folder, FILE)
        listed = data.get("jobs") if isinstance(data, dict) else data
        if data is not None and not isinstance(listed, list):
            notes.add("wrong_type", where=FILE)
        for job in listed if isinstance(listed, list) else ():
            _keep(known, job)
        for _, action in home.lines(folder, ACTIONS):
            given = action.get("params")
            params: dict[str, Any] = given if isinstance(given, dict) else {}
            gone = params.get("job_id") or params.get("jobId") or params.get("id")
            if action.get("action") == "del":
                known.pop(str(gone), None)
            elif action.get("action") in ("add", "update"):
                _keep(known, params.get("job") if isinstance(params.get("job"), dict) else params)
    return known.values()


def _keep(known: dict[str, dict[str, Any]], job: Any) -> None:
    if isinstance(job, dict):
        id_ = str(job.get("id", f"job{len(known) + 1}"))
        known[id_] = {**known.get(id_, {}), **{snake(name): value for name, value in job.items()}, "id": id_}


def _item(
    section: Section, name: str, notes: Notes, *, now: float, zone: str | None, here: Callable[[str], bool]
) -> dict[str, Any] | None:
    plan, payload, state = section.section("schedule"), section.section("payload"), section.section("state")
    when = _when(plan, section, state, name, notes, now=now, zone=zone)
    message = payload.text("message")
    if when is None:
        return None
    if message is None:
        notes.add("job_empty", name=name)
        return None
    item: dict[str, Any] = dict(when)
    where = _where(payload, name, notes, here)
    item["ask"] = {"prompt": literal(message), **where} if where else literal(message)
    if not section.flag("enabled", True):
        item["initial_state"] = False
    return item


def _when(
    plan: Section, section: Section, state: Section, name: str, notes: Notes, *, now: float, zone: str | None
) -> dict[str, Any] | None:
    kind, own = plan.text("kind"), plan.text("tz")
    if (own or zone) and _zone(own or zone) is None:
        notes.add("no_zone", name=name, zone=own or zone)
        own = zone = None
    named = {"time_zone": own or zone} if own or zone else {}
    place = _zone(own or zone)
    if kind == "cron" and (expression := plan.text("expr")):
        return {"cron": expression, **named, "missed": "skip"}
    if kind == "at" and (at := plan.number("at_ms", 0, 32_503_680_000_000)) is not None:
        if at / 1000 <= now:
            notes.add("job_past", name=name, when=_clock(at, place))
            return None
        return {"at": _clock(at, place), **named}
    if kind == "every" and (every := plan.number("every_ms", 1000, TENS_OF_YEARS_MS)) is not None:
        seconds = int(every) // 1000
        item: dict[str, Any] = {"every": {"seconds": seconds}, **named, "missed": "skip"}
        if DAY_MS % (seconds * 1000):  # counted anew each day, it would come out otherwise
            begin = state.number("next_run_at_ms", 1, 32_503_680_000_000) or section.number(
                "created_at_ms", 1, 32_503_680_000_000
            )
            item["start"] = _clock(begin or now * 1000, place)
        return item
    notes.add("job_no_time", name=name)
    return None


def _where(payload: Section, name: str, notes: Notes, here: Callable[[str], bool]) -> dict[str, Any]:
    """Where the answer goes; nothing where nobody wanted it, or there is no such channel."""
    if "deliver" in payload and not payload.flag("deliver", True):
        return {}
    key = (payload.text("session_key") or "").split(":")
    channel = payload.text("origin_channel") or payload.text("channel") or (key[0] if len(key) > 1 else None)
    chat = payload.text("origin_chat_id") or payload.text("to") or (key[1] if len(key) > 1 else None)
    if channel is None or chat is None:
        return {}
    if channel not in CHANNELS and not here(channel):
        notes.add("job_channel", name=name, channel=channel)
        return {}
    told = payload.section("origin_metadata") or payload.section("channel_meta")
    thread = told.text("message_thread_id") or (key[3] if key[2:3] == ["topic"] and len(key) > 3 else None)
    where = {"channel": CHANNELS.get(channel, channel), "chat": TERMINAL if channel == "cli" else literal(chat)}
    return {**where, "thread": literal(thread)} if thread and channel == "telegram" else where


def _zone(name: str | None) -> tzinfo | None:
    if not name:
        return None
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return None


def _clock(milliseconds: float, zone: tzinfo | None) -> str:
    """Date and time as a clock of that zone shows it; of this machine where there is none."""
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=milliseconds)
    return moment.astimezone(zone).strftime("%Y-%m-%d %H:%M:%S")
