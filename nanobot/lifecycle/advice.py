"""What is probably wrong with a configuration although it can be used: entities and services that are not there, and
calls that a service will refuse. Told as warnings, and only where it is certain.

Which entities and services there are is seen in a house: the running one, or one in which what acts within the hub
alone was set up for the purpose. What other integrations bring is known while the hub runs, and not doubted before.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import voluptuous as vol

from nanobot.config.blueprint import TESTS
from nanobot.config.check import Checked, EntryConfig, placed
from nanobot.config.explain import explain
from nanobot.config.items import name_of, title_of
from nanobot.config.problem import Problem
from nanobot.config.thorough import all_errors
from nanobot.contracts.service import Service
from nanobot.hub.entry import EntryState
from nanobot.hub.hub import Hub
from nanobot.lifecycle.loader import Loader
from nanobot.lifecycle.manifest import BrokenIntegration, Manifest
from nanobot.lifecycle.plan import complete
from nanobot.util.secrets import Scrubber
from nanobot.util.text import nearest, slugify
from nanobot.util.yaml import Path as Steps

HINTS = 50  # names that are compared with all that there are, about 10 ms each with a thousand of them
_ID = re.compile(r"[a-z0-9_]+\.[a-z0-9_]+")
_READ = re.compile(
    r"""\b(?:states|is_state|state_attr|is_state_attr|state_translated)\(\s*(['"])([a-z0-9_]+\.[a-z0-9_]+)\1"""
    r"""|(['"])([a-z0-9_]+\.[a-z0-9_]+)\3\s*\|\s*(?:states|state_attr|is_state)\b"""
)
_TEMPLATE = ("{{", "{%")
_OF_ENTITIES = ("entity_id", "entities")
_SOMETIMES = ("at", "above", "below", "scene", "script")
"""Options in which an entity may be named."""
_BUDGET = "agent_budget"
"""The condition that names a budget without its domain."""
_SERVICE = ("action", "service")
_NOT_OURS = (TESTS, "fields", "metadata", "selector")
_FREE = ("event_data", "variables", "trigger_variables", "response_variable")
"""Keys below which names mean what they like; templates are templates all the same."""
_ABOUT_CALLS = {"unknown_option", "unknown_option_of", "no_options", "required"}


@dataclass(frozen=True, slots=True)
class Known:
    """What there is. ``domains``: those whose entities are all known; None: all are.

    ``elsewhere``: domains that may have services beyond ``services``; None: whatever is not among them is unknown.
    ``loaded``: domains of integrations that run. One that mirrors another system and does not may bring anything.
    """

    entities: Collection[str]
    services: Mapping[str, Service | None]
    domains: Collection[str] | None = None
    elsewhere: Collection[str] | None = None
    loaded: Collection[str] = ()


def known_of(hub: Hub) -> Known:
    """What a running hub has."""
    services = {f"{service.domain}.{service.name}": service for service in hub.services}
    entries = list(hub.entries.values())
    loaded = {one.domain for one in entries} - {one.domain for one in entries if one.state is not EntryState.LOADED}
    return Known({state.entity_id for state in hub.states}, services, loaded=loaded)


def self_contained(loader: Loader) -> frozenset[str]:
    """The domains that act within the hub alone."""
    return frozenset(name for name, manifest in _manifests(loader, loader.names()) if manifest.self_contained)


def _manifests(loader: Loader, names: Iterable[str]) -> Iterator[tuple[str, Manifest]]:
    for name in names:
        try:
            integration = loader.find(name)
        except BrokenIntegration:
            continue
        if integration is not None:
            yield name, integration.manifest


def will_be(checked: Checked) -> set[str]:
    """The ids that the items of a configuration may get, generously."""
    found = set()
    for entry in checked.entries.values():
        if entry.items is None:
            continue
        for key, item in entry.items.raw.items():
            for name in (key, title_of(item), name_of(item), *_names(item)):
                if isinstance(name, str):
                    found.add(f"{entry.domain}.{slugify(name)}")
                    found.add(f"*.{slugify(name)}")
    return found


def advise(checked: Checked, known: Known, loader: Loader) -> list[Problem]:
    """Warnings, by file and line. Blocks for a while with many automations; call it in a thread."""
    ours, hidden = self_contained(loader), Scrubber(checked.secrets)
    configured = {entry.domain for entry in complete(checked, loader).values()}
    is_open = any(manifest.mirrors for _, manifest in _manifests(loader, configured - set(known.loaded)))
    adviser = _Adviser(known, will_be(checked), configured, is_open=is_open)
    problems: list[Problem] = []
    for entry in checked.entries.values():
        if entry.domain in ours and entry.ok:
            problems += [placed(p, checked.loaded.data, checked.loaded, hidden) for p in adviser.of_entry(entry)]
    once = {problem.told(): problem for problem in problems}
    return sorted(once.values(), key=lambda problem: (problem.file or "", problem.line or 0))


class _Adviser:
    def __init__(
        self, known: Known, coming: Collection[str], configured: Collection[str], *, is_open: bool = False
    ) -> None:
        self._known = known
        self._is_open = is_open
        self._coming = coming
        self._configured = configured
        self._hints: dict[str, str | None] = {}
        self._service_domains = {name.partition(".")[0] for name in known.services}

    def of_entry(self, entry: EntryConfig) -> Iterator[Problem]:
        if entry.items is None or not entry.items.raw:
            yield from self._walk(entry.raw, (entry.id,))
            return
        steps: Mapping[Hashable, Any] = dict(zip(entry.items.raw, entry.items.kind.steps(entry.raw), strict=False))
        for key, item in entry.items.raw.items():
            yield from self._walk(item, (entry.id, steps.get(key, key)))

    def _walk(self, value: Any, path: Steps, *, free: bool = False) -> Iterator[Problem]:
        if isinstance(value, str):
            if any(sign in value for sign in _TEMPLATE):
                for found in _READ.finditer(value):
                    yield from self._entity(found[2] or found[4], path)
        elif isinstance(value, list):
            for index, item in enumerate(value):
                if isinstance(item, (str, dict, list)):
                    yield from self._walk(item, (*path, index), free=free)
        elif isinstance(value, dict):
            if not free:
                yield from self._mapping(value, path)
            for key, item in value.items():
                if key not in _NOT_OURS and isinstance(item, (str, dict, list)):
                    yield from self._walk(item, (*path, key), free=free or key in _FREE)

    def _mapping(self, value: Mapping[Any, Any], path: Steps) -> Iterator[Problem]:
        for key in _OF_ENTITIES:
            given = value.get(key)
            if isinstance(given, str):
                for part in given.split(","):
                    yield from self._entity(part.strip(), (*path, key))
            elif isinstance(given, list):
                for index, one in enumerate(given):
                    if isinstance(one, str):
                        yield from self._entity(one.strip(), (*path, key, index))
            elif isinstance(given, dict) and key == "entities":
                for one in given:
                    yield from self._entity(str(one), (*path, key, one))
        for key in _SOMETIMES:
            given = value.get(key)
            for one in given if isinstance(given, list) else [given]:
                if isinstance(one, str) and not one[:1].isdigit():
                    yield from self._entity(one, (*path, key))
        if value.get("condition") == _BUDGET and isinstance(value.get("budget"), str):
            yield from self._entity(f"budget.{slugify(value['budget'].removeprefix('budget.'))}", (*path, "budget"))
        for key in _SERVICE:
            if isinstance(value.get(key), str):
                yield from self._call(value, key, path)

    def _entity(self, text: str, path: Steps) -> Iterator[Problem]:
        entity_id = text.lower()
        if not _ID.fullmatch(entity_id) or entity_id in self._known.entities or entity_id in self._coming:
            return
        if self._is_open:
            return
        domain, _, name = entity_id.partition(".")
        if self._known.domains is not None and domain not in self._known.domains:
            return
        if f"*.{name}" in self._coming:
            return
        yield self._problem("unknown_entity", path, self._alike(entity_id, self._known.entities), entity_id=entity_id)

    def _call(self, value: Mapping[Any, Any], key: str, path: Steps) -> Iterator[Problem]:
        name = value[key].strip().lower()
        if not _ID.fullmatch(name):
            return
        if name not in self._known.services:
            domain = name.partition(".")[0]
            if name in self._coming or self._is_open:  # such as a script that is not there yet
                return
            if domain in self._service_domains and (
                self._known.elsewhere is None or domain not in self._known.elsewhere
            ):
                near = self._alike(name, self._known.services)
                yield self._problem("unknown_service", (*path, key), near, service=name)
            elif domain not in self._service_domains and domain not in self._configured:
                meant = nearest(domain, self._service_domains)
                near = self._alike(name.replace(domain, meant, 1), self._known.services) if meant else None
                yield self._problem("unknown_service_domain", (*path, key), near, service=name)
            return
        service = self._known.services[name]
        if service is not None:
            yield from self._fields(service, value, path)

    def _fields(self, service: Service, value: Mapping[Any, Any], path: Steps) -> Iterator[Problem]:
        data: dict[Any, Any] = {}
        where: dict[Any, Steps] = {}
        for part in ("data", "data_template", "target"):
            given = value.get(part)
            if given is not None and not isinstance(given, dict):
                return  # only a template knows
            data |= given or {}
            where |= {key: (*path, part, key) for key in given or {}}
        if "entity_id" in value:
            data["entity_id"] = value["entity_id"]
        name = f"{service.domain}.{service.name}"
        if isinstance(service.schema, vol.Schema) and isinstance(service.schema.schema, (dict, vol.All)):
            try:
                service.schema(data)
            except vol.Invalid as error:
                for problem in explain(all_errors(service.schema, data, error), data, (), service.schema):
                    if problem.key not in _ABOUT_CALLS:
                        continue
                    if problem.key == "required":
                        yield self._problem(
                            "field_missing", path, None, service=name, name=problem.placeholders["name"]
                        )
                    elif problem.path:
                        at = (*where.get(problem.path[0], path), *problem.path[1:])
                        told = str(problem.path[-1])
                        yield self._problem("unknown_field", at, problem.nearest, service=name, name=told)
            except Exception:  # a validator is anybody's code, and what it is given here may be a template
                return
            return
        for one, about in service.fields.items():
            if isinstance(about, Mapping) and about.get("required") and "default" not in about and one not in data:
                yield self._problem("field_missing", path, None, service=name, name=one)
        for one in data:
            if one not in service.fields and (near := nearest(str(one), set(service.fields) - set(data))):
                yield self._problem("unknown_field", where.get(one, path), near, service=name, name=str(one))

    def _alike(self, name: str, known: Collection[str]) -> str | None:
        """The nearest of the same domain, or else of any. Comparing takes time, so the first ``HINTS`` get one."""
        if name not in self._hints and len(self._hints) < HINTS:
            domain = f"{name.partition('.')[0]}."
            self._hints[name] = nearest(name, [one for one in known if one.startswith(domain)]) or nearest(name, known)
        return self._hints.get(name)

    def _problem(self, key: str, path: Steps, near: str | None, **told: str) -> Problem:
        if near:
            told["nearest"] = near
        return Problem(key, told, path=path, severity="warning")


def _names(item: Any) -> Iterator[str]:
    """The names of the entities in a section of a template entry."""
    if not isinstance(item, dict):
        return
    for value in item.values():
        for one in value if isinstance(value, list) else [value]:
            if isinstance(one, dict):
                for key in ("name", "default_entity_id", "unique_id"):
                    if isinstance(one.get(key), str):
                        yield one[key].rpartition(".")[2]
