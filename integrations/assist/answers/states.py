"""How things are."""

from __future__ import annotations

from datetime import datetime

from nanobot.hub.states import State

from ..ask import Answer, Ask
from .timers import seconds_left

KINDS: dict[str, tuple[str, ...]] = {
    "switch": ("switch", "input_boolean"),
    "light": ("light",),
    "timer": ("timer",),
    "automation": ("automation",),
    "script": ("script",),
    "sensor": ("sensor", "binary_sensor"),
    "number": ("input_number", "number"),
    "select": ("input_select", "select"),
    "counter": ("counter",),
    "text": ("input_text", "text"),
    "cover": ("cover", "binary_sensor", "valve"),
    "lock": ("lock",),
    "fan": ("fan",),
    "person": ("person", "device_tracker"),
    "all": (),
}
"""The domains that people mean by a word; none: everything but what is no thing of theirs."""

OF_THE_HOUSE = frozenset({"integration", "reminder", "conversation", "update", "persistent_notification", "nanobot"})
SETTINGS = frozenset({"automation", "script"})
"""Left out of "what is on": they are on all the time."""


def of_kind(ask: Ask, kind: str) -> list[State]:
    """All things that are called so."""
    domains = KINDS.get(kind, (kind,))
    if domains:
        return [state for domain in domains for state in ask.states(domain)]
    return [state for state in ask.states() if state.domain not in OF_THE_HOUSE]


def state(ask: Ask) -> Answer:
    """What is X?"""
    found = ask.state
    if found is None:
        return ask.say("gone")
    return describe(ask, found)


def describe(ask: Ask, found: State) -> str:
    """One sentence on how a thing is."""
    say = ask.say
    if found.domain == "timer" and found.state in ("active", "paused"):
        return say(f"timer_{found.state}", name=found.name, left=say.duration(seconds_left(ask, found)))
    if found.domain in ("automation", "script") and found.attributes.get("last_triggered"):
        when = _when(ask, found.attributes["last_triggered"])
        if when:
            return say("state_last", name=found.name, state=say.state(found), when=when)
    return say("state", name=found.name, state=say.state(found))


def is_state(ask: Ask) -> Answer:
    """Is X on?"""
    found = ask.state
    if found is None:
        return ask.say("gone")
    wanted = str(ask.slots.get("state") or ask.say.meant(str(ask.slots.get("value", ""))))
    if not wanted:
        return describe(ask, found)
    so = _same(found, wanted) or _same(found, str(ask.slots.get("said", wanted)))
    key = "yes_state" if so else "no_state"
    if found.state in ("unknown", "unavailable") and wanted != found.state:
        key = "state"
    return ask.say(key, name=found.name, state=ask.say.state(found))


def since(ask: Ask) -> Answer:
    """Since when is X so?"""
    found = ask.state
    if found is None:
        return ask.say("gone")
    changed = found.changed_at.astimezone(ask.now.tzinfo)
    return ask.say(
        "since",
        name=found.name,
        state=ask.say.state(found),
        ago=ask.say.ago(changed, ask.now),
        moment=_past(ask, changed.timestamp()),
    )


def which(ask: Ask) -> Answer:
    """Which, how many, any, all, or just a list."""
    kind = str(ask.slots.get("kind", "all"))
    wanted = str(ask.slots.get("state", ""))
    asked = str(ask.slots.get("ask", "which"))
    return _sorted_out(ask, of_kind(ask, kind), kind, wanted, asked)


def packaged(ask: Ask) -> Answer:
    """The packaged question about states: of one thing, or of a domain."""
    wanted = str(ask.slots.get("state", ""))
    if "name" in ask.slots:
        found = ask.state
        if found is not None:
            (ask.matched if _same(found, wanted) else ask.unmatched).append(found)
        return is_state(ask) if wanted else state(ask)
    domain = ask.slots.get("domain", "all")
    kind = str(domain[0] if isinstance(domain, list) else domain)
    things = of_kind(ask, kind)
    device_class = ask.slots.get("device_class")
    if device_class:
        things = [thing for thing in things if thing.attributes.get("device_class") == device_class]
    return _sorted_out(ask, things, kind, wanted, str(ask.slots.get("ask", "which")))


def _sorted_out(ask: Ask, things: list[State], kind: str, wanted: str, asked: str) -> str:
    say = ask.say
    called = say.word("kinds", kind, kind)
    if kind == "all" and asked != "list":
        things = [thing for thing in things if thing.domain not in SETTINGS]
    if not things:
        return say("none_of_kind", kind=called)
    if asked == "list" or not wanted:
        lines = [f"{thing.name}: {say.state(thing)}" for thing in things]
        shown = say.bullets(lines[:25])
        return shown if len(lines) <= 25 else f"{shown}\n{say('more', count=len(lines) - 25)}"
    ask.matched = [thing for thing in things if _same(thing, wanted)]
    ask.unmatched = [thing for thing in things if not _same(thing, wanted)]
    word = say.word("states", wanted, wanted)
    names = say.listed(thing.name for thing in ask.matched)
    if asked == "how_many":
        if not ask.matched:
            return say("none_are", kind=called, state=word)
        return say("how_many", count=len(ask.matched), total=len(things), kind=called, state=word, names=names)
    if asked == "all":
        if not ask.unmatched:
            return say("all_are", kind=called, state=word)
        return say("not_all_are", state=word, names=say.listed(thing.name for thing in ask.unmatched))
    if not ask.matched:
        return say("none_are", kind=called, state=word)
    key = "yes_some_are" if asked == "any" else "these_are"
    return say(key if len(ask.matched) > 1 else f"{key}_one", state=word, names=names)


def _same(thing: State, wanted: str) -> bool:
    now, wanted = thing.state.casefold(), wanted.casefold().strip()
    if now == wanted:
        return True
    if wanted == "active" and thing.domain != "timer":
        return now == "on"
    if thing.domain == "binary_sensor" and wanted in ("open", "closed"):
        return now == ("on" if wanted == "open" else "off")
    try:
        return float(now) == float(wanted.split()[0].rstrip("%°").replace(",", "."))
    except (ValueError, IndexError):
        return False


def _when(ask: Ask, iso_time: object) -> str | None:
    try:
        moment = datetime.fromisoformat(str(iso_time))
    except ValueError:
        return None
    return _past(ask, moment.timestamp())


def _past(ask: Ask, timestamp: float) -> str:
    moment = datetime.fromtimestamp(timestamp, ask.now.tzinfo).replace(microsecond=0)
    days = (ask.now.date() - moment.date()).days
    time = f"{moment:%H:%M}"
    if days == 0:
        return ask.say("today_at", time=time)
    if days == 1:
        return ask.say("yesterday_at", time=time)
    return ask.say("date_at", date=ask.say.date(moment), time=time)
