"""Weekly blocks, as in Home Assistant: from when to when something is on, on each day of the week."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta, tzinfo
from itertools import pairwise
from typing import Any

import voluptuous as vol

from nanobot.automation.wall_clock import moment_of
from nanobot.config import validators as cv

from .schema import end_of_span, understood

DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


@dataclass(frozen=True, slots=True)
class Block:
    """``end`` is ``time.max`` for the end of the day."""

    start: time
    end: time
    data: Mapping[str, Any] = field(default_factory=dict)

    def shown(self) -> dict[str, Any]:
        """As it is written."""
        end = "24:00:00" if self.end == time.max else self.end.isoformat()
        told: dict[str, Any] = {"from": self.start.isoformat(), "to": end}
        if self.data:
            told["data"] = dict(self.data)
        return told


@dataclass(frozen=True, slots=True)
class Now:
    """How it is at a moment: the block that it lies in, and when that is another one."""

    block: Block | None
    next_change: float | None


def now(week: Mapping[str, tuple[Block, ...]], moment: float, zone: tzinfo) -> Now:
    """``next_change`` is a begin or an end, also where one block follows upon another.

    A block begins when the clock shows its begin for the first time or has skipped it, and ends alike.
    """
    today = datetime.fromtimestamp(moment, zone).date()
    present: Block | None = None
    change: float | None = None
    for offset in range(-1, 9):
        for block, begin, end in _blocks(week, today + timedelta(days=offset), zone):
            if begin <= moment < end:
                present = block
            for edge in (begin, end):
                if edge > moment and begin < end and (change is None or edge < change):
                    change = edge
        if change is not None and offset > 0:
            break
    return Now(present, change)


def _blocks(week: Mapping[str, tuple[Block, ...]], day: date, zone: tzinfo) -> Iterator[tuple[Block, float, float]]:
    for block in week[DAYS[day.weekday()]]:
        end = (day + timedelta(days=1), time()) if block.end == time.max else (day, block.end)
        yield block, moment_of(datetime.combine(day, block.start), zone), moment_of(datetime.combine(*end), zone)


def _blocks_of_a_day(value: Any) -> tuple[Block, ...]:
    """In order. Raises ``vol.Invalid`` for a block that ends before it begins, and for two that overlap."""
    written = understood(_LIST, value)
    for index, one in enumerate(written):
        if one["from"] >= one["to"]:
            raise vol.Invalid(
                f"the block ends ({_clock(one['to'])}) before it has begun ({_clock(one['from'])}); one over midnight "
                "is written as two, the first up to '24:00'",
                path=[index],
            )
    order = sorted(range(len(written)), key=lambda index: written[index]["from"])
    for before, index in pairwise(order):
        if written[index]["from"] < written[before]["to"]:
            first, second = written[before], written[index]
            raise vol.Invalid(
                f"{_clock(second['from'])} to {_clock(second['to'])} overlaps with {_clock(first['from'])} to "
                f"{_clock(first['to'])}",
                path=[index],
            )
    return tuple(Block(written[i]["from"], written[i]["to"], written[i]["data"]) for i in order)


def _clock(clock: time) -> str:
    return "24:00" if clock == time.max else clock.isoformat("auto" if clock.second else "minutes")


_BLOCK = vol.Schema(
    {
        vol.Required("from"): cv.time,
        vol.Required("to"): end_of_span,
        vol.Optional("data", default=dict): {cv.string: vol.Any(bool, str, int, float)},
    }
)
_LIST = vol.Schema(vol.All(cv.ensure_list, [_BLOCK]))

WEEKLY = vol.Schema(
    {
        vol.Optional("name"): cv.string,
        vol.Optional("icon"): cv.icon,
        vol.Optional("time_zone"): cv.time_zone,
        vol.Optional("tests"): list,
        **{vol.Optional(day, default=list): _blocks_of_a_day for day in DAYS},
    }
)
