"""What a template may touch. Of each type it may read what is listed here, and of others plain values only."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from enum import Enum
from functools import partial
from types import BuiltinMethodType, MappingProxyType
from typing import Any, cast
from zoneinfo import ZoneInfo

from jinja2.environment import TemplateModule
from jinja2.filters import _GroupTuple
from jinja2.runtime import BlockReference, LoopContext, Macro, Undefined
from jinja2.utils import Cycler, Joiner, Namespace, missing
from markupsafe import Markup

from nanobot.hub.bus import Event
from nanobot.hub.context import Context
from nanobot.hub.states import State
from nanobot.templates import texts
from nanobot.templates.errors import Refused
from nanobot.templates.limits import CONTAINERS, check_length, light, weigh
from nanobot.templates.operators import BoundedFormatter
from nanobot.util.dt import iso

Reader = Callable[[Any, str], Any]
"""Gives an attribute of an object, or ``missing``."""


def _public(kind: type, *without: str) -> frozenset[str]:
    return frozenset(name for name in dir(kind) if not name.startswith("_")) - frozenset(without)


def _listed(names: frozenset[str]) -> Reader:
    def read(obj: Any, name: str) -> Any:
        return getattr(obj, name) if name in names else missing

    return read


MAPPING_METHODS = frozenset({"copy", "get", "items", "keys", "values"})
_TEXT = _public(str, "format", "format_map", *texts.OF_TEXT)
_BYTES = _public(bytes, *texts.OF_BYTES)


def _read_mapping(obj: Any, name: str) -> Any:
    if name in MAPPING_METHODS:
        return getattr(obj, name, missing)
    try:
        return obj[name]
    except (LookupError, TypeError):
        return missing


def _read_dict(obj: Any, name: str) -> Any:
    return getattr(obj, name) if name in MAPPING_METHODS else obj.get(name, missing)


def _read_text(obj: Any, name: str) -> Any:
    if name in _TEXT:
        return getattr(obj, name)
    bounded = _FORMATS.get(name) or texts.OF_TEXT.get(name)
    return missing if bounded is None else partial(bounded, obj)


def _read_bytes(obj: Any, name: str) -> Any:
    if name in _BYTES:
        return getattr(obj, name)
    bounded = texts.OF_BYTES.get(name)
    return missing if bounded is None else partial(bounded, obj)


def _read_number(obj: Any, name: str) -> Any:
    if name == "to_bytes":
        return partial(texts.to_bytes, obj)
    return getattr(obj, name) if name in _NUMBER else missing


def _read_time(obj: Any, name: str) -> Any:
    if name == "strftime":
        return partial(texts.strftime, obj)
    return getattr(obj, name, missing) if name in _TIME else missing


_NUMBER = _public(int, "to_bytes") | _public(float) | _public(complex)
_TIME = _public(dt.datetime, "strftime") | _public(dt.date, "strftime") | _public(dt.time, "strftime")

OF_STATE: Mapping[str, Callable[[State], Any]] = {
    "state": lambda s: s.state,
    "attributes": lambda s: s.attributes,
    "entity_id": lambda s: s.entity_id,
    "domain": lambda s: s.domain,
    "object_id": lambda s: s.object_id,
    "name": lambda s: s.name,
    "context": lambda s: s.context,
    "last_changed": lambda s: dt.datetime.fromtimestamp(s.last_changed, dt.UTC),
    "last_updated": lambda s: dt.datetime.fromtimestamp(s.last_updated, dt.UTC),
    "last_reported": lambda s: dt.datetime.fromtimestamp(s.last_reported, dt.UTC),
    "last_changed_timestamp": lambda s: s.last_changed,
    "last_updated_timestamp": lambda s: s.last_updated,
    "last_reported_timestamp": lambda s: s.last_reported,
    "state_with_unit": lambda s: with_unit(s),
    "as_dict": lambda s: partial(_as_dict, s),
}
_OF_EVENT: Mapping[str, Callable[[Event], Any]] = {
    "event_type": lambda e: e.type,
    "data": lambda e: e.data,
    "origin": lambda e: e.origin,
    "time_fired": lambda e: dt.datetime.fromtimestamp(e.time, dt.UTC),
    "time_fired_timestamp": lambda e: e.time,
    "context": lambda e: e.context,
    "as_dict": lambda e: partial(_event_as_dict, e),
}


def _from_table(table: Mapping[str, Callable[[Any], Any]]) -> Reader:
    def read(obj: Any, name: str) -> Any:
        one = table.get(name)
        return missing if one is None else one(obj)

    return read


def _shown(state: State) -> str:
    """A state as Home Assistant prints it."""
    weigh(state.attributes)
    attributes = ", ".join(f"{name}={value}" for name, value in state.attributes.items())
    more = f"; {attributes}" if attributes else ""
    when = dt.datetime.fromtimestamp(state.last_changed, dt.UTC).astimezone().isoformat()
    return f"<state {state.entity_id}={state.state}{more} @ {when}>"


def with_unit(state: State) -> str:
    """The state, and behind it its unit if it has one."""
    unit = state.attributes.get("unit_of_measurement")
    return state.state if unit is None else f"{state.state} {unit}"


def _as_dict(state: State) -> dict[str, Any]:
    return {
        "entity_id": state.entity_id,
        "state": state.state,
        "attributes": dict(state.attributes),
        "last_changed": iso(state.last_changed),
        "last_reported": iso(state.last_reported),
        "last_updated": iso(state.last_updated),
        "context": state.context.as_dict(),
    }


def _event_as_dict(event: Event) -> dict[str, Any]:
    return {
        "event_type": event.type,
        "data": dict(event.data),
        "origin": event.origin,
        "time_fired": dt.datetime.fromtimestamp(event.time, dt.UTC),
        "context": event.context.as_dict(),
    }


def _read_namespace(obj: Any, name: str) -> Any:
    return object.__getattribute__(obj, "_Namespace__attrs").get(name, missing)


def _read_module(obj: Any, name: str) -> Any:
    """What a file of macros defines."""
    return missing if name.startswith("_") else vars(obj).get(name, missing)


def _read_other(obj: Any, name: str) -> Any:
    """Plain values of objects that the hub's other rooms put into variables."""
    if name.startswith("_"):
        return missing
    value = getattr(obj, name, missing)
    return value if type(value) in READERS and not isinstance(value, _CALLABLE) else missing


