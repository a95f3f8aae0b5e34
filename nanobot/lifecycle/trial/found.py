"""The tests that stand beside automations, scripts and blueprints, and what is wrong with how they are written."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import voluptuous as vol

from nanobot.automation.tested import TEST
from nanobot.config.blueprint import DOMAINS, TESTS
from nanobot.config.blueprints import every, is_shipped
from nanobot.config.check import Checked, EntryConfig, ItemTable, placed
from nanobot.config.explain import explain
from nanobot.config.items import items_of, title_of
from nanobot.config.problem import Problem
from nanobot.config.substitute import USE, Known, fill
from nanobot.config.thorough import all_errors
from nanobot.config.wrong import expected
from nanobot.errors import NanobotError
from nanobot.lifecycle.loader import Loader
from nanobot.lifecycle.trial.stage import acts, alone
from nanobot.util.secrets import Scrubber
from nanobot.util.yaml import Path as Steps

TRIED = "test"
"""The name of an item that a blueprint is made into for a test of it."""


@dataclass(slots=True)
class Subject:
    """Something that has tests. ``key`` is that of the item in its entry, or the path of a blueprint in ``domain``."""

    domain: str
    key: Hashable
    title: str
    file: str | None
    entry: EntryConfig | None = None
    known: Known | None = None

    @property
    def is_blueprint(self) -> bool:
        """Whether the tests are those of a blueprint."""
        return self.known is not None

    def goes_by(self, name: str) -> bool:
        """Whether a person means this one: by id, name, path of a blueprint, ``automation.name`` or file."""
        wanted = name.casefold()
        known = {str(self.key).casefold(), self.title.casefold(), f"{self.domain}.{self.key}".casefold()}
        file = (self.file or "").casefold()
        return wanted in known or (bool(file) and (file == wanted or file.endswith(f"/{wanted}")))


@dataclass(slots=True)
class Written:
    """One test. ``test`` is None where ``problems`` is not empty."""

    subject: Subject
    name: str
    file: str | None
    line: int | None
    test: Mapping[str, Any] | None
    problems: list[Problem] = field(default_factory=list)


def of_config(checked: Checked) -> Iterator[Written]:
    """The tests of the items of a configuration."""
    loaded, hidden = checked.loaded, Scrubber(checked.secrets)
    for entry in checked.entries.values():
        if entry.items is None or not entry.items.raw:
            continue
        steps = dict(zip(entry.items.raw, entry.items.kind.steps(entry.raw), strict=False))
        for key, item in entry.items.raw.items():
            if not isinstance(item, dict) or TESTS not in item:
                continue
            at: Steps = (entry.id, steps[key], TESTS)
            file, line = loaded.locate(at)
            subject = Subject(entry.domain, key, title_of(item) or str(key), file, entry)
            for index, (test, problems) in enumerate(_each(item[TESTS], at)):
                told = [placed(problem, loaded.data, loaded, hidden) for problem in problems]
                where = loaded.locate((*at, index)) if isinstance(item[TESTS], list) else (file, line)
                yield Written(subject, _name(item[TESTS], index), *where, test, told)


def of_blueprints(config_dir: Path, *, shipped: bool = False) -> Iterator[Written]:
    """The tests of the user's blueprints; with ``shipped`` also of those that come with nanobot."""
    for domain in DOMAINS:
        for path, known in every(config_dir, domain).items():
            if known.blueprint is None or known.source is None or known.blueprint.tests is None:
                continue
            if not shipped and is_shipped(config_dir, domain, path):
                continue
            tests, source = known.blueprint.tests, known.source
            subject = Subject(domain, path, known.blueprint.name, source.file, known=known)
            for index, (test, problems) in enumerate(_each(tests, (TESTS,))):
                told = [_in_file(known, problem) for problem in problems]
                yield Written(subject, _name(tests, index), *source.locate((TESTS, index)), test, told)


def entry_of(written: Written, checked: Checked, loader: Loader) -> tuple[EntryConfig, Hashable]:
    """The entry to be tried out, and the key of the item in it. Raises ``NanobotError`` where it cannot be."""
    subject = written.subject
    if subject.known is not None:
        return _made(subject, written.test or {}, checked, loader)
    entry = subject.entry
    assert entry is not None
    assert entry.items is not None
    if subject.key not in entry.items.good:
        raise NanobotError(f"'{subject.title}' is wrong, so it cannot be tested; see `nanobot check`")
    return (alone(entry, subject.key) if acts(entry.domain, loader) else entry), subject.key


def _made(subject: Subject, test: Mapping[str, Any], checked: Checked, loader: Loader) -> tuple[EntryConfig, Hashable]:
    """An item that uses the blueprint, with the inputs of the test."""
    assert subject.known is not None
    domain = subject.domain
    integration = loader.find(domain)
    items = None if integration is None else items_of(integration.schema())
    if items is None:
        raise NanobotError(f"there is no integration that has {domain} blueprints")
    written: dict[str, Any] = {USE: {"path": subject.key, "input": dict(test["inputs"])}}
    if acts(domain, loader):
        written |= {"id": TRIED, "alias": TRIED}
    made, problems = fill(subject.known, written, loader.blueprints_of(domain) or ())
    if made is None:
        raise NanobotError("; ".join(problem.sentence() for problem in problems if problem.severity == "error"))
    try:
        good = items.one(TRIED, made)
    except vol.Invalid as error:
        every_error = all_errors(items.item, made, error)
        told = explain(every_error, made, (), items.item)
        raise NanobotError("; ".join(problem.told() for problem in told)) from error
    known = checked.entries.get(domain)
    pairs: list[tuple[Hashable, Any]] = [(TRIED, good)]
    if known is not None and known.items is not None and not acts(domain, loader):
        pairs = [*known.items.good.items(), *pairs]
    whole = items.whole(pairs)
    table = ItemTable(items, raw={TRIED: made}, good={TRIED: good})
    return EntryConfig(domain, domain, "", whole, whole, items=table), TRIED


def _each(tests: Any, at: Steps) -> Iterator[tuple[Mapping[str, Any] | None, list[Problem]]]:
    if not isinstance(tests, list):
        wrong = expected("list", tests)
        yield None, [Problem(wrong.key, wrong.placeholders, path=at)]
        return
    for index, test in enumerate(tests):
        try:
            yield TEST(test), []
        except vol.Invalid as error:
            yield None, explain(all_errors(TEST, test, error), test, (*at, index), TEST)


def _name(tests: Any, index: int) -> str:
    test = tests[index] if isinstance(tests, list) else None
    name = test.get("name") if isinstance(test, dict) else None
    return str(name) if name else f"#{index + 1}"


def _in_file(known: Known, problem: Problem) -> Problem:
    assert known.source is not None
    file, line = known.source.locate(problem.path, key=problem.key.startswith("unknown_option"))
    return replace(problem, file=file, line=line)
