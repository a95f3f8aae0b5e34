"""The Jinja2 environment of a hub: what there is for templates, how it may be reached, and how a render begins.

One for each way of rendering: with the hub or limited to pure functions, and strict about undefined names or not.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, NoReturn, cast

from jinja2 import StrictUndefined, Undefined
from jinja2.exceptions import SecurityError, TemplateRuntimeError
from jinja2.ext import loopcontrols
from jinja2.nodes import EvalContext
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import missing

from nanobot.hub.states import State
from nanobot.templates import operators
from nanobot.templates.compiler import Generator
from nanobot.templates.limits import PLAIN, Budget, check_length, light, taken
from nanobot.templates.macros import Macros
from nanobot.templates.sandbox import (
    MAPPING_METHODS,
    READERS,
    is_subscriptable,
    item,
    may_be_called,
    printed,
    reader_of,
)
from nanobot.templates.states import AllStates, DomainStates, Reading
from nanobot.templates.tables import collect

if TYPE_CHECKING:
    from nanobot.hub.hub import Hub

MAX_WARNED = 1_000  # undefined names that are remembered as told
MAX_TOLD = 20  # undefined things that one render tells of

STEP_LENGTH = 64  # characters put out that count as a step

_log = logging.getLogger(__name__)
_VALUES = frozenset({str, int, float, bool, type(None), list, dict, tuple})
"""What the outermost level of a template may put out as it is, to be written when all is there."""

_SLOTS = frozenset({"attributes", "entity_id", "state"})


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
        self.parent = cast(dict[str, Any], parent)
        self.vars = {}
        self.environment = environment
        self.exported_vars = set()
        self.name = name
        self.globals_keys = _NO_KEYS
        self.blocks = {key: [block] for key, block in blocks.items()} if blocks else {}
        self._functions = environment.globals

    @property
    def eval_ctx(self) -> EvalContext:
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
        self.budget = Budget()
        self.reading = Reading()
        self.source = ""
        """The text of the template that is rendered, for warnings."""
        self.tick = self.budget.tick
        self._warned: set[tuple[str, str]] = set()
        names, self.filters, self.tests = collect(hub, self.reading, self.budget, limited=limited)
        self.globals.clear()
        self.globals.update(names)
        self._callable = frozenset(one for one in names.values() if callable(one))

    # -- what the code made of templates calls --------------------------------------------------

    add = staticmethod(operators.add)
    multiply = staticmethod(operators.multiply)
    power = staticmethod(operators.power)
    modulo = staticmethod(operators.modulo)
    contains = staticmethod(operators.contains)
    light = staticmethod(light)

    def text(self, value: Any) -> str:
        """What a macro or block puts out."""
        text = value if type(value) is str else printed(value)
        if len(text) > STEP_LENGTH:
            self.budget.charge(len(text) // STEP_LENGTH)
        return text

    def value(self, value: Any) -> Any:
        """What the outermost level puts out; made to text when all is there, if it must be."""
        if type(value) is str:
            if len(value) > STEP_LENGTH:
                self.budget.charge(len(value) // STEP_LENGTH)
            return value
        return value if type(value) in _VALUES else printed(value)

    @staticmethod
    def concatenate(parts: tuple[Any, ...]) -> str:
        """``a ~ b``"""
        return operators.join([one if type(one) is str else printed(one) for one in parts])

    @staticmethod
    def concat(parts: Any) -> str:
        """The output of a block or a macro as one text."""
        found = [one if type(one) is str else printed(one) for one in parts]
        if len(found) == 1:
            return found[0]
        check_length(sum(map(len, found)))
        return "".join(found)

    def getattr(self, obj: Any, attribute: str) -> Any:
        """``obj.attribute``"""
        kind = type(obj)
        if kind is State and attribute in _SLOTS:
            return getattr(obj, attribute)
        if kind is dict and attribute not in MAPPING_METHODS:
            found = obj.get(attribute, missing)
        else:
            reader = READERS.get(kind) or reader_of(kind)
            found = reader(obj, attribute)
            if found is missing:
                found = item(obj, attribute)
        return self.lacking(obj, attribute) if found is missing else found

    def getitem(self, obj: Any, argument: Any) -> Any:
        """``obj[argument]``"""
        if type(argument) not in PLAIN:
            light(argument)
        if is_subscriptable(type(obj)):
            try:
                return obj[argument]
            except (TypeError, LookupError, ValueError):
                pass
        if isinstance(argument, str):
            found = (READERS.get(type(obj)) or reader_of(type(obj)))(obj, argument)
            if found is not missing:
                return found
        return self.lacking(obj, argument)

    def call(self, context: Context, obj: Any, *args: Any, **kwargs: Any) -> Any:
        """``obj(…)``"""
        for one in args:
            if type(one) not in PLAIN:
                args = tuple([taken(one, self.budget) for one in args])
                break
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

    def lacking(self, obj: Any, name: Any) -> Undefined:
        """What stands for an attribute or item that is not there, or not to be read."""
        if isinstance(name, str) and name.startswith("_"):
            return self.undefined(
                f"access to attribute {name!r} of {type(obj).__name__!r} object is unsafe.",
                name=name,
                obj=obj,
                exc=SecurityError,
            )
        return self.undefined(obj=obj, name=name)

    def no_such(self, what: str, name: str) -> NoReturn:
        """For ``map`` and ``select`` with a filter or test that there is not."""
        raise TemplateRuntimeError(f"No {what} named {name!r}.")

    def warn(self, message: str) -> None:
        """Say once for each template what it found undefined: to whoever renders it, else in the log."""
        info = self.reading.info
        if info is not None and info.warnings is not None:
            if message not in info.warnings and len(info.warnings) < MAX_TOLD:
                info.warnings.append(message)
            return
        key = (self.source, message)
        if key in self._warned:
            return
        if len(self._warned) >= MAX_WARNED:
            self._warned.clear()
        self._warned.add(key)
        source = self.source if len(self.source) <= 200 else f"{self.source[:199]}…"
        _log.warning("Template variable warning: %s when rendering '%s'", message, source)


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
