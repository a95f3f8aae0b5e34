"""One schedule as it stands in the YAML: its kind, and understood, or with what is wrong with it."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import voluptuous as vol

from nanobot.automation.keeping import fingerprint
from nanobot.config import validators as cv
from nanobot.config.quick import quick
from nanobot.config.wrong import expected
from nanobot.util.text import nearest, slugify

from .schema import SCHEDULE, understood
from .weekly import DAYS, WEEKLY

Kind = Literal["weekly", "plan"]

_TIMING = ("cron", "every", "at", "start", "between", "weekday", "time_zone")
_OF_BOTH = frozenset({"name", "icon", "time_zone", "tests"})
_OF_PLANS = frozenset(str(key) for key in SCHEDULE.schema.validators[1]) - _OF_BOTH | {"action", "condition"}
_NAMES = (*_OF_PLANS, *_OF_BOTH, *DAYS)


@dataclass(frozen=True, slots=True)
class Item:
    """``config`` is None when ``error`` is not."""

    key: str
    raw: Any
    kind: Kind
    config: Mapping[str, Any] | None
    error: str | None = None

    @property
    def name(self) -> str | None:
        """What people call it; None where they call it nothing."""
        given = self.raw if isinstance(self.raw, Mapping) else {}
        name = given.get("alias") or given.get("name")
        return str(name) if name else None

    @property
    def timing(self) -> str:
        """The same as long as it is planned for the same times."""
        return fingerprint({key: str(self.raw[key]) for key in _TIMING if key in self.raw})

    def same_as(self, other: Item) -> bool:
        """Nobody has to notice when this takes the place of the other."""
        return bool(self.raw == other.raw and self.error == other.error)


class Items(cv.Items):
    """All schedules by key. A wrong one stays in it, with its error, so that it can be shown."""

    def __init__(self) -> None:
        super().__init__(schedule)

    def one(self, key: Hashable, item: Any) -> Item:
        return Item(str(key), item, kind_of(item), super().one(key, item))

    def stand_in(self, key: Hashable, item: Any, error: str) -> Item | None:
        """What takes the place of an item that ``one`` refuses; None where not even its name can be one."""
        text = str(key)
        usable = isinstance(key, str) and slugify(text) == text
        return Item(text, item, kind_of(item), None, error) if usable else None


def kind_of(item: Any) -> Kind:
    """A plan is what has an option of plans, if need be a misspelt one."""
    for key in item if isinstance(item, Mapping) else ():
        if key in _OF_PLANS or (key not in _NAMES and nearest(key, _NAMES) in _OF_PLANS):
            return "plan"
    return "weekly"


def schedule(item: Any) -> dict[str, Any]:
    """The schema of one. Raises ``vol.Invalid`` with all that is wrong."""
    if not isinstance(item, Mapping):
        raise expected("mapping", item)
    plan = kind_of(item) == "plan"
    day = next((day for day in DAYS if day in item), None)
    if plan and day is not None:
        own = next(key for key in item if key in _OF_PLANS or key not in _NAMES)
        raise vol.Invalid(
            f"a schedule is either on in weekly blocks or runs something at times: '{own}' cannot stand beside '{day}'",
            path=[day],
        )
    schema, check = (SCHEDULE, _PLAN) if plan else (WEEKLY, _WEEKLY)
    done: dict[str, Any] = understood(schema, dict(item), check)
    return done


_PLAN = quick(SCHEDULE)
_WEEKLY = quick(WEEKLY)
