"""From voluptuous' errors to problems that say what would be right."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from typing import Any, cast

import voluptuous as vol

from nanobot.config.items import Items
from nanobot.config.problem import Path, Problem
from nanobot.config.wrong import Wrong, expected, kind_of, not_one_of, out_of_range
from nanobot.util.text import nearest, shorten
from nanobot.util.yaml import Unusable

MOST_TOLD = 20
"""Problems that a client is told of one message; to find words for thousands would keep everybody waiting."""
NAMES_SHOWN = 8
"""More options than this are not listed; the documentation has them."""

_KINDS: Mapping[Any, str] = {
    str: "text",
    int: "int",
    float: "float",
    bool: "bool",
    dict: "mapping",
    list: "list",
    None: "nothing",
    type(None): "nothing",
    "string": "text",
    "template": "text",
    "boolean": "bool",
    "number": "float",
    "positive_float": "float",
    "small_float": "float",
    "whole_number": "int",
    "positive_int": "int",
    "port": "int",
    "time": "time",
    "time_period": "duration",
    "positive_time_period": "duration",
    "date": "date",
    "datetime": "datetime",
    "entity_id": "entity_id",
    "entity_ids": "entity_id",
    "service_name": "service",
    "secret": "text",
    "url": "url",
    "slug": "slug",
    "size": "size",
    "Coerce(int)": "int",
    "Coerce(float)": "float",
    "Coerce(str)": "text",
    "Boolean": "bool",
}
"""What a validator takes, as a word of the translations. Functions go by their name."""

_OWN_WORDS = {
    "expected",
    "not a valid value",
    "value must be",
    "length of value must be",
    "invalid value in",
    "does not match regular expression",
    "no valid value found",
}
"""How voluptuous' messages begin when the author of the schema gave none."""


def explain(
    error: vol.Invalid,
    data: Any,
    path: Path,
    schema: Any = None,
    scrub: Callable[[str], str] = lambda text: text,
    *,
    most: int | None = None,
) -> list[Problem]:
    """The first ``most`` problems in an error that ``schema`` raised for ``data``, which stands at ``path``. Without
    file and line."""
    problems: list[Problem] = []
    for single in islice(flat(error), most):
        steps = tuple(_plain(step) for step in single.path)
        key, told, length = _sentence(single, steps, _at(data, steps), data, schema)
        told = {name: scrub(value) for name, value in told.items()}
        problem = Problem(key, told, path=path + steps[: len(steps) - length])
        if problem not in problems:
            problems.append(problem)
    meant = {(p.path[:-1], p.nearest) for p in problems if p.key == "unknown_option"}
    return [p for p in problems if p.key != "required" or (p.path, p.placeholders["name"]) not in meant]


def flat(error: vol.Invalid) -> Iterator[vol.Invalid]:
    """The single errors in a multiple one."""
    if isinstance(error, vol.MultipleInvalid):
        for inner in error.errors:
            yield from flat(inner)
    else:
        yield error


def _sentence(
    error: vol.Invalid, steps: Path, value: Any, data: Any, schema: Any
) -> tuple[str, Mapping[str, str], int]:
    """Key and placeholders, and how many steps at the end of the path do not exist in the data."""
    schemas = list(_descend(schema, steps))
    if isinstance(error, Wrong):
        return error.key, error.placeholders, 0
    if isinstance(error, vol.RequiredFieldInvalid):
        return *_required(error), 1
    if error.msg == "extra keys not allowed":
        return *_unknown(steps, data, schema), 0
    if isinstance(error, (vol.ExclusiveInvalid, vol.InclusiveInvalid)):
        names = _group(error, _descend(schema, steps[:-1]))
        own = "same group of" not in error.msg
        if own or not names:
            return "custom", {"message": error.msg}, 1
        key = "only_one_of" if isinstance(error, vol.ExclusiveInvalid) else "all_or_none"
        return key, {"options": ", ".join(f"'{name}'" for name in names)}, 1
    if not any(error.msg.startswith(words) for words in _OWN_WORDS):
        return "custom", {"message": error.msg}, 0
    return *_by_schema(error, value, schemas), 0


def _required(error: vol.Invalid) -> tuple[str, Mapping[str, str]]:
    marker = error.path[-1]
    names = marker.schema if isinstance(marker, vol.Marker) else marker
    if error.msg != "required key not provided" and not error.msg.startswith("at least one of ["):
        return "custom", {"message": error.msg}
    if isinstance(names, vol.Any):
        return "needs_one_of", {"options": ", ".join(f"'{name}'" for name in names.validators)}
    return "required", {"name": str(names)}


def _unknown(steps: Path, data: Any, schema: Any) -> tuple[str, Mapping[str, str]]:
    above = _at(data, steps[:-1])
    names = dict.fromkeys(str(name) for s in _descend(schema, steps[:-1]) for name in _keys(s))
    free = [name for name in names if not isinstance(above, dict) or name not in above]
    told = {"name": str(steps[-1])}
    if near := nearest(steps[-1], free):
        return "unknown_option", {**told, "nearest": near}
    if names and len(names) <= NAMES_SHOWN:
        return "unknown_option_of", {**told, "options": ", ".join(f"'{name}'" for name in names)}
    if schema is not None and not names:
        return "no_options", told
    return "unknown_option", told


