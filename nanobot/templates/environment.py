"""The Jinja2 environment of a hub: what there is for templates, how it may be reached, and how a render begins.

One for each way of rendering: with the hub or limited to pure functions, and strict about undefined names or not.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from jinja2 import StrictUndefined, Undefined
from jinja2.defaults import DEFAULT_NAMESPACE
from jinja2.exceptions import SecurityError, TemplateRuntimeError
from jinja2.ext import loopcontrols
from jinja2.nodes import EvalContext
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import missing

from nanobot.templates import filters as bounded
from nanobot.templates import functions, operators, states
from nanobot.templates.compiler import Generator
from nanobot.templates.errors import Refused
from nanobot.templates.limits import CONTAINERS, Budget, check_length, light, weigh
from nanobot.templates.macros import Macros
from nanobot.templates.sandbox import READERS, is_subscriptable, item, may_be_called, printed, reader_of
from nanobot.templates.states import AllStates, DomainStates, Reading
from nanobot.util.text import nearest
from nanobot.util.dt import Clock

if TYPE_CHECKING:
    from nanobot.hub.hub import Hub

MAX_WARNED = 1_000  # undefined names that are remembered as told

_log = logging.getLogger(__name__)
_VALUES = frozenset({str, int, float, bool, type(None), list, dict, tuple})
"""What the outermost level of a template may put out as it is, to be written when all is there."""

_JINJA_GLOBALS = {name: value for name, value in DEFAULT_NAMESPACE.items() if name not in ("lipsum", "range")}


class Scope(Context):
    """The names of one render: its variables over the functions, without a copy of either."""

    def __init__(
        self,
        environment: Environment,
        parent: Mapping[str, Any],
        name: str | None,
        blocks: dict[str, Any],
        globals: Any = None,  # noqa: A002 - Jinja2's name
    ) -> None:
        self.parent = parent  # type: ignore[assignment]
        self.vars = {}
        self.environment = environment
        self.exported_vars = set()
        self.name = name
        self.globals_keys = _NO_KEYS
        self.blocks = {key: [block] for key, block in blocks.items()} if blocks else {}
        self._functions = environment.globals

    @property
    def eval_ctx(self) -> EvalContext:  # type: ignore[override]
        """Made when it is asked for, which few templates do."""
        found = self.__dict__.get("_eval_ctx")
        if found is None:
            found = self.__dict__["_eval_ctx"] = EvalContext(self.environment, self.name)
        return found

    @eval_ctx.setter
    def eval_ctx(self, value: EvalContext) -> None:
        self.__dict__["_eval_ctx"] = value

    def resolve_or_missing(self, key: str) -> Any:
        names: Mapping[str, Any] = self.vars
        if key in names:
            return names[key]
        names = self.parent
        if key in names:
            return names[key]
        return self._functions.get(key, missing)

    def get_all(self) -> dict[str, Any]:
        return {**self.parent, **self.vars}

    def __contains__(self, name: object) -> bool:
        return name in self.vars or name in self.parent or name in self._functions


_NO_KEYS: set[str] = set()


class Environment(ImmutableSandboxedEnvironment):
    """``hub`` None: for checking texts only."""

    code_generator_class = Generator
    context_class = Scope

    def __init__(self, hub: Hub | None, *, limited: bool, strict: bool, macros: Macros) -> None:
        super().__init__(
            extensions=[loopcontrols],
            undefined=StrictUndefined if strict else _lenient(self),
            loader=macros,
            optimized=False,
            auto_reload=False,
            cache_size=200,
        )
        self.hub = hub
        self.budget = Budget()
        self.reading = Reading()
        self.source = ""
        """The text of the template that is rendered, for warnings."""
        self.tick = self.budget.tick
        self._warned: set[tuple[str, str]] = set()
        self._collect(limited)
        self._callable = {one for one in self.globals.values() if callable(one)} | {
            one for one in self._own_callables()
        }

    # -- what the code made of templates calls --------------------------------------------------

    add = staticmethod(operators.add)
    multiply = staticmethod(operators.multiply)
    power = staticmethod(operators.power)
    modulo = staticmethod(operators.modulo)
    contains = staticmethod(operators.contains)
    light = staticmethod(light)
    text = staticmethod(printed)

    @staticmethod
    def value(value: Any) -> Any:
        """What the outermost level puts out; made to text when all is there, if it must be."""
        return value if type(value) in _VALUES else printed(value)

    @staticmethod
    def concatenate(parts: tuple[Any, ...]) -> str:
        """``a ~ b``"""
        return operators.join([one if type(one) is str else printed(one) for one in parts])

    @staticmethod
    def concat(parts: Any) -> str:  # type: ignore[override]
        """The output of a block or a macro as one text."""
        found = [one if type(one) is str else printed(one) for one in parts]
        if len(found) == 1:
            return found[0]
        check_length(sum(map(len, found)))
        return "".join(found)

    def getattr(self, obj: Any, attribute: str) -> Any:
        """``obj.attribute``"""
        kind = type(obj)
        reader = READERS.get(kind)
        if reader is None:
            reader = reader_of(kind)
        found = reader(obj, attribute)
        if found is not missing:
            return found
        found = item(obj, attribute)
        return self._lacking(obj, attribute) if found is missing else found

    def getitem(self, obj: Any, argument: Any) -> Any:
        """``obj[argument]``"""
        if is_subscriptable_now(type(obj)):
            try:
                return obj[argument if type(argument) is not tuple else light(argument)]
            except (TypeError, LookupError, ValueError):
                pass
        if isinstance(argument, str):
            found = (READERS.get(type(obj)) or reader_of(type(obj)))(obj, argument)
            if found is not missing:
                return found
        return self._lacking(obj, argument)

    def call(self, context: Context, obj: Any, *args: Any, **kwargs: Any) -> Any:  # type: ignore[override]
        """``obj(…)``"""
        for one in args:
            if type(one) in CONTAINERS:
                self.budget.charge(weigh(one) >> 3)
        try:
            known = obj in self._callable
        except TypeError:
            known = False
        if not known:
            if isinstance(obj, Undefined):
                return obj()
            if not callable(obj):
                raise TypeError(f"'{type(obj).__name__}' object is not callable")
            if not may_be_called(obj):
                raise SecurityError(f"{type(obj).__name__} is nothing that a template may call")
        kind = getattr(obj, "jinja_pass_arg", None)
        if kind is not None:
            return context.call(obj, *args, **kwargs)
        try:
            return obj(*args, **kwargs)
        except StopIteration:
            return self.undefined("value was undefined because a callable raised a StopIteration exception")

    # -- inside ---------------------------------------------------------------------------------

    def _lacking(self, obj: Any, name: Any) -> Undefined:
        if isinstance(name, str) and name.startswith("_"):
            return self.undefined(
                f"access to attribute {name!r} of {type(obj).__name__!r} object is unsafe.",
                name=name,
                obj=obj,
                exc=SecurityError,
            )
        return self.undefined(obj=obj, name=name)

    def _no_such(self, what: str, name: str) -> None:
        table = self.filters if what == "filter" else self.tests
        near = nearest(name, table)
        raise TemplateRuntimeError(f"No {what} named {name!r}." + (f" Did you mean '{near}'?" if near else ""))

    def warn(self, message: str) -> None:
        """Say once for each template what it found undefined."""
        key = (self.source, message)
        if key in self._warned:
            return
        if len(self._warned) >= MAX_WARNED:
            self._warned.clear()
        self._warned.add(key)
        source = self.source if len(self.source) <= 200 else f"{self.source[:199]}…"
        _log.warning("Template variable warning: %s when rendering '%s'", message, source)

    def _collect(self, limited: bool) -> None:
        clock = self.hub.clock if self.hub is not None else Clock()
        self.globals.clear()
        self.globals.update(_JINJA_GLOBALS)
        self.globals["range"] = bounded.bounded_range
        self.filters = bounded.make(self.budget)
        tests: dict[str, Callable[..., Any]] = {
            name: _guard_test(name, function, self.budget) for name, function in self.tests.items()
        }
        names, more_filters, more_tests = functions.make(clock, self._on_time)
        self.globals.update(names)
        self.filters.update(more_filters)
        tests.update(more_tests)
        tables = of_hub(self.hub, self.reading, self.budget)
        if limited:
            self.globals.update({name: _unsupported(name) for name in (*tables[0], *TIMES)})
            self.filters.update({name: _unsupported(name) for name in tables[1]})
            tests.update({name: _unsupported(name) for name in tables[2]})
        else:
            self.globals.update(tables[0])
            self.filters.update(tables[1])
            tests.update(tables[2])
        self.tests = tests

    def _on_time(self) -> None:
        if self.reading.info is not None:
            self.reading.info.time = True

    def _own_callables(self) -> Iterator[Any]:
        yield from (one for one in self.filters.values() if callable(one))


TIMES = ("now", "utcnow", "relative_time", "time_since", "time_until", "today_at")
"""Functions that read the clock, which a limited template has not."""


def of_hub(hub: Hub | None, reading: Reading, budget: Budget) -> tuple[states.Table, states.Table, states.Table]:
    """Globals, filters and tests that read the hub; of no use where there is none."""
    from nanobot.hub.bus import Bus
    from nanobot.hub.states import States

    if hub is None:

        class _Nobody:
            states = States(Bus(), Clock())

        hub = _Nobody()  # type: ignore[assignment]
    return states.make(hub, reading, budget)  # type: ignore[arg-type]


def _unsupported(name: str) -> Callable[..., Any]:
    def refuse(*args: Any, **kwargs: Any) -> Any:
        raise Refused(f"Use of '{name}' is not supported in limited templates")

    return refuse


def _guard_test(name: str, function: Callable[..., Any], budget: Budget) -> Callable[..., Any]:
    if name in (
        "eq",
        "==",
        "equalto",
        "ne",
        "!=",
        "gt",
        "greaterthan",
        ">",
        "ge",
        ">=",
        "lt",
        "lessthan",
        "<",
        "le",
        "<=",
        "in",
    ):

        def compare(left: Any, right: Any) -> Any:
            if type(left) in CONTAINERS:
                light(left)
            return function(left, right)

        return compare
    return function


@cache
def is_subscriptable_now(kind: type) -> bool:
    """``is_subscriptable``, remembered."""
    return is_subscriptable(kind)


def _lenient(environment: Environment) -> type[Undefined]:
    """An undefined name counts as empty, and is told once."""

    class Lenient(Undefined):
        __slots__ = ()

        def __str__(self) -> str:
            environment.warn(self._undefined_message)
            return ""

        def __iter__(self) -> Iterator[Any]:
            environment.warn(self._undefined_message)
            return iter(())

        def __bool__(self) -> bool:
            environment.warn(self._undefined_message)
            return False

    return Lenient


READERS[AllStates] = lambda obj, name: _or_missing(obj, name)
READERS[DomainStates] = lambda obj, name: obj.read(name)


def _or_missing(obj: AllStates, name: str) -> Any:
    try:
        return obj.read(name)
    except KeyError:
        return missing
