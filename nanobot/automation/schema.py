"""One automation: as it is written, in the older and newer spelling, and as it is understood."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

import voluptuous as vol

from nanobot.automation import words
from nanobot.config import validators as cv
from nanobot.config.explain import explain
from nanobot.config.wrong import Wrong, expected
from nanobot.util.text import nearest

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class TriggerConfig:
    """One trigger: the word, what the word's own schema made of it, and what all triggers have."""

    word: str
    config: Mapping[str, Any]
    index: int
    id: str
    alias: str | None = None
    enabled: bool = True
    variables: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ConditionConfig:
    """One condition. A disabled one does not count."""

    word: str
    config: Mapping[str, Any]
    alias: str | None = None
    enabled: bool = True


@dataclass(frozen=True, slots=True)
class ActionConfig:
    """One action. A disabled one is left out."""

    word: str
    config: Mapping[str, Any]
    alias: str | None = None
    enabled: bool = True
    continue_on_error: bool = False


def triggers(value: Any) -> tuple[TriggerConfig, ...]:
    """One trigger or a list; lists under a ``triggers`` key within it belong to it."""
    flat: list[tuple[tuple[Any, ...], Any]] = []

    def flatten(one: Any, path: tuple[Any, ...]) -> None:
        for index, item in enumerate(_as_list(one)):
            here = (*path, index) if isinstance(one, list) else path
            if isinstance(item, Mapping) and set(item) == {"triggers"}:
                flatten(item["triggers"], (*here, "triggers"))
            else:
                flat.append((here, item))

    flatten(value, ())
    return tuple(_each(flat, lambda index, item: _trigger(item, index)))


def conditions(value: Any) -> tuple[ConditionConfig, ...]:
    """One condition or a list, all of which have to hold."""
    return tuple(_each(_listed(value), lambda index, item: _condition(item)))


def actions(value: Any) -> tuple[ActionConfig, ...]:
    """One action or a list, done one after the other."""
    return tuple(_each(_listed(value), lambda index, item: _action(item)))


def automation(value: Any) -> dict[str, Any]:
    """What the YAML says of one automation, understood. Raises ``vol.Invalid`` with all that is wrong."""
    return dict(AUTOMATION(value))


def _modern(value: Any) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise expected("mapping", value)
    if "use_blueprint" in value:
        raise vol.Invalid("blueprints are not supported yet", path=["use_blueprint"])
    return _renamed(value, _OLD_KEYS)


def _trigger(item: Any, index: int) -> TriggerConfig:
    given = _mapping(item)
    given = _renamed(given, {"platform": "trigger"})
    name = given.pop("trigger", None)
    if not isinstance(name, str):
        raise vol.RequiredFieldInvalid("required key not provided", path=["trigger"])
    common = _take(given, _COMMON_TO_TRIGGERS)
    common["id"] = common.get("id") or str(index)
    return TriggerConfig(name, _word("trigger", name)(given), index, **common)


def _condition(item: Any) -> ConditionConfig:
    if isinstance(item, str):
        raise vol.Invalid("templates as conditions are not supported yet")
    given = _mapping(item)
    name = given.pop("condition", None)
    if not isinstance(name, str):
        raise vol.RequiredFieldInvalid("required key not provided", path=["condition"])
    common = _take(given, _COMMON)
    return ConditionConfig(name, _word("condition", name)(given), **common)


def _action(item: Any) -> ActionConfig:
    given = _mapping(item)
    common = _take(given, _COMMON_TO_ACTIONS)
    for key in given:
        name = words.RENAMED.get(str(key), str(key))
        if words.find("action", name) is not None:
            return ActionConfig(name, _word("action", name)(given), **common)
    known = sorted({"action", *words.own("action")} - {"service"})
    meant = nearest(next(iter(given), ""), [*known, "service"])
    hint = f"; did you mean '{meant}'?" if meant else ""
    raise vol.Invalid(f"is no action that is known; it needs one of {', '.join(known)}{hint}")


