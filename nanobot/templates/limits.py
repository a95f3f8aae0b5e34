"""What one render may use. A render runs on the event loop, so nothing in it may take long or grow without end.

Loops, macros and filters count steps; operations that could make something huge ask first whether they may.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
from time import thread_time
from typing import Any

from nanobot.templates.errors import Refused

MAX_OUTPUT = 256 * 1024  # characters of a result, as in Home Assistant 2025.4
MAX_TEXT = 1024 * 1024  # characters of any text on the way to it
MAX_ITEMS = 100_000  # of one list, and of a range
MAX_TAKEN = 50_000  # values in what is given to a function
MAX_STEPS = 100_000  # rounds of loops, calls of macros, items that filters look at one by one
MAX_SECONDS = 0.03  # s of processor time
MAX_DIGITS = 4_000  # of a whole number
MAX_WIDTH = 10_000  # characters to which something is padded
MAX_WEIGHT = 100_000  # values in a list of lists of …, counted as often as they are reached
MAX_NESTED = 10_000  # lists and mappings in it, counted likewise
LOOK_EVERY = 256  # steps between two looks at the clock

CONTAINERS = frozenset({list, tuple, dict, set, frozenset})
PLAIN = frozenset({str, int, float, bool, type(None)})


_MANY = (list, tuple, dict, set, frozenset, Mapping)


class Budget:
    """The steps of one render that are left. ``start`` begins anew; rendering never waits, so one does for a hub."""

    __slots__ = ("left", "look_at", "until")

    def __init__(self) -> None:
        self.start()

    def start(self) -> None:
        """A new render."""
        self.left = MAX_STEPS
        self.look_at = MAX_STEPS - LOOK_EVERY
        self.until = 0.0

    def tick(self) -> bool:
        """One step more. Always true, so that it can stand in an expression."""
        left = self.left = self.left - 1
        if left < self.look_at:
            self.look()
        return True

    def charge(self, steps: int) -> None:
        """So many steps at once."""
        self.left -= steps
        if self.left < self.look_at:
            self.look()

    def look(self) -> None:
        """Raises ``Refused`` when steps or time are used up. The clock starts at the first look."""
        if self.left < 0:
            raise Refused(f"the template takes more than {MAX_STEPS:,} steps")
        self.look_at = self.left - LOOK_EVERY
        now = thread_time()
        if not self.until:
            self.until = now + MAX_SECONDS
        elif now > self.until:
            self.left = -1
            raise Refused(f"the template takes longer than {MAX_SECONDS * 1000:g} ms")


def weigh(value: Any, limit: int = MAX_WEIGHT) -> int:
    """How many values there are in ``value``, those of a list that occurs twice counted twice.

    Comparing, printing and hashing take as long as this is big, and a dozen nested lists can be bigger than any memory.
    """
    kind = type(value)
    if kind not in CONTAINERS and not isinstance(value, _MANY):
        return 1
    weight = nested = 0
    left: list[Any] = [value]
    while left:
        one = left.pop()
        nested += 1
        inner = one.values() if isinstance(one, Mapping) else one
        weight += len(one)
        if weight > limit or nested > MAX_NESTED:
            raise Refused("a list or mapping with too many values in it")
        left += [item for item in inner if type(item) not in PLAIN and isinstance(item, _MANY)]
        if isinstance(one, dict):
            left.extend(key for key in one if type(key) is tuple)
    return weight


def light(value: Any) -> Any:
    """``value`` itself, which is not too big to be compared."""
    if type(value) in CONTAINERS:
        weigh(value)
    return value


def taken(value: Any, budget: Budget) -> Any:
    """``value`` for a function that goes through all of it. What is worked out bit by bit becomes a list."""
    kind = type(value)
    if kind in PLAIN:
        return value
    if kind not in CONTAINERS:
        if not hasattr(kind, "__next__"):
            if kind is range:
                check_items(len(value), MAX_TAKEN)
            return value
        value = list(islice(value, MAX_TAKEN + 1))
    budget.charge(weigh(value, MAX_TAKEN) >> 3)
    return value


def check_length(length: int, limit: int = MAX_TEXT) -> None:
    """Raises ``Refused`` for a text that is going to be too long."""
    if length > limit:
        raise Refused(f"a text of more than {limit:,} characters")


def check_items(count: int, limit: int = MAX_ITEMS) -> None:
    """Raises ``Refused`` for a list that is going to be too long."""
    if count > limit:
        raise Refused(f"a list of more than {limit:,} items")


def check_width(width: Any) -> None:
    """Raises ``Refused`` for padding that is too wide."""
    if isinstance(width, int) and abs(width) > MAX_WIDTH:
        raise Refused(f"padding to more than {MAX_WIDTH:,} characters")
