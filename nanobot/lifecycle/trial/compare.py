"""What was done compared with what should have been: in order, and each expectation says only what matters to it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

import orjson

from nanobot.lifecycle.trial.stage import Happening, split
from nanobot.util.text import shorten

SHOWN = 20  # happenings that a difference lists
LONGEST = 160

Shown = tuple[str, Mapping[str, Any]]
"""A state and its attributes."""


class Comparison:
    """Goes through what was done. ``loud``: the types of the events that are somebody's own doing, not a consequence
    of another one's."""

    def __init__(self) -> None:
        self._at = 0

    def differences(
        self, expected: Sequence[Mapping[str, Any]], done: Sequence[Happening], loud: Collection[str]
    ) -> list[str]:
        """Sentences about the first expectation that is not met; none when all are. The next call goes on behind."""
        for number, wanted in enumerate(expected, 1):
            rest = done[self._at :]
            if wanted["word"] == "nothing":
                if more := [one for one in rest if _counts(one, loud)]:
                    return ["nothing more was to be done, but this was:", *_listed(more)]
                continue
            found = next((place for place, one in enumerate(rest) if not list(unlike(wanted, one))), None)
            if found is None:
                return [f"expectation {number} was not met: {written(wanted)}", *_instead(wanted, rest, loud)]
            self._at += found + 1
        return []


def unlike(wanted: Mapping[str, Any], one: Happening) -> Iterator[str]:
    """How what was done differs from an expectation."""
    word = wanted["word"]
    if one.kind != word:
        yield f"it is no {word}"
        return
    if word in ("say", "ask"):
        if wanted[word] is not None and wanted[word].strip() not in one.what:
            yield f"it says {shorten(one.what)}"
        for name in ("channel", "chat", "choices"):
            if name in wanted:
                yield from differing(wanted[name], one.data.get(name), name)
        return
    if wanted[word] != one.what:
        yield f"it is {one.what}"
        return
    data = {**(wanted.get("data") or {}), **(wanted.get("target") or {})}
    if "entity_id" in wanted:
        data["entity_id"] = wanted["entity_id"]
    for name, value in data.items():
        if name == "entity_id":
            lacking = [entity_id for entity_id in ids(value) if entity_id not in ids(one.data.get(name))]
            if lacking:
                yield f"{', '.join(lacking)} is not among its targets"
        elif name not in one.data:
            yield f"it has no {name}"
        else:
            yield from differing(value, one.data[name], name)


def differing(wanted: Any, came: Any, path: str) -> Iterator[str]:
    """Where a value is another one. A mapping may have more than is wanted."""
    if isinstance(wanted, Mapping) and isinstance(came, Mapping):
        for name, value in wanted.items():
            if name in came:
                yield from differing(value, came[name], f"{path} > {name}")
            else:
                yield f"{path} has no {name}"
    elif isinstance(wanted, (list, tuple)) and isinstance(came, (list, tuple)) and len(wanted) == len(came):
        for index, (one, other) in enumerate(zip(wanted, came, strict=True)):
            yield from differing(one, other, f"{path} > {index}")
    elif wanted != came or isinstance(wanted, bool) != isinstance(came, bool):
        yield f"{path} is {_short(came)}, not {_short(wanted)}"


def state_differences(wanted: Mapping[str, Any], known: Mapping[str, Shown | None]) -> list[str]:
    """How states differ from those that are wanted, by entity id; None: there is none."""
    told = []
    for entity_id, given in wanted.items():
        now = known[entity_id]
        if now is None:
            told.append(f"there is no {entity_id}")
            continue
        state, attributes = split(given)
        if state != now[0]:
            told.append(f"{entity_id} is '{now[0]}', not '{state}'")
        for name, value in attributes.items():
            told += differing(value, now[1].get(name), f"{entity_id} > {name}")
    return told


def ids(value: Any) -> list[str]:
    """Entity ids, however they are written."""
    if isinstance(value, str):
        return [part.strip() for part in value.split(",")]
    return [str(one) for one in value] if isinstance(value, (list, tuple, set)) else []


def written(one: Happening | Mapping[str, Any]) -> str:
    """As it could stand in the YAML, in one line."""
    given = one.as_dict() if isinstance(one, Happening) else {k: v for k, v in one.items() if k != "word"}
    text = ", ".join(f"{name}: {_short(value)}" for name, value in given.items())
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def _instead(wanted: Mapping[str, Any], rest: Sequence[Happening], loud: Collection[str]) -> Iterator[str]:
    """What came, the likeliest first with what is different about it."""
    alike = [one for one in rest if one.kind == wanted["word"] and one.what == wanted.get(wanted["word"])]
    if wanted["word"] in ("say", "ask"):
        alike = [one for one in rest if one.kind == wanted["word"]]
    if alike:
        yield "what comes nearest to it:"
        for one in alike[:3]:
            yield f"  {written(one)}   ({'; '.join(unlike(wanted, one))})"
        return
    others = [one for one in rest if _counts(one, loud)]
    if not others:
        yield "nothing else was done"
        return
    yield "this was done instead:"
    yield from _listed(others)


def _listed(happenings: Sequence[Happening]) -> Iterator[str]:
    for one in happenings[:SHOWN]:
        yield f"  {written(one)}"
    if len(happenings) > SHOWN:
        yield f"  … and {len(happenings) - SHOWN} more"


def _counts(one: Happening, loud: Collection[str]) -> bool:
    return one.kind != "event" or one.what in loud


def _short(value: Any) -> str:
    if isinstance(value, str):
        return value
    return orjson.dumps(value, default=str, option=orjson.OPT_NON_STR_KEYS).decode()