def _group(error: vol.Invalid, schemas: Iterable[Any]) -> list[str]:
    label = str.__str__(error.path[-1]) if error.path else ""  # voluptuous prints it in angle brackets
    return [
        str(key)
        for schema in schemas
        if isinstance(schema, dict)
        for key in schema
        if label in (getattr(key, "group_of_exclusion", None), getattr(key, "group_of_inclusion", None))
    ]


def _by_schema(error: vol.Invalid, value: Any, schemas: list[Any]) -> tuple[str, Mapping[str, str]]:
    """What would have been right, from the schemas that stand at the place of the error."""
    if isinstance(error, vol.RangeInvalid):
        for schema in schemas:
            if isinstance(schema, vol.Range):
                return _as(out_of_range(value, *_limits(schema)))
    if isinstance(error, vol.LengthInvalid):
        for schema in schemas:
            if isinstance(schema, vol.Length):
                return _length(value, schema)
    options: list[Any] = []
    kinds: list[str] = []
    for schema in schemas:
        options += [option for option in _options(schema) if option not in options]
        kind = _kind(schema)
        if kind is not None and kind not in kinds:
            kinds.append(kind)
    own = kind_of(value)
    if options and own not in ("mapping", "list"):
        return _as(not_one_of(value, options))
    if kinds and own not in kinds:
        return _as(expected(",".join(kinds), value))
    if isinstance(error, vol.UrlInvalid):
        return "not_a_url", {"value": shorten(value)}
    if isinstance(error, vol.MatchInvalid):
        pattern = next((s.pattern.pattern for s in schemas if isinstance(s, vol.Match)), "")
        return "no_match", {"value": shorten(value), "pattern": pattern}
    if kinds:
        return _as(expected(",".join(kinds), value))
    found = re.fullmatch(r"expected (?:a )?(\w+)", error.msg)
    word = {"dictionary": "mapping", "str": "text", "boolean": "bool"}.get(found[1], found[1]) if found else None
    if word in ("mapping", "list", "text", "int", "float", "bool"):
        return _as(expected(word, value))
    return "not_valid", {"value": shorten(value)}


def _as(wrong: Wrong) -> tuple[str, Mapping[str, str]]:
    return wrong.key, wrong.placeholders


def _limits(schema: vol.Range) -> tuple[float | None, float | None]:
    return cast("float | None", schema.min), cast("float | None", schema.max)  # voluptuous takes anything with <


def _length(value: Any, schema: vol.Length) -> tuple[str, Mapping[str, str]]:
    kind = "text" if isinstance(value, str) else "list"
    too_short = schema.min is not None and len(value) < schema.min
    limit = schema.min if too_short else schema.max
    return f"{kind}_{'too_short' if too_short else 'too_long'}", {"limit": str(limit), "count": str(len(value))}


def _kind(schema: Any) -> str | None:
    if isinstance(schema, dict):
        return "mapping"
    if isinstance(schema, (list, tuple)):
        return "list"
    if isinstance(schema, Items):
        return "mapping" if schema.by == "key" else "list"
    name = getattr(schema, "__name__", None) if not isinstance(schema, type) else None
    try:
        return _KINDS.get(name or (repr(schema) if isinstance(schema, vol.Coerce) else schema))
    except TypeError:
        return None


def _options(schema: Any) -> list[Any]:
    if isinstance(schema, vol.In):
        return list(cast(Iterable[Any], schema.container))
    if isinstance(schema, (str, int, float)) and not callable(schema):
        return [schema]
    return list(getattr(schema, "options", ()))


def _keys(schema: Any) -> Iterator[Any]:
    for key in schema if isinstance(schema, dict) else ():
        inner = key.schema if isinstance(key, vol.Marker) else key
        if isinstance(inner, vol.Any):
            yield from inner.validators
        elif isinstance(inner, str) and not isinstance(key, vol.Remove):
            yield inner


def _descend(schema: Any, steps: Path) -> Iterator[Any]:
    """Every schema that applies to what stands at ``steps``."""
    for one in _spread(schema):
        if not steps:
            yield one
            continue
        for inner in _inside(one, steps[0]):
            yield from _descend(inner, steps[1:])


def _spread(schema: Any) -> Iterator[Any]:
    if schema is None:
        return
    if isinstance(schema, vol.Schema):
        yield from _spread(schema.schema) if schema.schema is not None else (None,)
    elif isinstance(schema, (vol.All, vol.Any, vol.Union)):
        for inner in schema.validators:
            yield from _spread(inner) if inner is not None else (None,)
    else:
        yield schema


def _inside(schema: Any, step: Any) -> Iterator[Any]:
    if isinstance(schema, Items):
        yield schema.item
    elif isinstance(schema, (list, tuple)):
        yield from schema
    elif isinstance(schema, dict):
        literal = [v for k, v in schema.items() if step in _keys({k: v})]
        yield from literal or [v for k, v in schema.items() if _takes(k, step)]


def _takes(key: Any, step: Any) -> bool:
    inner = key.schema if isinstance(key, vol.Marker) else key
    if isinstance(inner, (str, int)) or inner is vol.Extra:
        return inner is vol.Extra
    try:
        vol.Schema(inner)(step)
    except vol.Invalid:
        return False
    return True


def _at(data: Any, steps: Path) -> Any:
    for step in steps:
        try:
            data = data[step]
        except (LookupError, TypeError):
            return None
    return "(unusable)" if isinstance(data, Unusable) else data


def _plain(step: Any) -> Any:
    return str(step.schema) if isinstance(step, vol.Marker) else step
