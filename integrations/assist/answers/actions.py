"""Doing things to entities: on, off, to a value, run."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from nanobot.hub.states import State
from nanobot.util.text import nearest

from ..ask import Answer, Ask
from ..world import plain
from .states import of_kind
from .timers import seconds_left

ON = {
    "script": "turn_on",
    "scene": "turn_on",
    "button": "press",
    "input_button": "press",
    "cover": "open_cover",
    "valve": "open_valve",
    "lock": "lock",
    "vacuum": "start",
    "lawn_mower": "start_mowing",
    "timer": "start",
    "counter": "increment",
}
"""What "on" means where it is not ``turn_on``."""

OFF = {
    "cover": "close_cover",
    "valve": "close_valve",
    "lock": "unlock",
    "vacuum": "return_to_base",
    "lawn_mower": "dock",
    "timer": "cancel",
    "counter": "decrement",
}

ACTS: Mapping[str, tuple[str, ...]] = {
    "TurnOn": ("turn_on", *set(ON.values())),
    "TurnOff": ("turn_off", *set(OFF.values())),
    "Toggle": ("toggle",),
    "SetValue": ("set_value", "select_option", "turn_on", "set_temperature", "set_cover_position", "set_datetime"),
    "Increase": ("increment", "select_next", "set_value", "turn_on"),
    "Decrease": ("decrement", "select_previous", "set_value", "turn_on"),
    "Reset": ("reset", "cancel", "set_value"),
    "Run": ("turn_on", "trigger", "press", "start"),
    "Stop": ("turn_off", "cancel", "stop"),
}
"""The services of which an entity's domain has one, if the intent can be about it."""

_NUMBER = re.compile(r"-?\d+(?:[.,]\d+)?")


async def turn_on(ask: Ask) -> Answer:
    """Turn X on."""
    return await _switch(ask, ON, "turn_on", "on")


async def turn_off(ask: Ask) -> Answer:
    """Turn X off."""
    return await _switch(ask, OFF, "turn_off", "off")


async def toggle(ask: Ask) -> Answer:
    """Toggle X."""
    found = ask.state
    if found is None:
        return ask.say("gone")
    if not ask.has(f"{found.domain}.toggle"):
        return _cannot(ask, found)
    await ask.call(f"{found.domain}.toggle", {"entity_id": [found.entity_id]})
    after = ask.state or found
    return ask.say("is_now", name=after.name, state=ask.say.state(after))


async def all_on(ask: Ask) -> Answer:
    """Turn all of a kind on."""
    return await _switch_all(ask, "on")


async def all_off(ask: Ask) -> Answer:
    """Turn all of a kind off."""
    return await _switch_all(ask, "off")


async def run(ask: Ask) -> Answer:
    """Run, start, trigger or press X."""
    found = ask.state
    if found is None:
        return ask.say("gone")
    service = {"automation": "trigger"}.get(found.domain) or ON.get(found.domain, "turn_on")
    if not ask.has(f"{found.domain}.{service}"):
        return _cannot(ask, found)
    await ask.call(f"{found.domain}.{service}", {"entity_id": [found.entity_id]})
    if found.domain == "timer":
        after = ask.state or found
        return ask.say("timer_started_named", name=found.name, length=ask.say.duration(seconds_left(ask, after)))
    return ask.say("ran", name=found.name)


async def stop(ask: Ask) -> Answer:
    """Stop X: a script, a timer, or whatever can be turned off."""
    return await turn_off(ask)


async def set_value(ask: Ask) -> Answer:
    """Set X to a value."""
    found = ask.state
    if found is None:
        return ask.say("gone")
    value = str(ask.slots.get("value", "")).strip()
    service, data, problem = _setting(ask, found, value)
    if problem:
        return problem
    if service is None or not ask.has(f"{found.domain}.{service}"):
        return _cannot(ask, found)
    await ask.call(f"{found.domain}.{service}", {"entity_id": [found.entity_id], **data})
    after = ask.state or found
    return ask.say("is_now", name=after.name, state=ask.say.state(after))


async def increase(ask: Ask) -> Answer:
    """Increase X, by an amount or by one step."""
    return await _step(ask, 1)


async def decrease(ask: Ask) -> Answer:
    """Decrease X."""
    return await _step(ask, -1)


