"""Reminders: set one, ask for what is missing, list and cancel."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from ..ask import Answer, Ask, Question
from ..moments import due
from ..world import plain


async def remind(ask: Ask) -> Answer:
    """Both what and when are known."""
    if not ask.has("reminder.set"):
        return ask.say("cannot_here")
    text = str(ask.slots.get("text", "")).strip()
    at = due(ask.slots, ask.now)
    if at is None:
        return ask.say("not_a_time")
    if at < ask.now:
        return ask.say("in_the_past", moment=ask.say.moment(at, ask.now))
    await ask.fetch("reminder.set", {"text": text, "at": at.isoformat(), **ask.place()})
    if "hours" in ask.slots or "minutes" in ask.slots or "seconds" in ask.slots:
        length = ask.say.duration(at.timestamp() - ask.now.timestamp())
        return ask.say("reminder_set_in", length=length, time=ask.say.clock(at), text=text)
    return ask.say("reminder_set", moment=ask.say.moment(at, ask.now), text=text)


def ask_when(ask: Ask) -> Answer:
    """What is known, but not when."""
    return Question(ask.say("remind_when", text=str(ask.slots["text"])), "Remind", ask.slots, wants="when")


def ask_what(ask: Ask) -> Answer:
    """When is known, but not what."""
    return Question(ask.say("remind_what"), "Remind", ask.slots, wants="text")


async def listed(ask: Ask) -> Answer:
    """All that are to come in this chat."""
    reminders = await _here(ask)
    if not reminders:
        return ask.say("no_reminder")
    lines = [f"{_when(ask, reminder)}: {reminder['text']}" for reminder in reminders]
    return ask.say("reminders") + "\n" + ask.say.bullets(lines[:20])


async def cancel(ask: Ask) -> Answer:
    """Forget one or all."""
    reminders = await _here(ask)
    if not reminders:
        return ask.say("no_reminder")
    if ask.slots.get("all"):
        await ask.call("reminder.cancel", {"id": [reminder["id"] for reminder in reminders]})
        return ask.say("reminders_cancelled", count=len(reminders))
    wanted = str(ask.slots.get("text", ""))
    chosen = ask.slots.get("name")
    found = [r for r in reminders if r["id"] == chosen] if chosen else _like(reminders, wanted)
    if not found:
        return ask.say("no_such_reminder", text=wanted)
    if len(found) > 1:
        texts = [str(r["text"]) for r in found]
        labels = [f"{r['text']} ({_when(ask, r)})" if texts.count(r["text"]) > 1 else r["text"] for r in found]
        options = tuple((str(label), str(r["id"])) for label, r in zip(labels, found, strict=True))[:6]
        names = ask.say.listed((ask.say.quoted(name) for name, _ in options), between="or")
        return Question(ask.say("which_reminder", names=names), ask.intent, ask.slots, "name", options)
    await ask.call("reminder.cancel", {"id": found[0]["id"]})
    return ask.say("reminder_cancelled", text=found[0]["text"])


async def _here(ask: Ask) -> list[Mapping[str, Any]]:
    if not ask.has("reminder.list"):
        return []
    told = await ask.fetch("reminder.list", {"channel": ask.turn.channel, "chat": ask.turn.chat})
    return list(told.get("reminders", ()))


def _like(reminders: list[Mapping[str, Any]], wanted: str) -> list[Mapping[str, Any]]:
    """Those whose text has all these words, else those with a similar text. All of them for no text."""
    words = set(plain(wanted).split()) - {"the", "a", "to", "my"}
    if not words:
        return reminders
    found = [reminder for reminder in reminders if words <= set(plain(str(reminder["text"])).split())]
    if found:
        return found
    found = [reminder for reminder in reminders if plain(wanted) in plain(str(reminder["text"]))]
    texts = {plain(str(reminder["text"])): reminder for reminder in reminders}
    if found:
        return found
    import difflib  # seldom needed

    return [texts[text] for text in difflib.get_close_matches(plain(wanted), texts, cutoff=0.6)]


def _when(ask: Ask, reminder: Mapping[str, Any]) -> str:
    moment = datetime.fromisoformat(str(reminder["due"])).astimezone(ask.now.tzinfo)
    return ask.say.moment(moment, ask.now)