def _word(kind: words.Kind, name: str) -> Callable[[Any], Any]:
    try:
        found = words.find(kind, name)
    except Exception as error:  # the file of an integration may fail in any way when it is imported
        raise vol.Invalid(f"the {kind} '{name}' cannot be used: {error}", path=[kind]) from error
    if found is None:
        meant = nearest(name, words.own(kind))
        hint = f"; did you mean '{meant}'?" if meant else ""
        raise vol.Invalid(f"there is no {kind} '{name}'{hint}", path=[kind])
    schema: Callable[[Any], Any] = found.SCHEMA

    def understand(given: Any) -> Any:
        try:
            return schema(given)
        except vol.Invalid as error:
            raise vol.MultipleInvalid(
                [Wrong(p.key, list(p.path), **p.placeholders) for p in explain(error, given, (), schema)]
            ) from error

    return understand


def _each(items: list[tuple[tuple[Any, ...], Any]], understand: Callable[[int, Any], T]) -> list[T]:
    """All items understood, or all that is wrong with any of them."""
    done: list[T] = []
    wrong: list[vol.Invalid] = []
    for index, (path, item) in enumerate(items):
        try:
            done.append(understand(index, item))
        except vol.Invalid as error:
            for one in error.errors if isinstance(error, vol.MultipleInvalid) else [error]:
                one.prepend(list(path))
                wrong.append(one)
    if wrong:
        raise vol.MultipleInvalid(wrong)
    return done


def _listed(value: Any) -> list[tuple[tuple[Any, ...], Any]]:
    if isinstance(value, list):
        return [((index,), item) for index, item in enumerate(value)]
    return [((), item) for item in _as_list(value)]


def _as_list(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def _mapping(item: Any) -> dict[str, Any]:
    if not isinstance(item, Mapping):
        raise expected("mapping", item)
    return dict(item)


def _renamed(given: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """With older names of options replaced by today's. Raises ``vol.Invalid`` where both are there."""
    both = [(old, new) for old, new in names.items() if old in given and new in given]
    if both:
        old, new = both[0]
        raise vol.Invalid(f"is the older name of '{new}', which is there as well; keep one of them", path=[old])
    return {names.get(key, key): value for key, value in given.items()}


def _take(given: dict[str, Any], schema: vol.Schema) -> dict[str, Any]:
    """Take out of ``given`` the options that all words of a kind have."""
    names = [str(key) for key in schema.schema]
    return dict(schema({name: given.pop(name) for name in names if name in given}))


def _id(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        raise expected("text,int", value)
    return str(value)


_COMMON = vol.Schema({vol.Optional("alias"): cv.string, vol.Optional("enabled"): cv.boolean})
_COMMON_TO_TRIGGERS = _COMMON.extend({vol.Optional("id"): _id, vol.Optional("variables"): dict})
_COMMON_TO_ACTIONS = _COMMON.extend({vol.Optional("continue_on_error"): cv.boolean})

_OLD_KEYS = {"trigger": "triggers", "condition": "conditions", "action": "actions"}

MODES = ("single", "restart", "queued", "parallel")
LEVELS = ("silent", "debug", "info", "warning", "error", "critical")

AUTOMATION = vol.Schema(
    vol.All(
        _modern,
        {
            vol.Optional("id"): _id,
            vol.Optional("alias"): cv.string,
            vol.Optional("description"): vol.Any(None, cv.string),
            vol.Optional("initial_state"): cv.boolean,
            vol.Required("triggers"): triggers,
            vol.Optional("conditions", default=list): conditions,
            vol.Required("actions"): actions,
            vol.Optional("mode", default="single"): cv.one_of(*MODES),
            vol.Optional("max", default=10): vol.All(cv.whole_number, vol.Range(min=2)),
            vol.Optional("max_exceeded", default="warning"): cv.one_of(*LEVELS, fold=True),
            vol.Optional("variables", default=dict): dict,
            vol.Optional("trigger_variables", default=dict): dict,
            vol.Optional("trace", default=dict): {vol.Optional("stored_traces"): cv.positive_int},
        },
    )
)
