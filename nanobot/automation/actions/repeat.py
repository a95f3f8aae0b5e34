"""``repeat:``: do a sequence a number of times, for each item of a list, while or until conditions hold."""

from __future__ import annotations

from collections.abc import Awaitable, Iterator, Mapping
from time import perf_counter
from typing import Any

import voluptuous as vol

from nanobot.automation import parse
from nanobot.automation.flow import Abort
from nanobot.automation.run import BREATHE
from nanobot.automation.sequence import RunStep
from nanobot.config import validators as cv
from nanobot.errors import ConditionError
from nanobot.templates import TemplateError, has_template
from nanobot.templates import validators as tv

WARN_AFTER = 5_000  # rounds of while and until, as in Home Assistant
END_AFTER = 10_000
MOST = 1_000_000  # rounds of count and for_each

Rounds = Iterator[tuple[Mapping[str, Any], Mapping[str, Any]]]
"""``repeat`` of each round, and what is kept of it over a restart."""

KINDS = ("count", "for_each", "while", "until")


def _count(value: Any) -> Any:
    """A number with a fraction counts without it, and true is one, as in Home Assistant."""
    if isinstance(value, str) and has_template(value):
        return tv.template(value)
    return int(value) if isinstance(value, bool) else int(cv.number(value))


def _list(value: Any) -> Any:
    if not isinstance(value, list) and not (isinstance(value, str) and has_template(value)):
        raise vol.Invalid("has to be a list, or a template that gives one")
    return tv.template_value(value)


def _one_kind(given: dict[str, Any]) -> dict[str, Any]:
    kinds = [kind for kind in KINDS if kind in given]
    if len(kinds) != 1:
        raise vol.Invalid(f"needs one of {', '.join(KINDS)}" + (", not several" if kinds else ""))
    return given


SCHEMA = vol.Schema(
    {
        vol.Required("repeat"): vol.All(
            {
                vol.Optional("count"): _count,
                vol.Optional("for_each"): _list,
                vol.Optional("while"): parse.conditions,
                vol.Optional("until"): parse.conditions,
                vol.Required("sequence"): parse.actions,
            },
            _one_kind,
        )
    }
)


def run(step: RunStep) -> Awaitable[None] | None:
    """``repeat`` has ``index`` (from 1), ``first``, ``last`` (where that is known) and ``item``.

    Rounds that wait for nothing are done at once, for as long as they hold up nobody.
    """
    config: Mapping[str, Any] = step.config["repeat"]
    rounds = _conditional(step, config) if "while" in config or "until" in config else _counted(step, config)
    begun = perf_counter()
    for one in rounds:
        waits = _begin(step, config, one)
        if waits is not None or perf_counter() - begun > BREATHE:
            return _go_on(step, config, rounds, waits)
    return None


def _counted(step: RunStep, config: Mapping[str, Any]) -> Rounds:
    kept = step.run.resumed_frames.pop(step.path, None)
    if kept is not None:
        items, count, first = kept.get("items"), kept["count"], kept["index"]
    else:
        items = None
        first = 1
        if "for_each" in config:
            items = _rendered(step, config["for_each"])
            if not isinstance(items, (list, tuple)):
                raise Abort(f"for_each has to be a list, but is '{items}'")
            count = len(items)
        else:
            count = _whole(_rendered(step, config["count"]))
        if count > MOST:
            raise Abort(f"{count} rounds are too many; there can be {MOST}")
    for index in range(first, count + 1):
        round_ = {"index": index, "first": index == 1, "last": index == count}
        if items is not None:
            round_["item"] = items[index - 1]
        yield round_, {"index": index, "count": count, **({"items": items} if items is not None else {})}


def _conditional(step: RunStep, config: Mapping[str, Any]) -> Rounds:
    kind = "while" if "while" in config else "until"
    kept = step.run.resumed_frames.pop(step.path, None)
    index = 0 if kept is None else kept["index"] - 1
    while True:
        index += 1
        round_ = {"index": index, "first": index == 1}
        if kind == "while" and kept is None and not _hold(step, config, round_, kind, undecided=False):
            return
        kept = None
        yield round_, {"index": index}
        if kind == "until" and _hold(step, config, round_, kind, undecided=True):
            return
        if index == WARN_AFTER:
            step.log.warning("%s: %s has gone round %d times; at %d it is ended", step.name, kind, index, END_AFTER)
        elif index >= END_AFTER:
            raise Abort(f"{kind} has gone round {index} times without coming to an end")


def _hold(step: RunStep, config: Mapping[str, Any], round_: Mapping[str, Any], kind: str, *, undecided: bool) -> bool:
    """``undecided``: what counts when it cannot be decided; in both kinds of loop it is what ends them."""
    case = step.case()
    case.variables = {**case.variables, "repeat": round_}
    try:
        return bool(config[kind].all(case, f"{step.path}/repeat/{kind}"))
    except ConditionError as error:
        step.log.warning("%s: '%s' cannot be decided, so the loop ends: %s", step.name, kind, error)
        return undecided


def _begin(
    step: RunStep, config: Mapping[str, Any], one: tuple[Mapping[str, Any], Mapping[str, Any]]
) -> Awaitable[None] | None:
    round_, frame = one
    step.run.frames[step.path] = frame
    waits = None
    try:
        waits = step.do(config["sequence"], "repeat/sequence", step.scope.inner({"repeat": round_}))
    finally:
        if waits is None:
            del step.run.frames[step.path]
    return waits


async def _go_on(step: RunStep, config: Mapping[str, Any], rounds: Rounds, waits: Awaitable[None] | None) -> None:
    """From a round on that waits, or has taken long."""
    while True:
        try:
            if waits is not None:
                await waits
        finally:
            step.run.frames.pop(step.path, None)
        await step.run.breathe()
        one = next(rounds, None)
        if one is None:
            return
        waits = _begin(step, config, one)


def _rendered(step: RunStep, written: Any) -> Any:
    try:
        return step.render(written)
    except TemplateError as error:
        raise Abort(str(error)) from error


def _whole(value: Any) -> int:
    try:
        return int(float(value))
    except (TypeError, ValueError, OverflowError):
        raise Abort(f"count has to be a whole number, but is '{value}'") from None
