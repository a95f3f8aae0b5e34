"""Jinja2's own filters, where they could take long or make something huge."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any

from jinja2 import filters as jinja
from jinja2 import pass_context, pass_environment
from jinja2.runtime import Context, Undefined
from jinja2.utils import missing

from nanobot.templates import operators, texts
from nanobot.templates.errors import Refused
from nanobot.templates.limits import (
    CONTAINERS,
    MAX_ITEMS,
    Budget,
    check_items,
    check_length,
    check_width,
    weigh,
)
from nanobot.templates.sandbox import item as item_of
from nanobot.templates.sandbox import printed
from nanobot.templates.sandbox import read as read_of

DROPPED = frozenset({"pprint", "safe", "xmlattr"})
"""Filters that are of no use here: they serve HTML pages, or show the insides of objects."""

SIMPLE = frozenset({"abs", "default", "d", "first", "last", "length", "count", "random", "defined"})
"""Filters that look at no more than the surface of what they get."""


def guarded(function: Callable[..., Any], budget: Budget) -> Callable[..., Any]:
    """``function``, whose arguments are weighed before it looks into them."""

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        budget.tick()
        for one in args:
            if type(one) in CONTAINERS:
                budget.charge(weigh(one) >> 3)
        for one in kwargs.values():
            if type(one) in CONTAINERS:
                weigh(one)
        return function(*args, **kwargs)

    return call


def make(budget: Budget) -> dict[str, Callable[..., Any]]:
    """The filters, which count their steps in ``budget``."""

    def taken(values: Iterable[Any]) -> list[Any]:
        """All values as a list that is not too big to be worked on."""
        if isinstance(values, (list, tuple)):
            found = values if isinstance(values, list) else list(values)
        else:
            found = list(islice(values, MAX_ITEMS + 1))
        check_items(len(found))
        budget.charge(len(found) >> 3)
        weigh(found)
        return found

    def attribute_of(context: Any, attribute: Any) -> Callable[[Any], Any]:
        """How ``map(attribute='a.b')`` and the like get at their value."""
        parts = [int(part) if part.isdigit() else part for part in str(attribute).split(".")]
        environment = context.environment
        if len(parts) == 1 and isinstance(parts[0], str):
            name = parts[0]

            def one(value: Any) -> Any:
                found = read_first(value, name)
                return environment.undefined(obj=value, name=name) if found is missing else found

            return one

        def many(value: Any) -> Any:
            for part in parts:
                found = read_first(value, part) if isinstance(part, str) else item_of(value, part)
                value = environment.undefined(obj=value, name=part) if found is missing else found
            return value

        return many

    def read_first(value: Any, name: str) -> Any:
        found = item_of(value, name)
        return read_of(value, name) if found is missing else found

    @pass_context
    def map_(context: Context, values: Iterable[Any], *args: Any, **kwargs: Any) -> Iterator[Any]:
        if not args and "attribute" in kwargs:
            get = attribute_of(context, kwargs.pop("attribute"))
            default = kwargs.pop("default", None)
            if kwargs:
                raise TypeError(f"map got an unexpected argument '{next(iter(kwargs))}'")
            return _mapped_attribute(values, get, default)
        if not args:
            raise TypeError("map needs the name of a filter, or attribute=")
        name, *rest = args
        function = prepared(context, "filter", name)
        return _mapped(values, function, rest, kwargs)

    def _mapped_attribute(values: Iterable[Any], get: Callable[[Any], Any], default: Any) -> Iterator[Any]:
        tick = budget.tick
        for value in values or ():
            tick()
            found = get(value)
            yield default if default is not None and isinstance(found, Undefined) else found

    def _mapped(values: Iterable[Any], function: Callable[..., Any], args: list[Any], kwargs: Any) -> Iterator[Any]:
        tick = budget.tick
        for value in values or ():
            tick()
            yield function(value, *args, **kwargs)

    def prepared(context: Context, what: str, name: Any) -> Callable[..., Any]:
        """A filter or test by name, ready to be called with a value."""
        environment = context.environment
        table = environment.filters if what == "filter" else environment.tests
        function = table.get(name)
        if function is None:
            environment._no_such(what, str(name))
        kind = getattr(function, "jinja_pass_arg", None)
        if kind is None:
            return function  # type: ignore[no-any-return]
        first = {"context": context, "eval_context": context.eval_ctx, "environment": environment}[kind.name]
        return functools.partial(function, first)

    def selecting(wanted: bool, *, by_attribute: bool) -> Callable[..., Iterator[Any]]:
        @pass_context
        def select(context: Context, values: Iterable[Any], *args: Any, **kwargs: Any) -> Iterator[Any]:
            get: Callable[[Any], Any] | None = None
            rest = list(args)
            if by_attribute:
                if not rest:
                    raise TypeError("the name of an attribute is missing")
                get = attribute_of(context, rest.pop(0))
            test = prepared(context, "test", rest.pop(0)) if rest else bool
            return _selected(values, get, test, rest, kwargs)

        def _selected(
            values: Iterable[Any], get: Callable[[Any], Any] | None, test: Any, args: list[Any], kwargs: Any
        ) -> Iterator[Any]:
            tick = budget.tick
            for value in values or ():
                tick()
                if bool(test(value if get is None else get(value), *args, **kwargs)) is wanted:
                    yield value

        return select

    def joined(context: Context, values: Iterable[Any], d: Any = "", attribute: Any = None) -> str:
        if attribute is not None:
            values = map(attribute_of(context, attribute), values)
        found = taken(values)
        return operators.join([printed(value) for value in found], printed(d))

    def on_list(function: Callable[..., Any], *, first: bool) -> Callable[..., Any]:
        """A filter of Jinja2 that works on a list, with the list taken first."""
        if first:

            @functools.wraps(function)
            def with_argument(argument: Any, values: Any, *args: Any, **kwargs: Any) -> Any:
                return function(argument, taken(values), *args, **kwargs)

            return with_argument

        @functools.wraps(function)
        def plain(values: Any, *args: Any, **kwargs: Any) -> Any:
            return function(taken(values), *args, **kwargs)

        return plain

    def summed(environment: Any, values: Iterable[Any], attribute: Any = None, start: Any = 0) -> Any:
        found = taken(values)
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
        return jinja.do_batch(taken(values), linecount, fill_with)

    def sliced(values: Any, slices: int, fill_with: Any = None) -> Any:
        check_items(slices)
        return jinja.do_slice(taken(values), slices, fill_with)

    def as_json(eval_ctx: Any, value: Any, indent: int | None = None) -> Any:
        weigh(value)
        check_width(indent)
        return jinja.do_tojson(eval_ctx, value, indent)

    def attribute(environment: Any, value: Any, name: Any) -> Any:
        found = read_of(value, str(name))
        return environment.undefined(obj=value, name=name) if found is missing else found

    filters: dict[str, Callable[..., Any]] = {
        name: function if name in SIMPLE else guarded(function, budget)
        for name, function in jinja.FILTERS.items()
        if name not in DROPPED
    }
    for name in ("max", "min", "sort", "unique", "groupby"):
        filters[name] = on_list(jinja.FILTERS[name], first=True)
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
            "reject": selecting(False, by_attribute=False),
            "rejectattr": selecting(False, by_attribute=True),
            "replace": replaced,
            "select": selecting(True, by_attribute=False),
            "selectattr": selecting(True, by_attribute=True),
            "slice": sliced,
            "string": printed,
            "sum": pass_environment(summed),
            "tojson": jinja.pass_eval_context(as_json),
        }
    )
    return filters


def bounded_range(*args: Any) -> range:
    """``range`` with as many items as a loop may have rounds."""
    found = range(*[int(one) if isinstance(one, float) and one.is_integer() else one for one in args])
    if len(found) > MAX_ITEMS:
        raise Refused(f"a range of more than {MAX_ITEMS:,} numbers")
    return found