async def reset(ask: Ask) -> Answer:
    """Back to the beginning."""
    found = ask.state
    if found is None:
        return ask.say("gone")
    if found.domain == "timer":
        return await turn_off(ask)
    if found.domain in ("input_text", "text"):
        await ask.call(f"{found.domain}.set_value", {"entity_id": [found.entity_id], "value": ""})
    elif ask.has(f"{found.domain}.reset"):
        await ask.call(f"{found.domain}.reset", {"entity_id": [found.entity_id]})
    else:
        return _cannot(ask, found)
    after = ask.state or found
    return ask.say("is_now", name=after.name, state=ask.say.state(after))


# -- the packaged ones for which there are no sentences of ours -------------------------------------

PACKAGED: Mapping[str, tuple[str, Mapping[str, str]]] = {
    "HassLightSet": (
        "light.turn_on",
        {"brightness": "brightness_pct", "color": "color_name", "temperature": "color_temp_kelvin"},
    ),
    "HassSetPosition": ("cover.set_cover_position", {"position": "position"}),
    "HassSetVolume": ("media_player.volume_set", {"volume_level": "volume_level"}),
    "HassFanSetSpeed": ("fan.set_percentage", {"percentage": "percentage"}),
    "HassClimateSetTemperature": ("climate.set_temperature", {"temperature": "temperature"}),
    "HassMediaPause": ("media_player.media_pause", {}),
    "HassMediaUnpause": ("media_player.media_play", {}),
    "HassMediaNext": ("media_player.media_next_track", {}),
    "HassMediaPrevious": ("media_player.media_previous_track", {}),
    "HassVacuumStart": ("vacuum.start", {}),
    "HassVacuumReturnToBase": ("vacuum.return_to_base", {}),
}
"""Service and which slot becomes which of its options."""


async def packaged(ask: Ask) -> Answer:
    """Call the service that an intent stands for, on the thing that is named or on all of the domain."""
    service, options = PACKAGED[ask.intent]
    if not ask.has(service):
        return ask.say("cannot_here")
    data = {option: ask.slots[slot] for slot, option in options.items() if slot in ask.slots}
    if "volume_level" in data:
        data["volume_level"] = float(data["volume_level"]) / 100
    name = ask.slots.get("name")
    domain = service.partition(".")[0]
    ids = [name] if name else [state.entity_id for state in ask.states(domain)]
    await ask.call(service, {"entity_id": ids, **data})
    return ask.say("done")


# -- inside -------------------------------------------------------------------------------------------


async def _switch(ask: Ask, special: Mapping[str, str], usual: str, word: str) -> Answer:
    found = ask.state
    if found is None:
        return ask.say("gone")
    service = special.get(found.domain, usual)
    if not ask.has(f"{found.domain}.{service}"):
        return _cannot(ask, found)
    before = found.state
    await ask.call(f"{found.domain}.{service}", {"entity_id": [found.entity_id]})
    after = ask.state or found
    if found.domain in ("scene", "script", "button", "input_button"):
        return ask.say("ran" if word == "on" else "stopped", name=found.name)
    if found.domain == "timer" and word == "off":
        return ask.say("timer_cancelled", name=found.name)
    if before == after.state == word:
        return ask.say("was_already", name=found.name, state=ask.say.state(after))
    return ask.say("is_now", name=after.name, state=ask.say.state(after))


async def _switch_all(ask: Ask, word: str) -> Answer:
    kind = str(ask.slots.get("kind", "all"))
    settings = ("automation", "script", "timer", "counter")
    things = [
        state
        for state in of_kind(ask, kind)
        if ask.has(f"{state.domain}.turn_{word}") and (kind != "all" or state.domain not in settings)
    ]
    called = ask.say.word("kinds", kind, kind)
    if not things:
        return ask.say("none_of_kind", kind=called)
    todo = [state for state in things if state.state != word]
    if not todo:
        return ask.say("all_are", kind=called, state=ask.say.word("states", word, word))
    by_domain: dict[str, list[str]] = {}
    for state in todo:
        by_domain.setdefault(state.domain, []).append(state.entity_id)
    for domain, ids in by_domain.items():
        await ask.call(f"{domain}.turn_{word}", {"entity_id": ids})
    return ask.say(
        "are_now" if len(todo) > 1 else "is_now",
        name=todo[0].name,
        names=ask.say.listed(state.name for state in todo),
        state=ask.say.word("states", word, word),
    )


