"""A schedule of our own as it stands in the YAML: when it runs, and what it does then."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, time, timedelta
from typing import Any

import voluptuous as vol

from nanobot.automation import cron
from nanobot.automation.actions import ask
from nanobot.automation.chat import WHERE
from nanobot.automation.parse import actions, conditions, renamed, variables
from nanobot.automation.schema import RUN_OPTIONS
from nanobot.automation.sequence import Sequence
from nanobot.config import validators as cv
from nanobot.config.explain import explain
from nanobot.config.times import WEEKDAYS
from nanobot.config.wrong import Wrong, expected
from nanobot.templates import validators as tv
from nanobot.util.text import shorten

from .plan import DAY, Between, NextMoment, Plan, at, by_cron, every, on

WHEN = ("cron", "every", "at")
WHAT = ("actions", "ask", "script")
MISSED = ("once", "all", "skip")
YEARS = range(1970, 3000)
SHORTEST = timedelta(seconds=1)
LONGEST = timedelta(days=3660)

_OLD_KEYS = {"condition": "conditions", "action": "actions"}
_UNITS = {
    "w": "weeks", "d": "days", "day": "days", "days": "days", "h": "hours", "min": "minutes", "m": "minutes",
    "s": "seconds", "sec": "seconds",
}  # fmt: skip
_AMOUNTS = re.compile(r"(?:\d+(?:\.\d+)?\s*[a-z]+\s*)+")
_AMOUNT = re.compile(r"(\d+(?:\.\d+)?)\s*([a-z]+)")


def understood(schema: vol.Schema, value: Any, check: Callable[[Any], Any] | None = None) -> Any:
    """What the schema makes of it. Its errors are put into words here, where the schema is known.

    ``check`` is the schema in its quick form.
    """
    try:
        return (check or schema)(value)
    except vol.Invalid as error:
        problems = explain(error, value, (), schema)
        raise vol.MultipleInvalid([Wrong(one.key, list(one.path), **one.placeholders) for one in problems]) from error


def span(value: Any) -> timedelta:
    """A duration, also as ``2h`` or ``1h 30min``."""
    if isinstance(value, str) and _AMOUNTS.fullmatch(value.strip().lower()):
        amounts = _AMOUNT.findall(value.lower())
        try:
            return sum((timedelta(**{_UNITS[unit]: float(amount)}) for amount, unit in amounts), timedelta())
        except (KeyError, OverflowError):
            raise Wrong("not_a_duration", value=shorten(value)) from None
    found: timedelta = cv.positive_time_period(value)
    return found


def end_of_span(value: Any) -> time:
    """A time of day; 24:00 is its end."""
    if value in ("24:00", "24:00:00") or (value == 1440 and not isinstance(value, bool)):
        return time.max
    found: time = cv.time(value)
    return found


def _interval(value: Any) -> timedelta:
    found = span(value)
    if not SHORTEST <= found <= LONGEST:
        raise vol.Invalid(f"{shorten(value)} is not between a second and ten years")
    return found


def _moment(value: Any) -> time | datetime:
    """A time of day, or a date with a time."""
    dated = isinstance(value, datetime) or (isinstance(value, str) and re.match(r"\s*\d{4}-\d", value) is not None)
    if not dated:
        clock: time = cv.time(value)
        return clock
    if isinstance(value, str) and ":" not in value:
        raise vol.Invalid(f"{shorten(value)} lacks the time of day; write it like '2026-12-24 18:00'")
    found: datetime = cv.datetime(value.strip() if isinstance(value, str) else value)
    if found.year not in YEARS:
        raise vol.Invalid(f"{shorten(value)} is not in a year from {YEARS[0]} to {YEARS[-1]}")
    return found


def _between(value: Any) -> Between:
    given = understood(_BETWEEN, value)
    return Between(given["from"], given["to"])


def _channel_and_chat(value: dict[str, Any]) -> dict[str, Any]:
    if ("channel" in value) != ("chat" in value):
        raise vol.Invalid("'channel' and 'chat' say together where the answer goes; give both, or none")
    if "thread" in value and "chat" not in value:
        raise vol.Invalid("'thread' is one of a chat; give 'channel' and 'chat' as well")
    return value


_BETWEEN = vol.Schema({vol.Required("from"): cv.time, vol.Required("to"): end_of_span})
_ASK = vol.Schema(
    vol.All(
        {
            vol.Required("prompt"): tv.template,
            vol.Optional("agent"): cv.string,
            vol.Optional("tools"): ask.SCHEMA.schema["tools"],
            vol.Optional("rounds"): ask.SCHEMA.schema["rounds"],
            vol.Optional("timeout"): ask.SCHEMA.schema["timeout"],
            **WHERE,
        },
        _channel_and_chat,
    )
)


def _asking(value: Any) -> Sequence:
    """Give a prompt to an agent, and its answer to a chat where one is named."""
    given = {"prompt": value} if isinstance(value, str) else value
    if not isinstance(given, dict):
        raise expected("text,mapping", value)
    understood(_ASK, given)
    where = {key: given[key] for key in ("channel", "chat", "thread") if key in given}
    prompt = {key: one for key, one in given.items() if key not in where and key != "prompt"}
    steps: list[Any] = [{"ask": given["prompt"], **prompt, "response_variable": "answer"}]
    if where:
        steps.append({"say": "{{ answer }}", **where})
    return actions(steps)


def _data(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise expected("mapping", value)
    tv.template_value(value)
    return value


def _list_of(one: Callable[[Any], Any], nothing: str) -> Any:
    return vol.All(cv.ensure_list, vol.Length(min=1, msg=nothing), [one])


def _modern(value: Any) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise expected("mapping", value)
    return renamed(value, _OLD_KEYS)


def _complete(given: dict[str, Any]) -> dict[str, Any]:
    """What one option alone cannot say; gives it with ``plan`` and, in each case, with ``actions``."""
    if "name" in given and "alias" in given:
        raise vol.Invalid("is another name of 'alias', which is there as well; keep one of them", path=["name"])
    for option, of in (("start", "every"), ("between", "every"), ("data", "script")):
        if option in given and of not in given:
            raise vol.Invalid(f"belongs to '{of}', which is not there", path=[option])
    if "weekday" in given and "cron" in given:
        raise vol.Invalid("is what the last field of 'cron' is for: '0 7 * * mon-fri'", path=["weekday"])
    done = {**given, "plan": Plan(tuple(_parts(given)))}
    done["jitter"] = given["jitter"].total_seconds()
    if "ask" in given:
        done["actions"] = given["ask"]
    elif "script" in given:
        done["actions"] = actions([{"action": given["script"], "data": given.get("data", {})}])
    return done


def _parts(given: Mapping[str, Any]) -> list[NextMoment]:
    weekdays = frozenset(map(WEEKDAYS.index, given["weekday"])) if "weekday" in given else frozenset(range(7))
    if "cron" in given:
        return [by_cron(one) for one in given["cron"]]
    if "every" in given:
        return [_every(given, weekdays)]
    dates = [one for one in given["at"] if isinstance(one, datetime)]
    clock = [one for one in given["at"] if isinstance(one, time)]
    if dates and "weekday" in given:
        raise vol.Invalid("is for times of day; a date has its day of the week", path=["weekday"])
    return [*([at(clock, weekdays)] if clock else []), *([on(dates)] if dates else [])]


def _every(given: Mapping[str, Any], weekdays: frozenset[int]) -> NextMoment:
    interval, between = given["every"], given.get("between")
    start = given.get("start", time() if between is None else between.start)
    if isinstance(start, time) and interval > DAY:
        raise vol.Invalid(
            "of more than a day is counted from a date: give 'start', such as '2026-01-05 07:00'", path=["every"]
        )
    part = every(interval, start, between, weekdays)
    if part(datetime(2026, 1, 1, tzinfo=UTC).timestamp(), UTC) is None:
        raise vol.Invalid("never comes on these days between these times", path=["every"])
    return part


SCHEDULE = vol.Schema(
    vol.All(
        _modern,
        {
            vol.Optional("alias"): cv.string,
            vol.Optional("name"): cv.string,
            vol.Optional("icon"): cv.icon,
            vol.Optional("description"): vol.Any(None, cv.string),
            vol.Optional("cron"): _list_of(cron.expression, "names no time"),
            vol.Optional("every"): _interval,
            vol.Optional("at"): _list_of(_moment, "names no time"),
            vol.Optional("start"): _moment,
            vol.Optional("between"): _between,
            vol.Optional("weekday"): vol.All(cv.weekdays, vol.Length(min=1, msg="names no day")),
            vol.Optional("time_zone"): cv.time_zone,
            vol.Optional("missed", default="once"): cv.one_of(*MISSED),
            vol.Optional("jitter", default=0): span,
            vol.Optional("initial_state"): cv.boolean,
            vol.Optional("conditions", default=list): conditions,
            vol.Optional("variables", default=dict): variables,
            vol.Optional("actions"): actions,
            vol.Optional("ask"): _asking,
            vol.Optional("script"): cv.entity_domain("script"),
            vol.Optional("data"): _data,
            vol.Optional("tests"): list,
            **RUN_OPTIONS,
        },
        cv.has_at_least_one_key(*WHEN),
        cv.has_at_most_one_key(*WHEN),
        cv.has_at_least_one_key(*WHAT),
        cv.has_at_most_one_key(*WHAT),
        _complete,
    )
)
