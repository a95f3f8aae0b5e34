"""Help with the person's own things as examples, and the small words between people."""

from __future__ import annotations

from collections.abc import Callable

from nanobot.hub.states import State

from ..ask import Answer, Ask

EXAMPLES = (
    ("light switch input_boolean fan", "turn_on"),
    ("light switch input_boolean fan lock cover binary_sensor", "is_on"),
    ("input_number number climate", "set_number"),
    ("input_select select", "set_option"),
    ("counter", "count"),
    ("input_text text", "write"),
    ("sensor", "what_is"),
    ("script", "run"),
    ("automation", "trigger"),
    ("timer", "start_timer"),
)
"""For the first thing that is of one of these domains, this example."""


def help_(ask: Ask) -> Answer:
    """What can you do?"""
    say = ask.say
    lines = examples(ask)
    of_nanobot = ("running", "failed", "reload") if ask.turn.owner else ()
    lines += [say.word("examples", key) for key in ("timer", "remind", "time", *of_nanobot)]
    return say("help") + "\n" + say.bullets(map(say.quoted, lines)) + "\n\n" + say("help_more")


def examples(ask: Ask, limit: int = 10) -> list[str]:
    """Sentences that work here and now, made of what is there."""
    found = []
    for domains, key in EXAMPLES:
        thing = _first(ask, domains)
        if thing is not None:
            text = ask.say.word("examples", key)
            for placeholder, value in (("name", thing.name), ("value", _another(thing))):
                text = text.replace(f"{{{placeholder}}}", value)
            found.append(text)
    return found[:limit]


def hello(ask: Ask) -> Answer:
    """A greeting for the time of day."""
    hour = ask.now.hour
    part = "morning" if 5 <= hour < 12 else "day" if 12 <= hour < 18 else "evening"
    return ask.say(f"hello_{part}")


def how_are_you(ask: Ask) -> Answer:
    """Well, if everything is."""
    return ask.say("how_are_you_ill" if len(ask.hub.issues) else "how_are_you", count=len(ask.hub.issues))


def small(key: str) -> Callable[[Ask], Answer]:
    """An answer that is always the same."""

    def answer(ask: Ask) -> Answer:
        return ask.say(key)

    return answer


def _first(ask: Ask, domains: str) -> State | None:
    for domain in domains.split():
        for state in ask.hub.states.all(domain):
            if not state.attributes.get("temporary"):
                return state
    return None


def _another(thing: State) -> str:
    """A value that this thing could be set to."""
    options = [str(option) for option in thing.attributes.get("options", ()) if str(option) != thing.state]
    if options:
        return options[0]
    high = thing.attributes.get("max", thing.attributes.get("max_temp"))
    low = thing.attributes.get("min", thing.attributes.get("min_temp"))
    if isinstance(high, (int, float)) and isinstance(low, (int, float)):
        return f"{round((float(low) + float(high)) / 2)}"
    return ""
