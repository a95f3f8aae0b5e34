"""One blueprint: what it says of itself, which inputs it leaves open, and the item that it stands for."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import voluptuous as vol

from nanobot import __version__
from nanobot.config import validators as cv
from nanobot.config.explain import explain
from nanobot.config.problem import Problem
from nanobot.config.selectors import selector_problems
from nanobot.config.wrong import Wrong, expected, not_one_of
from nanobot.util.text import nearest, shorten
from nanobot.util.yaml import Input, Unusable
from nanobot.util.yaml import Path as Steps

HEAD = "blueprint"
"""The key under which a blueprint speaks of itself; all others are what it stands for."""
TESTS = "tests"
"""The key under which it says how it has to work; no part of what it stands for."""
DOMAINS = ("automation", "script", "template")
HOME_ASSISTANT = "2025.4.4"
"""The release of Home Assistant whose language is spoken here; blueprints may ask for one."""

_NO_DEFAULT: Any = object()
_VERSION = re.compile(r"\d+\.\d+\.\d+")


@dataclass(frozen=True, slots=True)
class Opening:
    """One input. ``place`` is where it stands in the file; ``selector`` says what values fit, None: any."""

    name: str
    place: Steps
    title: str = ""
    description: str = ""
    selector: Mapping[str, Any] | None = None
    default: Any = field(default=_NO_DEFAULT, repr=False)

    @property
    def is_required(self) -> bool:
        """Whether whoever uses the blueprint has to give it."""
        return self.default is _NO_DEFAULT


@dataclass(frozen=True, slots=True)
class Blueprint:
    """``head`` is what stands under ``blueprint:``, ``tests`` under ``tests:``, ``body`` is the rest, with an ``Input``
    for each blank."""

    domain: str
    name: str
    head: Mapping[str, Any]
    body: Mapping[str, Any]
    inputs: Mapping[str, Opening]
    tests: Any = None

    @property
    def source_url(self) -> str | None:
        """Where it was taken from."""
        return self.head.get("source_url")

    @property
    def version(self) -> str | None:
        """What its author calls this edition of it."""
        version = self.head.get("version")
        return None if version is None else str(version)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise expected("text", value)
    return value


def _version(value: Any) -> str:
    """``2025.4.0``: three numbers."""
    if not isinstance(value, str) or not _VERSION.fullmatch(value):
        raise Wrong("not_a_version", value=shorten(value))
    return value


def _or_nothing(schema: Any) -> Any:
    return vol.All(lambda value: {} if value is None else value, schema)


_INPUT = vol.Schema(
    {
        vol.Optional("name"): vol.Any(None, _text),
        vol.Optional("description"): vol.Any(None, _text),
        vol.Optional("default"): cv.match_all,
        vol.Optional("selector"): cv.match_all,
    }
)
_SECTION = vol.Schema(
    {
        vol.Optional("name"): vol.Any(None, _text),
        vol.Optional("icon"): vol.Any(None, _text),
        vol.Optional("description"): vol.Any(None, _text),
        vol.Optional("collapsed"): cv.boolean,
        vol.Required("input"): _or_nothing({_text: _or_nothing(_INPUT)}),
    }
)


_MIN_VERSION = _or_nothing({vol.Optional("min_version"): _version})
HEAD_SCHEMA = vol.Schema(
    {
        vol.Required("name"): _text,
        vol.Required("domain"): _text,
        vol.Optional("description"): vol.Any(None, _text),
        vol.Optional("author"): vol.Any(None, _text),
        vol.Optional("source_url"): cv.url,
        vol.Optional("version"): cv.string,
        vol.Optional("homeassistant"): _MIN_VERSION,
        vol.Optional("nanobot"): _MIN_VERSION,
        vol.Optional("input"): _or_nothing({_text: cv.match_all}),
    }
)


def understand(data: Any, domain: str | None = None) -> tuple[Blueprint | None, list[Problem]]:
    """What the content of a file is as a blueprint; None when something in it is an error.

    ``domain`` is that of the folder in which it lies. The problems have paths within the file, but no file and line.
    """
    if not isinstance(data, dict) or HEAD not in data:
        return None, [Problem("blueprint_no_head")]
    head = data[HEAD]
    problems: list[Problem] = []
    problems += _refused(HEAD_SCHEMA, head, (HEAD,))
    if not problems:
        for name, about in (head.get("input") or {}).items():
            problems += _refused(_SECTION if _is_section(about) else _INPUT, about or {}, (HEAD, "input", name))
    if problems:
        return None, [problem for problem in problems if not _broken(data, problem.path)]
    if head["domain"] not in (*DOMAINS, domain):
        wrong = not_one_of(head["domain"], DOMAINS)
        problems.append(Problem(wrong.key, wrong.placeholders, path=(HEAD, "domain")))
    elif domain is not None and head["domain"] != domain:
        told = {"domain": head["domain"], "folder": domain}
        problems.append(Problem("blueprint_domain", told, path=(HEAD, "domain")))
    problems += _too_new(head)
    inputs: dict[str, Opening] = {}
    for opening in _openings(head.get("input"), (HEAD, "input")):
        if opening.name in inputs:
            problems.append(Problem("input_twice", {"name": opening.name}, path=opening.place))
        inputs[opening.name] = opening
        problems += selector_problems(opening.selector, (*opening.place, "selector"))
        problems += [
            Problem("input_in_default", {"name": name}, path=place)
            for name, place in blanks(opening.default, (*opening.place, "default"))
        ]
    body = {key: value for key, value in data.items() if key not in (HEAD, TESTS)}
    for name, place in blanks(body):
        if name not in inputs:
            told = {"name": name}
            if near := nearest(name, inputs):
                told["nearest"] = near
            problems.append(Problem("input_undeclared", told, path=place))
    if any(problem.severity == "error" for problem in problems):
        return None, problems
    return Blueprint(head["domain"], head["name"], head, body, inputs, data.get(TESTS)), problems


def blanks(value: Any, path: Steps = ()) -> Iterator[tuple[str, Steps]]:
    """Each ``!input`` in a value and where it stands."""
    match value:
        case Input():
            yield value.name, path
        case dict():
            for key, item in value.items():
                if isinstance(item, (dict, list, Input)):
                    yield from blanks(item, (*path, key))
        case list():
            for index, item in enumerate(value):
                if isinstance(item, (dict, list, Input)):
                    yield from blanks(item, (*path, index))


def _openings(inputs: Any, path: Steps, *, in_section: bool = False) -> Iterator[Opening]:
    for name, given in (inputs or {}).items():
        place = (*path, name)
        about = given or {}
        if not in_section and _is_section(about):
            yield from _openings(about["input"], (*place, "input"), in_section=True)
            continue
        yield Opening(
            name,
            place,
            about.get("name") or "",
            about.get("description") or "",
            about.get("selector"),
            about.get("default", _NO_DEFAULT),
        )


def _is_section(about: Any) -> bool:
    return isinstance(about, dict) and "input" in about


def _refused(schema: vol.Schema, value: Any, path: Steps) -> list[Problem]:
    try:
        schema(value)
    except vol.Invalid as error:
        return explain(error, value, path, schema)
    return []


def _too_new(head: Mapping[str, Any]) -> Iterator[Problem]:
    for key, title, have in (("homeassistant", "Home Assistant", HOME_ASSISTANT), ("nanobot", "nanobot", __version__)):
        wanted = (head.get(key) or {}).get("min_version")
        if wanted is not None and _numbers(wanted) > _numbers(have):
            told = {"product": title, "wanted": wanted, "have": have}
            yield Problem("blueprint_too_new", told, path=(HEAD, key, "min_version"))


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version)[:3])


def _broken(data: Any, path: Steps) -> bool:
    """Whether what stands there could not be made out, which has been said already."""
    for step in path:
        try:
            data = data[step]
        except (LookupError, TypeError):
            return False
    return isinstance(data, Unusable)
