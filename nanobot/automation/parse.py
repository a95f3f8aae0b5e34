"""Triggers, conditions and actions as they are written, in every form and spelling, and as they are understood."""

from __future__ import annotations

import marshal
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any, TypeVar

import voluptuous as vol

from nanobot.automation import words
from nanobot.automation.decide import ConditionConfig, Conditions
from nanobot.automation.sequence import ActionConfig, Sequence
from nanobot.config import validators as cv
from nanobot.config.explain import explain
from nanobot.config.quick import quick
from nanobot.config.wrong import Wrong, expected
from nanobot.templates import Template, has_template
from nanobot.templates import validators as tv
from nanobot.util.text import nearest, shorten

T = TypeVar("T")

LOGICAL = ("and", "or", "not")
NESTING = ("and", "or", "not", "condition", "choose", "if", "parallel", "repeat", "retry", "sequence", "try",
           "wait_for_trigger")  # fmt: skip
"""Words with others within them, whose files may be edited."""
MOST_SHARED = 1000  # of one word


@dataclass(frozen=True, slots=True)
class TriggerConfig:
    """One trigger: the word, what the word's own schema made of it, and what all triggers have."""

    word: str
    config: Mapping[str, Any]
    index: int
    id: str
    alias: str | None = None
    enabled: bool | Template = True
    variables: Mapping[str, Any] = field(default_factory=dict)


def triggers(value: Any) -> tuple[TriggerConfig, ...]:
    """One trigger or a list; lists under a ``triggers`` key within it belong to it."""
    flat: list[tuple[tuple[Any, ...], Any]] = []

    def flatten(one: Any, path: tuple[Any, ...]) -> None:
        for index, item in enumerate(_as_list(one)):
            here = (*path, index) if isinstance(one, list) else path
            if isinstance(item, (dict, Mapping)) and item.keys() == {"triggers"}:
                flatten(item["triggers"], (*here, "triggers"))
            else:
                flat.append((here, item))

    flatten(value, ())
    return tuple(_each(flat, lambda index, item: _trigger(item, index)))


def conditions(value: Any) -> Conditions:
    """One condition or a list, all of which have to hold."""
    return Conditions(tuple(_each(_listed(value), lambda index, item: condition(item))))


def actions(value: Any) -> Sequence:
    """One action or a list, done one after the other."""
    return Sequence(tuple(_each(_listed(value), lambda index, item: action(item))))


def condition(item: Any) -> ConditionConfig:
    """One condition in any of its forms: with its word, as a template, as ``and:``, ``or:``, ``not:``, as a list."""
    if isinstance(item, str) and not has_template(item):
        raise vol.Invalid(
            f"{shorten(item)} is a text without a template, which would never hold; write a template in '{{{{ }}}}', "
            "or a mapping with 'condition:'"
        )
    if isinstance(item, (str, bool)) or item is None:
        return _condition("template", {"value_template": item}, {}, under=())
    if isinstance(item, list):
        return _condition("and", {"conditions": item}, {}, under=())
    given = _mapping(item)
    common = _take(given, _COMMON)
    for word in LOGICAL:
        if word in given:
            _only(given, word)
            return _condition(word, {"conditions": given[word]}, common, under=(word,))
    name = given.pop("condition", None)
    if isinstance(name, list):
        return _condition("and", {"conditions": name}, common, under=("condition",))
    if isinstance(name, str) and has_template(name):
        return _condition("template", {"value_template": name}, common, under=("condition",))
    if not isinstance(name, str):
        raise vol.RequiredFieldInvalid("required key not provided", path=["condition"])
    return _condition(name, given, common)


def action(item: Any) -> ActionConfig:
    """One action. What it does is said by its key; a template alone is a condition."""
    if isinstance(item, str) and has_template(item):
        return _action("condition", {"condition": item}, {})
    given = _mapping(item)
    common = _take(given, _COMMON_TO_ACTIONS)
    own = words.own("action")
    for key in given:
        name = words.RENAMED.get(str(key), str(key))
        if name in own or words.find("action", name) is not None:
            return _action(name, given, common)
    known = sorted({"action", *words.own("action")} - {"service"})
    meant = nearest(next(iter(given), ""), [*known, "service"])
    hint = f"; did you mean '{meant}'?" if meant else ""
    raise vol.Invalid(f"is no action that is known; it needs one of {', '.join(known)}{hint}")