def _read_undefined(obj: Any, name: str) -> Any:
    return getattr(obj, name)  # raises, with a sentence about what is undefined


_PRINTED_AS_IS = frozenset({int, float, bool, type(None), Markup, dt.datetime, dt.timedelta})
_CALLABLE = (Macro, BlockReference, Joiner, LoopContext, partial)
_NOTHING = _listed(frozenset())

READERS: dict[type, Reader] = {
    str: _read_text,
    Markup: _read_text,
    bytes: _read_bytes,
    dict: _read_dict,
    MappingProxyType: _read_mapping,
    list: _listed(frozenset({"copy", "count", "index"})),
    tuple: _listed(frozenset({"count", "index"})),
    set: _listed(_public(frozenset)),
    frozenset: _listed(_public(frozenset)),
    range: _listed(_public(range)),
    int: _read_number,
    bool: _read_number,
    float: _read_number,
    complex: _read_number,
    Decimal: _listed(frozenset({"as_tuple", "is_finite", "is_nan", "quantize", "to_integral_value"})),
    type(None): _NOTHING,
    dt.datetime: _read_time,
    dt.date: _read_time,
    dt.time: _read_time,
    dt.timedelta: _listed(_public(dt.timedelta)),
    dt.timezone: _listed(frozenset({"dst", "tzname", "utcoffset"})),
    ZoneInfo: _listed(frozenset({"dst", "key", "tzname", "utcoffset"})),
    State: _from_table(OF_STATE),
    Event: _from_table(_OF_EVENT),
    Context: _listed(frozenset({"as_dict", "id", "parent_id", "user_id"})),
    Namespace: _read_namespace,
    Macro: _listed(frozenset({"arguments", "caller", "catch_kwargs", "catch_varargs", "name"})),
    LoopContext: _listed(_public(LoopContext)),
    Cycler: _listed(frozenset({"current", "next", "reset"})),
    Joiner: _NOTHING,
    TemplateModule: _read_module,
    _GroupTuple: _listed(frozenset({"count", "grouper", "index", "list"})),
    BlockReference: _listed(frozenset({"super"})),
}
"""By exact type."""

