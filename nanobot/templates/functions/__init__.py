"""The functions of the template language that need nothing of the hub but its clock.

Their names, arguments and results are those of Home Assistant 2025.4; ``docs/template-functions.md`` shows each.
"""

from __future__ import annotations

from collections.abc import Callable

from nanobot.templates.functions import (
    encoding,
    jsons,
    lists,
    logic,
    numbers,
    regexes,
    responses,
    texts,
    times,
    versions,
)
from nanobot.templates.functions.arguments import Functions
from nanobot.util.dt import Clock

_MODULES = (encoding, jsons, lists, logic, numbers, regexes, responses, texts, versions)


def make(clock: Clock, on_time: Callable[[], None]) -> tuple[Functions, Functions, Functions]:
    """All globals, filters and tests; ``on_time`` is called whenever a result depends on what time it is."""
    names, filters, tests = times.make(clock, on_time)
    for module in _MODULES:
        names |= module.GLOBALS
        filters |= module.FILTERS
        tests |= module.TESTS
    return names, filters, tests