def renamed(given: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """With older names of options replaced by today's. Raises ``vol.Invalid`` where both are there."""
    if names.keys().isdisjoint(given):
        return dict(given)
    for old, new in names.items():
        if old in given and new in given:
            raise vol.Invalid(f"is the older name of '{new}', which is there as well; keep one of them", path=[old])
    return {names.get(key, key): value for key, value in given.items()}


def variables(value: Any) -> dict[str, Any]:
    """Variables, with their templates compiled."""
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise expected("mapping", value)
    compiled: dict[str, Any] = tv.template_value({str(name): one for name, one in value.items()})
    return compiled


def item_id(value: Any) -> str:
    """An ``id``: text or a whole number."""
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        raise expected("text,int", value)
    return str(value)


def enabled(value: Any) -> bool | Template:
    """true, false, or a template that sees no states."""
    if isinstance(value, str) and has_template(value):
        template: Template = tv.limited_template(value)
        return template
    return bool(cv.boolean(value))


def _trigger(item: Any, index: int) -> TriggerConfig:
    given = renamed(_mapping(item), {"platform": "trigger"})
    name = given.pop("trigger", None)
    if not isinstance(name, str):
        raise vol.RequiredFieldInvalid("required key not provided", path=["trigger"])
    common = _take(given, _COMMON_TO_TRIGGERS)
    common["id"] = common.get("id") or str(index)
    name = words.TRIGGERS.get(name, name)
    config = _meaning(_word("trigger", name).understand, given, _COMMON_TO_TRIGGERS)
    return TriggerConfig(name, config, index, **common)


def _condition(
    name: str, given: Mapping[str, Any], common: Mapping[str, Any], under: tuple[str, ...] | None = None
) -> ConditionConfig:
    """``under``: what stands in the YAML of a short form where the long form has its one option."""
    word = _word("condition", name)
    try:
        config = _meaning(word.understand, given, _COMMON)
    except vol.MultipleInvalid as error:
        for one in error.errors if under is not None else ():
            one.path[:1] = under or ()
        raise
    return ConditionConfig(name, config, word.inner("check"), **common)


def _meaning(understand: Callable[[Any], Any], given: Any, common: Mapping[str, Any]) -> Any:
    """What a word makes of its options. An option that it does not know may be one of all words, misspelt."""
    try:
        return understand(given)
    except vol.MultipleInvalid as error:
        for index, one in enumerate(error.errors):
            unknown = isinstance(one, Wrong) and one.key in _UNKNOWN and "nearest" not in one.placeholders
            if unknown and len(one.path) == 1:
                near = nearest(one.path[0], common)
                if near is not None:
                    told = {"name": str(one.path[0]), "nearest": near}
                    error.errors[index] = Wrong("unknown_option", list(one.path), **told)
        raise


def _action(name: str, given: Mapping[str, Any], common: Mapping[str, Any]) -> ActionConfig:
    word = _word("action", name)
    return ActionConfig(name, _meaning(word.understand, given, _COMMON_TO_ACTIONS), word.inner("run"), **common)


class _Word:
    """A word of the language, and what its schema takes."""

    __slots__ = ("_own", "found", "schema", "understand")

    def __init__(self, kind: words.Kind, name: str, found: ModuleType) -> None:
        own = name in words.own(kind)
        self.found = found
        self.schema: vol.Schema = found.SCHEMA
        self.understand = understanding(self.schema, shared=own and kind != "trigger" and name not in NESTING)
        self._own = own

    def inner(self, function: str) -> Callable[..., Any] | None:
        """The function of a word that comes with nanobot; those of integrations are looked up when they are used, since
        their files may be edited."""
        return getattr(self.found, function) if self._own else None


def understanding(schema: vol.Schema, *, shared: bool = False) -> Callable[[Any], Any]:
    """What the schema makes of something, or all that is wrong with it in our words. With ``shared``, what is written
    the same is understood once: a house has the same condition in many places."""
    check = quick(schema)

    def understand(given: Any) -> Any:
        try:
            return check(given)
        except vol.Invalid as error:
            raise vol.MultipleInvalid(
                [Wrong(p.key, list(p.path), **p.placeholders) for p in explain(error, given, (), schema)]
            ) from error

    known: dict[bytes, Any] = {}

    def understand_once(given: Any) -> Any:
        try:
            written = marshal.dumps(given, 2)  # 2: the same bytes for what is the same, types included
        except ValueError:  # something that YAML alone does not give, such as a secret
            return understand(given)
        found = known.get(written)
        if found is None:
            if len(known) >= MOST_SHARED:
                known.clear()
            found = known[written] = understand(given)
        return found

    return understand_once if shared else understand


def _word(kind: words.Kind, name: str) -> _Word:
    try:
        found = words.find(kind, name)
    except Exception as error:  # the file of an integration may fail in any way when it is imported
        raise vol.Invalid(f"the {kind} '{name}' cannot be used: {error}", path=[kind]) from error
    if found is None:
        if (kind, name) in words.ELSEWHERE:
            raise vol.Invalid(words.ELSEWHERE[kind, name], path=[kind])
        meant = nearest(name, words.own(kind))
        hint = f"; did you mean '{meant}'?" if meant else ""
        raise vol.Invalid(f"there is no {kind} '{name}'{hint}", path=[kind])
    known = _WORDS.get((kind, name))
    if known is None or known.schema is not found.SCHEMA:  # the file of an integration may have been edited
        known = _WORDS[kind, name] = _Word(kind, name, found)
    return known


def _each(
    items: Iterator[tuple[tuple[Any, ...], Any]] | list[tuple[tuple[Any, ...], Any]],
    understand: Callable[[int, Any], T],
) -> list[T]:
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
        except RecursionError:
            raise vol.Invalid("is nested too deeply") from None
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
    if not isinstance(item, (dict, Mapping)):
        raise expected("mapping", item)
    return dict(item)


def _only(given: Mapping[str, Any], word: str) -> None:
    others = [key for key in given if key != word]
    if others:
        raise vol.Invalid(f"cannot stand beside '{word}'", path=[others[0]])


def _take(given: dict[str, Any], common: Mapping[str, Callable[[Any], Any]]) -> dict[str, Any]:
    """Take out of ``given`` the options that all words of a kind have."""
    taken: dict[str, Any] = {}
    for name, check in common.items():
        if name in given:
            try:
                taken[name] = check(given.pop(name))
            except vol.Invalid as error:
                error.prepend([name])
                raise
    return taken


_WORDS: dict[tuple[words.Kind, str], _Word] = {}

_UNKNOWN = ("unknown_option", "unknown_option_of", "no_options")
_COMMON: Mapping[str, Callable[[Any], Any]] = {
    "alias": lambda value: None if value is None else cv.string(value),
    "enabled": enabled,
}
_COMMON_TO_TRIGGERS = {**_COMMON, "id": item_id, "variables": variables}
_COMMON_TO_ACTIONS = {**_COMMON, "continue_on_error": cv.boolean}