METHODS_OF = (LoopContext, Cycler, Context)
"""Whose own methods may be called; those of built-in types may, as none that changes anything can be reached."""


def reader_of(kind: type) -> Reader:
    """How objects of a type are read that is not in the table; it is put there."""
    reader: Reader = _read_other
    if issubclass(kind, Undefined):
        reader = _read_undefined
    elif issubclass(kind, Enum):
        reader = _read_enum
    else:
        for base in kind.__mro__[1:-1]:
            if base in READERS and READERS[base] is not _read_other:
                reader = READERS[base]
                break
        else:
            if issubclass(kind, Mapping):
                reader = _read_mapping
    READERS[kind] = reader
    return reader


def _read_enum(obj: Enum, name: str) -> Any:
    if name in ("name", "value"):
        return getattr(obj, name)
    return _read_text(str(obj.value), name) if isinstance(obj, str) else missing


def read(obj: Any, name: str) -> Any:
    """An attribute, an item of that name, or ``missing``."""
    reader = READERS.get(type(obj)) or reader_of(type(obj))
    value = reader(obj, name)
    if value is missing and is_subscriptable(type(obj)):
        return item(obj, name)
    return value


def item(obj: Any, key: Any) -> Any:
    """``obj[key]``, or ``missing``."""
    if not is_subscriptable(type(obj)):
        return missing
    try:
        return obj[light(key)]
    except (TypeError, LookupError, ValueError):
        return missing


def _found(obj: Any, name: Any) -> Any:
    value = item(obj, name)
    if value is missing and isinstance(name, str):
        value = read(obj, name)
    if value is missing:
        raise Refused(f"{texts.kind(obj)} has no {name!r} that a template may read")
    return value


def _read_or_refuse(obj: Any, name: str) -> Any:
    value = read(obj, name)
    if value is missing:
        raise Refused(f"{texts.kind(obj)} has no {name!r} that a template may read")
    return value


def _format(text: str, *args: Any, **kwargs: Any) -> str:
    return str(BoundedFormatter(_read_or_refuse, _found, printed).vformat(text, args, kwargs))


def _format_map(text: str, values: Any) -> str:
    return str(BoundedFormatter(_read_or_refuse, _found, printed).vformat(text, (), values))


_FORMATS: Mapping[str, Callable[..., str]] = {"format": _format, "format_map": _format_map}


def printed(value: Any) -> str:
    """What ``{{ value }}`` puts out."""
    kind = type(value)
    if kind is str:
        return cast(str, value)
    if kind in _PRINTED_AS_IS:
        return str(value)
    if kind in CONTAINERS:
        weigh(value)
        return str(value)
    if isinstance(value, Mapping):
        weigh(value)
        return str(value if isinstance(value, dict) else dict(value))
    if isinstance(value, State):
        return f"<template TemplateState({_shown(value)})>"
    if isinstance(value, (list, tuple, set, frozenset)):
        weigh(value)
    text = str(value)
    check_length(len(text))
    return text


def is_subscriptable(kind: type) -> bool:
    """Whether ``[…]`` may be asked of objects of this type."""
    found = _SUBSCRIPTABLE.get(kind)
    if found is None:
        found = _SUBSCRIPTABLE[kind] = issubclass(kind, (str, bytes, range, Mapping, Sequence))
    return found


_SUBSCRIPTABLE: dict[type, bool] = {}


def may_be_called(obj: Any) -> bool:
    """Whether a template may call what it got hold of, the functions of the environment aside."""
    kind = type(obj)
    if kind in _CALLABLE:
        return True
    if kind is BuiltinMethodType:
        return type(obj.__self__) in READERS
    return isinstance(getattr(obj, "__self__", None), METHODS_OF) and not isinstance(obj, type)
