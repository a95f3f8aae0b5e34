"""Lists, sets and mappings in templates: making, joining and comparing them, and what kind a value is of."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterable, Mapping, Sized
from datetime import datetime
from typing import Any

from nanobot.templates.functions.arguments import Functions, not_iterable, without_argument
from nanobot.templates.limits import check_items, weigh


def _items(name: str, value: Any) -> Iterable[Any]:
    if isinstance(value, str) or not isinstance(value, Iterable):
        raise TypeError(f"{name} expected a list, got {type(value).__name__}")
    if isinstance(value, Sized):
        check_items(len(value))
    return value


def combine(*args: Mapping[Any, Any], recursive: bool = False) -> dict[Any, Any]:
    """One mapping of several, the last one winning; ``recursive`` also joins the mappings inside of them."""
    if not args:
        raise without_argument("combine")
    result: dict[Any, Any] = {}
    for arg in args:
        if not isinstance(arg, Mapping):
            raise TypeError(f"combine expected a dict, got {type(arg).__name__}")
        if recursive:
            weigh(arg)
            _merge(result, arg)
        else:
            result.update(arg)
    return result


def _merge(into: dict[Any, Any], other: Mapping[Any, Any]) -> None:
    for key, value in other.items():
        present = into.get(key)
        if isinstance(present, Mapping) and isinstance(value, Mapping):
            into[key] = dict(present)
            _merge(into[key], value)
        else:
            into[key] = value


def flatten(value: Iterable[Any], levels: int | None = None) -> list[Any]:
    """The items of the lists inside of a list, down to the last or for so many ``levels``."""
    found: list[Any] = []
    _flatten(_items("flatten", value), math.inf if levels is None else levels, found)
    return found


def _flatten(value: Iterable[Any], levels: float, found: list[Any]) -> None:
    for item in value:
        if levels > 0 and isinstance(item, Iterable) and not isinstance(item, str):
            _flatten(item, levels - 1, found)
        else:
            found.append(item)
            check_items(len(found))


def _without_repeats(name: str, value: Any) -> dict[Any, None]:
    """What a set has, in the order of the list: a result that is the same each time."""
    return dict.fromkeys(_items(name, value))


def intersect(value: Iterable[Any], other: Iterable[Any]) -> list[Any]:
    wanted = _without_repeats("intersect", other)
    return [item for item in _without_repeats("intersect", value) if item in wanted]


def difference(value: Iterable[Any], other: Iterable[Any]) -> list[Any]:
    unwanted = _without_repeats("difference", other)
    return [item for item in _without_repeats("difference", value) if item not in unwanted]


def union(value: Iterable[Any], other: Iterable[Any]) -> list[Any]:
    return list(_without_repeats("union", value) | _without_repeats("union", other))


def symmetric_difference(value: Iterable[Any], other: Iterable[Any]) -> list[Any]:
    first, second = _without_repeats("symmetric_difference", value), _without_repeats("symmetric_difference", other)
    return [item for item in first if item not in second] + [item for item in second if item not in first]


def shuffle(*args: Any, seed: Any = None) -> list[Any]:
    """The items of a list, or the arguments, in random order; the same ``seed`` gives the same order."""
    if not args:
        raise without_argument("shuffle")
    if isinstance(args[0], Iterable) and not isinstance(args[0], str):
        items = list(_items("shuffle", args[0]))
        if len(args) > 1 and seed is None:
            seed = args[1]
    elif len(args) == 1:
        raise not_iterable(args[0])
    else:
        items = list(args)
    if seed:
        random.Random(seed).shuffle(items)
    else:
        random.shuffle(items)
    return items


def contains(value: Any, item: Any) -> bool:
    return item in value


def typeof(value: Any) -> str:
    return type(value).__name__


def _is_a(*kinds: type) -> Callable[[Any], bool]:
    def test(value: Any) -> bool:
        return isinstance(value, kinds)

    return test


_SETS: Functions = {
    "combine": combine,
    "difference": difference,
    "flatten": flatten,
    "intersect": intersect,
    "symmetric_difference": symmetric_difference,
    "typeof": typeof,
    "union": union,
}

GLOBALS: Functions = {**_SETS, "set": set, "shuffle": shuffle, "tuple": tuple, "zip": zip}
FILTERS: Functions = {**_SETS, "contains": contains, "shuffle": shuffle}
TESTS: Functions = {
    "contains": contains,
    "datetime": _is_a(datetime),
    "list": _is_a(list),
    "set": _is_a(set),
    "string_like": _is_a(str, bytes, bytearray),
    "tuple": _is_a(tuple),
}
