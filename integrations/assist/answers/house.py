"""The house itself: the time, what runs, what failed and why, reloading."""

from __future__ import annotations

from nanobot.hub.entry import Entry, EntryState

from ..ask import Answer, Ask

WELL = (EntryState.LOADED, EntryState.STARTING)


def time(ask: Ask) -> Answer:
    """What time is it?"""
    return ask.say("time", time=f"{ask.now:%H:%M}")


def date(ask: Ask) -> Answer:
    """What day is it?"""
    return ask.say("date", date=ask.say.date(ask.now))


def running(ask: Ask) -> Answer:
    """What is running?"""
    entries = [entry for entry in ask.hub.entries.values() if entry.id != "nanobot"]
    well = [entry.id for entry in entries if entry.state in WELL]
    ill = [entry for entry in entries if entry.state not in WELL]
    lines = [ask.say("running" if well else "running_nothing", names=ask.say.listed(well, 30))]
    lines += [entry_line(ask, entry) for entry in ill]
    if not ill and not len(ask.hub.issues):
        lines.append(ask.say("all_well"))
    elif len(ask.hub.issues):
        lines.append(ask.say("open_issues", count=len(ask.hub.issues)))
    return "\n".join(lines)


def entry_state(ask: Ask) -> Answer:
    """How is telegram?"""
    entry = ask.hub.entries.get(str(ask.slots.get("entry", "")))
    return ask.say("gone") if entry is None else entry_line(ask, entry)


def entry_line(ask: Ask, entry: Entry) -> str:
    """One sentence on an integration: its state, and why if it is not well."""
    since = ask.say.duration(max(ask.hub.clock.time() - entry.since, 0))
    key = entry.state.value if entry.error or entry.state in (*WELL, EntryState.STOPPED) else "failed_unknown"
    return ask.say(f"entry_{key}", name=entry.id, since=since, error=_sentence(entry.error))


def failed(ask: Ask) -> Answer:
    """What failed and why?"""
    name = ask.slots.get("entry")
    entries = [entry for entry in ask.hub.entries.values() if name is None or entry.id == name]
    lines = [entry_line(ask, entry) for entry in entries if entry.state not in (*WELL, EntryState.STOPPED)]
    told = " ".join(lines)
    for issue in ask.hub.issues:
        if name is None or issue.entry == name:
            text = issue.text(ask.say.language)
            if text not in told:
                lines.append(text)
    if ask.hub.recovery and name is None:
        lines.insert(0, ask.say("recovery", reason=_sentence(ask.hub.recovery)))
    if lines:
        return lines[0] if len(lines) == 1 else ask.say.bullets(lines[:15])
    if name is not None:
        return entry_line(ask, ask.hub.entries[str(name)])
    return ask.say("nothing_failed")


async def reload(ask: Ask) -> Answer:
    """Read the configuration again, or restart one integration."""
    name = ask.slots.get("entry")
    if name is not None:
        told = await ask.fetch("nanobot.reload", {"entry": str(name)})
        if told.get("reason"):
            return ask.say("reload_goes_on")
        entry = ask.hub.entries.get(str(name))
        return ask.say("gone") if entry is None else ask.say("reloaded_entry") + " " + entry_line(ask, entry)
    if not ask.has("nanobot.reload_all"):
        return ask.say("cannot_here")
    told = await ask.fetch("nanobot.reload_all", {})
    if told.get("reason"):
        return ask.say("reload_goes_on")
    changes = [
        ask.say(f"reloaded_{kind}", names=ask.say.listed(map(str, told.get(kind, ())), 10))
        for kind in ("added", "changed", "removed")
        if told.get(kind)
    ]
    problems = [str(p.get("text", p)) if isinstance(p, dict) else str(p) for p in told.get("problems", ())]
    lines = [" ".join(changes) if changes else ask.say("reloaded_nothing")]
    if problems:
        lines.append(ask.say("reload_problems", count=len(problems)))
        lines.append(ask.say.bullets(problems[:10]))
    return "\n".join(lines)


def _sentence(text: str | None) -> str:
    """Ready to stand behind a colon, with one full stop at the end."""
    return (text or "").strip().rstrip(".")
