"""The list of functions is complete, and each example in it gives what is printed beside it."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

import jinja2
import pytest

from nanobot.hub.hub import Hub
from nanobot.templates import Template
from nanobot.templates.template import environments
from nanobot.util.dt import Clock
from tests.templates.functions.conftest import NOON

PAGE = Path(__file__).parents[3] / "docs" / "template-functions.md"
_LINE = re.compile(
    r"- (?P<names>\*\*\w+\*\*(?:, \*\*\w+\*\*)*)(?P<default> ⌀)? — "
    r"(?P<about>.*?)`(?P<example>\{\{.*\}\})` → `(?P<result>.*)`"
)

JINJAS = {"e": {"filter"}, "float": {"test"}, "list": {"filter"}}
"""Forms that are Jinja2's own."""


class Entry(NamedTuple):
    names: list[str]
    takes_default: bool
    about: str
    example: str
    result: str


def entries() -> list[Entry]:
    lines = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("- ")]
    found = [_LINE.fullmatch(line) for line in lines]
    assert all(found), [line for line, match in zip(lines, found, strict=True) if not match]
    return [
        Entry(
            re.findall(r"\w+", match["names"]),
            bool(match["default"]),
            match["about"],
            match["example"],
            match["result"],
        )
        for match in found
        if match
    ]


def name_of(entry: Entry) -> str:
    return entry.names[0]


@pytest.fixture
def house(tmp_path: Path) -> Hub:
    """The hub of which the page tells."""
    hub = Hub(tmp_path, clock=Clock(lambda: NOON, ZoneInfo("Europe/Berlin")))
    hub.config = replace(hub.config, latitude=52.52, longitude=13.4)
    hub.states.set("zone.office", "0", {"latitude": 52.53, "longitude": 13.4})
    hub.states.set("sensor.kitchen", "21.5", {"unit_of_measurement": "°C"})
    hub.states.set("sensor.cellar", "unavailable")
    hub.states.set("light.lamp", "on", {"brightness": 128})
    hub.states.set("light.strip", "off")
    hub.states.set("group.lights", "on", {"entity_id": ["light.lamp", "light.strip"]})
    return hub


@pytest.mark.parametrize("entry", entries(), ids=name_of)
def test_each_example_gives_what_the_page_says(house: Hub, entry: Entry) -> None:
    assert entry.names[0] in entry.example
    assert Template(entry.example).render(house, native=False) == entry.result


def test_everything_that_templates_have_is_on_the_page(house: Hub) -> None:
    environment, plain = environments(house).environment(), jinja2.Environment()
    own = {
        *environment.globals.keys() - plain.globals.keys(),
        *environment.filters.keys() - plain.filters.keys(),
        *environment.tests.keys() - plain.tests.keys(),
    }
    assert own - {name for entry in entries() for name in entry.names} == set()


@pytest.mark.parametrize("entry", entries(), ids=name_of)
def test_each_name_is_there_in_the_forms_that_the_page_says(house: Hub, entry: Entry) -> None:
    environment = environments(house).environment()
    tables = {"function": environment.globals, "filter": environment.filters, "test": environment.tests}
    word = entry.about.replace(":", " ").replace(",", " ").split(" ")[0].rstrip(".;").lower()
    forms = {word.replace("constant", "function")} if word in (*tables, "constant") else {"function", "filter"}
    if re.search(r"\btest\b", entry.about):
        forms.add("test")
    for name in entry.names:
        assert {form for form, table in tables.items() if name in table} - JINJAS.get(name, set()) == forms, name


@pytest.mark.parametrize("entry", [entry for entry in entries() if entry.takes_default], ids=name_of)
def test_what_is_marked_takes_a_default(house: Hub, entry: Entry) -> None:
    name = entry.names[0]
    value = "[]" if name in ("average", "median", "statistical_mode") else "none"
    argument = {"add": "1, ", "multiply": "1, ", "strptime": "'%Y', "}.get(name, "")
    if name in environments(house).environment().filters:
        expression = f"{value} | {name}({argument}default=7)"
    else:
        expression = f"{name}({value}, {argument}default=7)"
    assert Template(f"{{{{ {expression} }}}}").render(house) == 7
