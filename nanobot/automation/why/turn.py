"""What happened inside of a turn: what the model was told and asked, what its tools did, and what the rules said."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from .links import Link

SHOWN = 8  # tools and rules that are told at once


def turn_link(trace: Mapping[str, Any]) -> Link:
    """Of a trace, as ``Traces.of`` gives it."""
    return Link("turn", trace["turn"], None, dict(trace))


def turn_text(trace: Mapping[str, Any], say: Callable[..., str]) -> str:
    """A few sentences. ``say(key, …)`` is in the language of the person."""
    comma = say("comma")
    models, tools, decisions = trace["models"], trace["tools"], trace["decisions"]
    names = dict.fromkeys(str(one["model"]) for one in models if one.get("model"))
    told = [
        say(
            "turn_models",
            agent=trace["agent"],
            models=comma.join(names) or "?",
            count=len(models),
            seconds=_seconds(sum(one["seconds"] for one in models)),
            tokens=trace["tokens"],
        )
    ]
    if trace["cost"] is not None:
        told.append(say("turn_cost", cost=f"{trace['cost']:.4f}"))
    if tools:
        shown = [
            say("turn_failed" if one["failed"] else "turn_tool", name=one["name"], seconds=_seconds(one["seconds"]))
            for one in tools[:SHOWN]
        ]
        more = [say("more", count=len(tools) - SHOWN)] if len(tools) > SHOWN else []
        told.append(say("turn_tools", tools=comma.join([*shown, *more])))
    if decisions:
        rules = [f"{one.get('what')}: {one.get('verdict')} ({one.get('why') or '–'})" for one in decisions[:SHOWN]]
        told.append(say("turn_rules", rules=comma.join(rules)))
    if trace["limit"]:
        told.append(say("turn_limit", limit=trace["limit"]))
    if prompt := trace["prompt"]:
        parts = sorted(prompt.items(), key=lambda part: -part[1])
        told.append(say("turn_prompt", parts=comma.join(f"{name} {size}" for name, size in parts)))
    return " ".join(told)


def _seconds(seconds: float) -> str:
    return f"{seconds:.1f}" if seconds >= 0.1 else f"{seconds:.3f}"