async def _step(ask: Ask, sign: int) -> Answer:
    found = ask.state
    if found is None:
        return ask.say("gone")
    amount = float(ask.slots["amount"]) if "amount" in ask.slots else None
    target = {"entity_id": [found.entity_id]}
    match found.domain:
        case "counter":
            step = "increment" if sign > 0 else "decrement"
            times = amount / (float(found.attributes.get("step", 1)) or 1) if amount is not None else 1
            if times == int(times) and times <= 100:
                for _ in range(int(times)):
                    await ask.call(f"counter.{step}", target)
            elif (number := number_in(found.state)) is not None and amount is not None:
                await ask.call("counter.set_value", {**target, "value": int(number + sign * amount)})
        case "input_select" | "select":
            await ask.call(f"{found.domain}.select_{'next' if sign > 0 else 'previous'}", target)
        case "light":
            step_percent = sign * (amount if amount is not None else 10)
            await ask.call("light.turn_on", {**target, "brightness_step_pct": step_percent})
        case "input_number" | "number":
            before = number_in(found.state)
            if before is None:
                return ask.say("no_number", name=found.name)
            by = amount if amount is not None else float(found.attributes.get("step", 1))
            value = _within(found, before + sign * by)
            if isinstance(value, str):
                return ask.say(value, name=found.name, **_limits(ask, found))
            await ask.call(f"{found.domain}.set_value", {**target, "value": value})
        case _:
            return _cannot(ask, found)
    after = ask.state or found
    return ask.say("is_now", name=after.name, state=ask.say.state(after))


def _setting(ask: Ask, found: State, value: str) -> tuple[str | None, dict[str, Any], str]:
    """Service and data that set this value, or what is wrong with it."""
    say = ask.say
    number = number_in(value)
    match found.domain:
        case "input_number" | "number" | "counter":
            if number is None:
                return None, {}, say("needs_number", name=found.name, value=value)
            fitting = _within(found, number)
            if isinstance(fitting, str):
                return None, {}, say(fitting, name=found.name, **_limits(ask, found))
            return "set_value", {"value": int(number) if found.domain == "counter" else number}, ""
        case "input_select" | "select":
            options = [str(option) for option in found.attributes.get("options", ())]
            by_plain = {plain(option): option for option in options}
            option = by_plain.get(plain(value)) or nearest(value, options)
            if option is None:
                return None, {}, say("no_option", name=found.name, value=value, options=say.listed(options, 12))
            return "select_option", {"option": option}, ""
        case "input_text" | "text":
            return "set_value", {"value": value}, ""
        case "input_datetime":
            return "set_datetime", {"datetime" if "-" in value else "time": value}, ""
        case "light" if number is not None:
            return "turn_on", {"brightness_pct": number}, ""
        case "climate" if number is not None:
            return "set_temperature", {"temperature": number}, ""
        case "cover" if number is not None:
            return "set_cover_position", {"position": number}, ""
        case "timer" if number is not None:
            return "start", {"duration": timedelta(minutes=number)}, ""
    meant = say.meant(value)
    if meant in ("on", "off"):
        return f"turn_{meant}", {}, ""
    return None, {}, ""


def number_in(text: str) -> float | None:
    """The first number of a text: ``21,5 °C`` is 21.5."""
    found = _NUMBER.search(text)
    return float(found[0].replace(",", ".")) if found else None


def _within(found: State, value: float) -> float | str:
    """The value, or which limit is in its way: a key of the answers."""
    limits = _range(found)
    low, high = limits["low"], limits["high"]
    if low is not None and value < float(low):
        return "too_low"
    if high is not None and value > float(high):
        return "too_high"
    return round(value, 6)


def _range(found: State) -> dict[str, Any]:
    attributes = found.attributes
    return {
        "low": attributes.get("min", attributes.get("minimum")),
        "high": attributes.get("max", attributes.get("maximum")),
    }


def _limits(ask: Ask, found: State) -> dict[str, str]:
    return {key: ask.say.number(value) for key, value in _range(found).items()}


def _cannot(ask: Ask, found: State) -> str:
    return ask.say("read_only", name=found.name, state=ask.say.state(found))
