"""Jinja2's own filters, where they could take long or make something huge."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any

from jinja2 import filters as jinja
from jinja2 import pass_context, pass_environment, pass_eval_context
from jinja2.runtime import Context, Undefined
from jinja2.utils import missing

from nanobot.hub.states import State
from nanobot.templates import operators, texts
from nanobot.templates.errors import Refused
from nanobot.templates.limits import (
    MAX_ITEMS,
    PLAIN,
    Budget,
    check_items,
    check_length,
    check_width,
    light,
    taken,
    weigh,
)
from nanobot.templates.sandbox import OF_STATE, printed
from nanobot.templates.sandbox import item as item_of
from nanobot.templates.sandbox import read as read_of

DROPPED = frozenset({"pprint", "safe", "xmlattr"})
"""Filters that are of no use here: they serve HTML pages, or show the insides of objects."""

SIMPLE = frozenset({"abs", "default", "d", "first", "last", "length", "count", "random", "defined"})
"""Filters that look at no more than the surface of what they get."""


MAX_SORTED = 10_000  # items of a list that is sorted
MAX_GROUPED = 5_000
LONGEST = {"urlize": 20_000, "wordwrap": 20_000, "striptags": 100_000, "wordcount": 200_000}
"""Characters of a text for filters that are slow with it."""


def guarded(function: Callable[..., Any], budget: Budget) -> Callable[..., Any]:
    """``function``, whose arguments are weighed before it looks into them."""

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        budget.tick()
        for one in args:
            if type(one) not in PLAIN:
                args = tuple([taken(one, budget) for one in args])
                break
        for one in kwargs.values():
            light(one)
        return function(*args, **kwargs)

    return call


def make(budget: Budget) -> dict[str, Callable[..., Any]]:
    """The filters, which count their steps in ``budget``."""

    def items_of(values: Iterable[Any], limit: int = MAX_ITEMS) -> list[Any]:
        """All values as a list that is not too big to be worked on."""
        found = values if isinstance(values, list) else list(islice(values, MAX_ITEMS + 1))
        check_items(len(found), limit)
        budget.charge(weigh(found) >> 3)
        return found

    def attribute_of(context: Any, attribute: Any) -> Callable[[Any], Any]:
        """How ``map(attribute='a.b')`` and the like get at their value."""
        lacking = context.environment.lacking
        parts = [int(part) if part.isdigit() else part for part in str(attribute).split(".")]
        if len(parts) == 1 and isinstance(parts[0], str):
            name = parts[0]
            of_state = OF_STATE.get(name)

            def one(value: Any) -> Any:
                if of_state is not None and type(value) is State:
                    return of_state(value)
                found = read_first(value, name)
                return lacking(value, name) if found is missing else found

            return one

        def many(value: Any) -> Any:
            for part in parts:
                found = read_first(value, part) if isinstance(part, str) else item_of(value, part)
                value = lacking(value, part) if found is missing else found
            return value

        return many

    def read_first(value: Any, name: str) -> Any:
        found = item_of(value, name)
        return read_of(value, name) if found is missing else found

    @pass_context
    def map_(context: Context, values: Iterable[Any], *args: Any, **kwargs: Any) -> Iterable[Any]:
        if not args and "attribute" in kwargs:
            get = attribute_of(context, kwargs.pop("attribute"))
            default = kwargs.pop("default", None)
            if kwargs:
                raise TypeError(f"map got an unexpected argument '{next(iter(kwargs))}'")
            if default is not None:
                get = _with_default(get, default)
        elif args:
            get = applied(context, "filter", args, kwargs)
        else:
            raise TypeError("map needs the name of a filter, or attribute=")
        return Lazy(map, get, values, budget)

    def applied(context: Context, what: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Callable[[Any], Any]:
        """A filter or test by name with its arguments, ready to be called with a value."""
        environment: Any = context.environment
        name, *rest = args
        function = (environment.filters if what == "filter" else environment.tests).get(name)
        if function is None:
            environment.no_such(what, str(name))
        for one in (*rest, *kwargs.values()):
            light(one)
        kind = getattr(function, "jinja_pass_arg", None)
        if kind is not None:
            first = {"context": context, "eval_context": context.eval_ctx, "environment": environment}[kind.name]
            function = functools.partial(function, first)
        if kwargs or len(rest) > 1:
            return lambda value: function(value, *rest, **kwargs)
        if rest:
            argument = rest[0]
            return lambda value: function(value, argument)
        return function  # type: ignore[no-any-return]

    def selecting(choose: Any, *, by_attribute: bool) -> Callable[..., Iterable[Any]]:
        @pass_context
        def select(context: Context, values: Iterable[Any], *args: Any, **kwargs: Any) -> Iterable[Any]:
            if not by_attribute:
                return Lazy(choose, applied(context, "test", args, kwargs) if args else bool, values, budget)
            if not args:
                raise TypeError("the name of an attribute is missing")
            get = attribute_of(context, args[0])
            if len(args) == 1:
                return Lazy(choose, get, values, budget)
            test = applied(context, "test", args[1:], kwargs)
            return Lazy(choose, lambda value: test(get(value)), values, budget)

        return select

    def joined(context: Context, values: Iterable[Any], d: Any = "", attribute: Any = None) -> str:
        if attribute is not None:
            values = map(attribute_of(context, attribute), values)
        found = items_of(values)
        return operators.join([printed(value) for value in found], printed(d))

    def on_list(function: Callable[..., Any], limit: int, *, first: bool) -> Callable[..., Any]:
        """A filter of Jinja2 that works on a list, with the list taken first."""
        if first:

            @functools.wraps(function)
            def with_argument(argument: Any, values: Any, *args: Any, **kwargs: Any) -> Any:
                return function(argument, items_of(values, limit), *args, **kwargs)

            return with_argument

        @functools.wraps(function)
        def plain(values: Any, *args: Any, **kwargs: Any) -> Any:
            return function(items_of(values, limit), *args, **kwargs)

        return plain

    def summed(environment: Any, values: Iterable[Any], attribute: Any = None, start: Any = 0) -> Any:
        found = items_of(values)
        if attribute is not None:
            found = list(map(jinja.make_attrgetter(environment, attribute), found))
        if isinstance(start, (str, bytes)):
            raise TypeError("sum() can't sum strings; use join")
        if isinstance(start, (list, tuple)):
            for one in found:
                budget.charge(len(start) >> 3)
                start = operators.add(start, one)
            return start
        return sum(found, start)

    def centered(value: Any, width: int = 80) -> str:
        check_width(width)
        return printed(value).center(width)

    def indented(value: Any, width: Any = 4, first: bool = False, blank: bool = False) -> str:
        text = printed(value)
        wide = len(width) if isinstance(width, str) else width
        check_width(wide)
        check_length(len(text) + (text.count("\n") + 1) * wide)
        return jinja.do_indent(text, width, first, blank)

    def formatted(value: Any, *args: Any, **kwargs: Any) -> str:
        if args and kwargs:
            raise TypeError("can't handle positional and keyword arguments at the same time")
        return str(operators.percent(printed(value), kwargs or args))

    def replaced(value: Any, old: Any, new: Any, count: int | None = None) -> str:
        return str(texts.replaced(printed(value), printed(old), printed(new), -1 if count is None else count))

    def listed(values: Any) -> list[Any]:
        found = list(islice(values, MAX_ITEMS + 1))
        check_items(len(found))
        budget.charge(len(found) >> 5)
        return found

    def batched(values: Any, linecount: int, fill_with: Any = None) -> Any:
        check_items(linecount)
        return list(jinja.do_batch(items_of(values), linecount, fill_with))

    def sliced(values: Any, slices: int, fill_with: Any = None) -> Any:
        check_items(slices)
        return list(jinja.sync_do_slice(items_of(values), slices, fill_with))

    def as_json(eval_ctx: Any, value: Any, indent: int | None = None) -> Any:
        weigh(value)
        check_width(indent)
        return jinja.do_tojson(eval_ctx, value, indent)

    def attribute(environment: Any, value: Any, name: Any) -> Any:
        found = read_of(value, str(name))
        return environment.undefined(obj=value, name=name) if found is missing else found

    unique = on_list(jinja.FILTERS["unique"], MAX_SORTED, first=True)
    filters: dict[str, Callable[..., Any]] = {
        name: function if name in SIMPLE else guarded(function, budget)
        for name, function in jinja.FILTERS.items()
        if name not in DROPPED
    }
    for name in ("max", "min", "sort"):
        filters[name] = on_list(jinja.FILTERS[name], MAX_SORTED, first=True)
    filters["groupby"] = on_list(jinja.FILTERS["groupby"], MAX_GROUPED, first=True)
    for name, longest in LONGEST.items():
        filters[name] = _short(filters[name], longest)
    filters["unique"] = pass_environment(lambda *args, **kwargs: list(unique(*args, **kwargs)))
    filters["dictsort"] = guarded(jinja.FILTERS["dictsort"], budget)
    filters.update(
        {
            "attr": pass_environment(attribute),
            "batch": batched,
            "center": centered,
            "format": formatted,
            "indent": indented,
            "join": pass_context(joined),
            "list": listed,
            "map": map_,
            "reject": selecting(itertools.filterfalse, by_attribute=False),
            "rejectattr": selecting(itertools.filterfalse, by_attribute=True),
            "replace": replaced,
            "select": selecting(filter, by_attribute=False),
            "selectattr": selecting(filter, by_attribute=True),
            "slice": sliced,
            "string": printed,
            "sum": pass_environment(summed),
            "tojson": pass_eval_context(as_json),
        }
    )
    return filters


def _short(function: Callable[..., Any], longest: int) -> Callable[..., Any]:
    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        for one in args:
            if isinstance(one, str):
                check_length(len(one), longest)
        return function(*args, **kwargs)

    return call


class Lazy:
    """What ``map`` and ``select`` give: worked out while it is gone through, its steps counted before."""

    __slots__ = ("_iterator", "size")

    def __init__(self, work: Any, function: Callable[[Any], Any], values: Any, budget: Budget) -> None:
        if values is None or isinstance(values, Undefined):
            values = () if values is None else list(values)
        size = values.size if type(values) is Lazy else _size(values)
        self.size: int | None = size
        if size is None:
            values = _counted(values, budget)
        else:
            budget.charge(size)
        self._iterator: Iterator[Any] = work(function, values)

    def __iter__(self) -> Iterator[Any]:
        return self._iterator

    def __next__(self) -> Any:
        return next(self._iterator)

    def __repr__(self) -> str:
        return "<generator object>"


def _size(values: Any) -> int | None:
    try:
        return len(values)
    except TypeError:
        return None


def _counted(values: Iterable[Any], budget: Budget) -> Iterator[Any]:
    tick = budget.tick
    for value in values:
        tick()
        yield value


def _with_default(get: Callable[[Any], Any], default: Any) -> Callable[[Any], Any]:
    def found_or_default(value: Any) -> Any:
        found = get(value)
        return default if isinstance(found, Undefined) else found

    return found_or_default


def bounded_range(*args: Any) -> range:
    """``range`` with as many items as a loop may have rounds."""
    found = range(*[int(one) if isinstance(one, float) and one.is_integer() else one for one in args])
    if len(found) > MAX_ITEMS:
        raise Refused(f"a range of more than {MAX_ITEMS:,} numbers")
    return found
