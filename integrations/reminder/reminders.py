"""What people want to be reminded of: kept on disk, shown as states, said in the chat when it is time."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import asdict, dataclass
from datetime import datetime, time, timedelta
from typing import Any

from nanobot.contracts.service import ServiceCall
from nanobot.errors import InvalidServiceData, ServiceError
from nanobot.hub.entry import Entry
from nanobot.hub.hub import Hub
from nanobot.util.ids import short_id
from nanobot.util.text import slugify
from nanobot.util.translate import translate

LATE = 60.0  # s; a reminder that comes later than that says so
LONGEST_WAIT = 60.0  # s; then the clock is looked at again, in case it was set or the machine slept
MOST = 1000  # reminders at a time
SLUG_LENGTH = 40


@dataclass(frozen=True, slots=True)
class Reminder:
    """``due`` is in seconds since the epoch: what the clock on the wall shows then was settled when it was set."""

    id: str
    text: str
    due: float
    channel: str | None = None
    chat: str | None = None
    thread: str | None = None
    session: str | None = None
    language: str | None = None


class Reminders:
    """All of one hub."""

    def __init__(self, hub: Hub, entry: Entry) -> None:
        self._hub = hub
        self._entry = entry
        self._store = entry.store()
        self._pending: dict[str, tuple[Reminder, Entry, str]] = {}
        self._changed = asyncio.Event()

    async def open(self) -> None:
        """Take up those of before."""
        data = await self._store.load() or {}
        for kept in data.get("reminders", ()):
            self._add(Reminder(**kept))

    async def keep(self) -> None:
        """Say each one when it is due, for ever. One that cannot be handed over is tried again by whoever runs this."""
        while True:
            self._changed.clear()
            now = self._hub.clock.time()
            for reminder in self._in_order():
                if reminder.due <= now + 0.01:
                    await self._say(reminder)
            await self._wait()

    # -- the services ---------------------------------------------------------------------------

    async def set(self, call: ServiceCall) -> dict[str, Any]:
        """``reminder.set``: on disk before it is confirmed. The same ``id`` again changes nothing."""
        data = call.data
        if data.get("id") in self._pending:
            known, _, entity_id = self._pending[data["id"]]
            return {**self._shown(known), "entity_id": entity_id}
        now = self._hub.clock.now()
        if len(self._pending) >= MOST:
            raise ServiceError(f"there are already {MOST} reminders; cancel some first")
        if "in" in data:
            due = now.timestamp() + data["in"].total_seconds()
        elif "at" in data:
            due = moment(data["at"], now).timestamp()
        else:
            raise InvalidServiceData("reminder.set needs 'at' (a time) or 'in' (how long from now)")
        if due < now.timestamp() - 1:
            raise InvalidServiceData(f"reminder.set: {data.get('at', 'that')} is in the past")
        where = {key: data.get(key) for key in ("channel", "chat", "thread", "session", "language")}
        if bool(where["channel"]) != bool(where["chat"]):
            raise InvalidServiceData("reminder.set needs 'channel' and 'chat' together")
        reminder = Reminder(data.get("id") or short_id(), data["text"].strip(), due, **where)
        entity_id = self._add(reminder)
        await self._save()
        self._changed.set()
        return {**self._shown(reminder), "entity_id": entity_id}

    async def cancel(self, call: ServiceCall) -> None:
        """``reminder.cancel``: ids, entity ids, or "all"."""
        given = call.data["id"]
        wanted = [given] if isinstance(given, str) else list(given)
        if wanted == ["all"]:
            wanted = list(self._pending)
        by_entity = {entity_id: reminder.id for reminder, _, entity_id in self._pending.values()}
        for one in wanted:
            found = by_entity.get(one, one)
            if found not in self._pending:
                raise InvalidServiceData(f"there is no reminder '{one}'")
            await self._remove(found)
        await self._save()

    def listed(self, call: ServiceCall) -> dict[str, Any]:
        """``reminder.list``: the next one first; ``channel``, ``chat`` and ``session`` narrow it down."""
        wanted = call.data.items()
        return {
            "reminders": [
                self._shown(reminder)
                for reminder in self._in_order()
                if all(getattr(reminder, key) == value for key, value in wanted)
            ]
        }

    # -- inside ---------------------------------------------------------------------------------

    def _in_order(self) -> list[Reminder]:
        return sorted((reminder for reminder, _, _ in self._pending.values()), key=lambda reminder: reminder.due)

    def _shown(self, reminder: Reminder) -> dict[str, Any]:
        due = datetime.fromtimestamp(reminder.due, self._hub.clock.zone).isoformat(timespec="seconds")
        return {**{key: value for key, value in asdict(reminder).items() if value is not None}, "due": due}

    def _add(self, reminder: Reminder) -> str:
        part = self._entry.part(reminder.id)
        base = slugify(reminder.text)[:SLUG_LENGTH].strip("_") or "reminder"
        entity_id, number = f"reminder.{base}", 1
        while entity_id in self._hub.states:
            number += 1
            entity_id = f"reminder.{base}_{number}"
        shown = self._shown(reminder)
        attributes = {key: shown.get(key) for key in ("id", "text", "channel", "chat", "session")}
        part.set_state(entity_id, shown["due"], {"friendly_name": reminder.text, **attributes})
        self._pending[reminder.id] = (reminder, part, entity_id)
        return entity_id

    async def _remove(self, reminder_id: str) -> None:
        _, part, _ = self._pending.pop(reminder_id)
        await part.release()

    async def _say(self, reminder: Reminder) -> None:
        """The message is on disk in the outbox before the reminder is forgotten: said once, or twice after a crash."""
        if reminder.channel and reminder.chat:
            await self._hub.conversations.send(
                reminder.channel,
                reminder.chat,
                self._words(reminder),
                thread=reminder.thread,
                session=reminder.session,
            )
        self._hub.bus.fire("reminder_due", self._shown(reminder))
        await self._remove(reminder.id)
        await self._save()

    def _words(self, reminder: Reminder) -> str:
        language = reminder.language or self._hub.language
        due = datetime.fromtimestamp(reminder.due, self._hub.clock.zone)
        now = self._hub.clock.now()
        key = "late" if now.timestamp() - reminder.due > LATE else "due"
        when = f"{due:%H:%M}" if due.date() == now.date() else f"{due:%Y-%m-%d %H:%M}"
        return translate(f"component.reminder.chat.{key}", language, text=reminder.text, when=when)

    async def _wait(self) -> None:
        """Until the next one is due, or there is another one."""
        waiting = self._in_order()
        wait = LONGEST_WAIT
        if waiting:
            wait = min(max(waiting[0].due - self._hub.clock.time(), 0.0), LONGEST_WAIT)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(wait):
                await self._changed.wait()

    async def _save(self) -> None:
        self._store.save(self._document)
        await self._store.flush()

    def _document(self) -> dict[str, Any]:
        return {"reminders": [asdict(reminder) for reminder, _, _ in self._pending.values()]}


def moment(text: str, now: datetime) -> datetime:
    """A date and time, with or without an offset, or a time of day: the next one. Raises ``InvalidServiceData``.

    A time without offset is what the clock on the wall shows. One that a change to summer time leaves out is
    taken an hour later.
    """
    text = text.strip()
    try:
        of_day = time.fromisoformat(text if text[1:2] != ":" else f"0{text}")
    except ValueError:
        of_day = None
    if of_day is not None:
        at = datetime.combine(now.date(), of_day, now.tzinfo)
        return at if at > now else datetime.combine(now.date() + timedelta(days=1), of_day, now.tzinfo)
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise InvalidServiceData(f"'{text}' is not a time; write it like '18:30' or '2025-12-24 18:30'") from None
    return at if at.tzinfo else at.replace(tzinfo=now.tzinfo)
