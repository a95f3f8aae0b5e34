"""Timers: starting one in passing, and all that can be done to those that run."""

from __future__ import annotations

from datetime import datetime

from nanobot.hub.states import State

from ..ask import Answer, Ask, Question
from ..moments import seconds
from ..world import plain


async def start(ask: Ask) -> Answer:
    """A timer for a length, perhaps with a name. A configured timer of that name is the one that is started."""
    length = seconds(ask.slots)
    if not length:
        return ask.say("timer_how_long")
    label = str(ask.slots.get("label", "")).strip()
    known = [entity_id for entity_id in ask.world.named(label) if entity_id.startswith("timer.")] if label else []
    said = ask.say.duration(length)
    if len(known) == 1 and not _attribute(ask, known[0], "temporary"):
        await ask.call("timer.start", {"entity_id": known, "duration": length})
        return ask.say("timer_started_named", name=ask.world.called[known[0]], length=said)
    if not ask.has("timer.create"):
        return ask.say("cannot_here")
    data = {"duration": length, **ask.place()}
    if label:
        await ask.fetch("timer.create", {**data, "name": label, "message": ask.say("timer_over_named", name=label)})
        return ask.say("timer_set_named", name=label, length=said)
    name = ask.say("timer_name", length=said)
    message = ask.say("timer_over", length=said)
    await ask.fetch("timer.create", {**data, "name": name, "message": message})
    return ask.say("timer_set", length=said)


def left(ask: Ask) -> Answer:
    """How much is left, of one or of all."""
    timers = _meant(ask, "active", "paused")
    if not timers:
        return ask.say("no_timer")
    lines = [
        ask.say(f"timer_{timer.state}", name=timer.name, left=ask.say.duration(seconds_left(ask, timer)))
        for timer in timers
    ]
    return lines[0] if len(lines) == 1 else ask.say.bullets(lines)


async def cancel(ask: Ask) -> Answer:
    """Cancel one, or all."""
    if ask.slots.get("all"):
        return await cancel_all(ask)
    return await _one(ask, ("active", "paused"), "timer.cancel", "timer_cancelled")


async def cancel_all(ask: Ask) -> Answer:
    """Cancel all that run."""
    timers = [timer for timer in ask.states("timer") if timer.state != "idle"]
    if not timers:
        return ask.say("no_timer")
    await ask.call("timer.cancel", {"entity_id": [timer.entity_id for timer in timers]})
    return ask.say("timers_cancelled", names=ask.say.listed(timer.name for timer in timers))


async def pause(ask: Ask) -> Answer:
    """Hold one."""
    return await _one(ask, ("active",), "timer.pause", "timer_paused")


async def resume(ask: Ask) -> Answer:
    """Go on with one that is held."""
    return await _one(ask, ("paused",), "timer.start", "timer_active")


async def add(ask: Ask) -> Answer:
    """More time."""
    return await _one(ask, ("active",), "timer.change", "timer_active", 1)


async def remove(ask: Ask) -> Answer:
    """Less time."""
    return await _one(ask, ("active",), "timer.change", "timer_active", -1)


async def _one(ask: Ask, states: tuple[str, ...], service: str, key: str, sign: int = 0) -> Answer:
    timers = _meant(ask, *states)
    if not timers:
        return ask.say("no_paused_timer" if states == ("paused",) else "no_timer")
    if len(timers) > 1:
        options = tuple((timer.name, timer.entity_id) for timer in timers)
        names = ask.say.listed((name for name, _ in options), between="or")
        return Question(ask.say("which_timer", names=names), ask.intent, ask.slots, "name", options)
    timer = timers[0]
    data = {"entity_id": [timer.entity_id]}
    length = seconds(ask.slots)
    await ask.call(service, {**data, "duration": sign * (length or 0)} if sign else data)
    after = ask.hub.states.get(timer.entity_id) or timer
    return ask.say(key, name=timer.name, left=ask.say.duration(seconds_left(ask, after)))


def _meant(ask: Ask, *states: str) -> list[State]:
    """The timers in one of these states that the words can mean; those of this chat before others."""
    name = ask.slots.get("name")
    timers = [timer for timer in ask.states("timer") if timer.state in states]
    if name:
        return [timer for timer in timers if timer.entity_id == name]
    label = plain(str(ask.slots.get("label", "")))
    length = seconds(ask.slots, "start_")
    if label:
        exact = [timer for timer in timers if plain(timer.name) == label]
        return exact or [timer for timer in timers if label in plain(timer.name)]
    if length is not None:
        return [timer for timer in timers if _length(timer) == round(length)]
    here = [timer for timer in timers if timer.attributes.get("session") == ask.turn.session]
    return here or timers


def seconds_left(ask: Ask, timer: State) -> float:
    """What a timer has still to run."""
    ends = timer.attributes.get("finishes_at")
    if timer.state == "active" and ends:
        return max(datetime.fromisoformat(str(ends)).timestamp() - ask.hub.clock.time(), 0.0)
    return _seconds(str(timer.attributes.get("remaining", "0")))


def _length(timer: State) -> int:
    return round(_seconds(str(timer.attributes.get("duration", "0"))))


def _seconds(clock: str) -> float:
    total = 0.0
    for part in clock.split(":"):
        total = total * 60 + float(part)
    return total


def _attribute(ask: Ask, entity_id: str, name: str) -> object:
    state = ask.hub.states.get(entity_id)
    return state.attributes.get(name) if state else None
