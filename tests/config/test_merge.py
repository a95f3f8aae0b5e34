"""Packages and labelled keys."""

# ruff: noqa: E501 - a sentence that is compared letter for letter stays in one line
from __future__ import annotations

import pytest

from .conftest import Folder


def test_a_package_adds_to_the_main_file(folder: Folder) -> None:
    loaded = folder.load(
        "homeassistant:\n  packages: !include_dir_named packages\nautomation:\n  - alias: main\nscript:\n  one: {alias: One}\ninput_text:\n  a: {min: 1, max: 9}\n",
        packages__kitchen=(
            "automation:\n  - alias: first\nautomation more: {alias: second}\nscript:\n  two: {alias: Two}\ninput_text:\n  a: {name: A}\n  b:\ntelegram kitchen: {token: x}\n"
        ),
        packages__empty="",
    )
    assert loaded.problems == []
    assert loaded.data == {
        "automation": [{"alias": "main"}, {"alias": "first"}, {"alias": "second"}],
        "script": {"one": {"alias": "One"}, "two": {"alias": "Two"}},
        "input_text": {"a": {"min": 1, "max": 9, "name": "A"}, "b": None},
        "telegram kitchen": {"token": "x"},
    }


def test_labelled_keys_of_a_domain_that_is_one_entry_are_joined(folder: Folder) -> None:
    loaded = folder.load(
        "automation kitchen: [{alias: a}, null]\nautomation:\nautomation hall: {alias: b}\nscript one: {a: {alias: A}}\nscript two: {b: {alias: B}}\ntelegram work: {}\ntelegram: {}\n"
    )
    assert loaded.data == {
        "automation": [{"alias": "a"}, {"alias": "b"}],
        "script": {"a": {"alias": "A"}, "b": {"alias": "B"}},
        "telegram work": {},
        "telegram": {},
    }


def test_lists_inside_are_joined_all_the_way_down(folder: Folder) -> None:
    loaded = folder.load(
        "nanobot:\n  packages:\n    p:\n      light: {a: {deep: {list: [3], y: 2}}}\nlight: {a: {deep: {list: [1, 2], x: 1}}}\n"
    )
    assert loaded.data["light"] == {"a": {"deep": {"list": [1, 2, 3], "x": 1, "y": 2}}}
    assert loaded.locate(("light", "a", "deep", "y")) == ("configuration.yaml", 4)


@pytest.mark.parametrize(
    ("package", "lines"),
    [
        (
            "script: {one: {alias: Other}}",
            ["p.yaml:1: nanobot > packages > p > script > one > alias: 'alias' is defined already in configuration.yaml:5; the first one counts"],
        ),
        ("script: {one: {alias: One}}", []),
        ("script: {one: {alias: }}", []),
        ("script: 5", ["p.yaml:1: nanobot > packages > p > script: what is given for 'script' in several places has to be mappings"]),
        ("automation: 5", ["p.yaml:1: nanobot > packages > p > automation: what is given for 'automation' in several places has to be lists"]),
        ("- a", ["p.yaml:1: nanobot > packages > p: the package 'p' is left out; it has to be a mapping of integrations to their options"]),
        (
            "homeassistant: {name: X, customize: {light.a: {icon: x}}}",
            ["p.yaml:1: nanobot > packages > p > homeassistant > name: a package may only give customize, customize_domain and customize_glob here; 'name' is ignored"],
        ),
        ("1: x", ["p.yaml:1: nanobot > packages > p > 1: '1' cannot be the name of an integration; put it in quotes if it is one"]),
    ],
    ids=["twice", "twice the same", "empty", "no mapping", "no list", "list", "core", "key"],
)  # fmt: skip
def test_a_bad_part_of_a_package_is_skipped(folder: Folder, package: str, lines: list[str]) -> None:
    loaded = folder.load(
        "nanobot:\n  packages:\n    p: !include p.yaml\n    good: {light: {x: 1}}\nscript: {one: {alias: One}}\nautomation: [{alias: a}]\n",
        p=package,
    )
    assert [str(problem) for problem in loaded.problems] == lines
    assert loaded.data["light"] == {"x": 1}
    assert loaded.data["script"]["one"]["alias"] == "One"
    assert loaded.data["automation"] == [{"alias": "a"}]


def test_customize_of_packages_goes_to_the_core(folder: Folder) -> None:
    loaded = folder.load(
        "homeassistant:\n  customize:\n    light.a: {icon: one}\n  packages:\n    p:\n      homeassistant:\n        customize:\n          light.a: {name: A}\n          light.b: {name: B}\n"
    )
    assert loaded.core == {"customize": {"light.a": {"icon": "one", "name": "A"}, "light.b": {"name": "B"}}}


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("nanobot: [1]", "configuration.yaml:1: nanobot: 'nanobot:' has to be a mapping of options"),
        ("nanobot: {packages: 5}", "configuration.yaml:1: nanobot > packages: packages have to be a mapping of names to configurations"),
        ("nanobot: {packages: {My Pack: {}}}", "configuration.yaml:1: nanobot > packages > My Pack: the package 'My Pack' is left out; its name has to be small letters, digits and _; did you mean 'my_pack'?"),
        ("homeassistant: {name: A}\nnanobot: {name: B}", "configuration.yaml:1: homeassistant: 'homeassistant' and 'nanobot' are two names for the same; write everything under 'nanobot'"),
        ("on: {a: 1}", "configuration.yaml:1: True: 'True' cannot be the name of an integration; put it in quotes if it is one"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_the_frame(folder: Folder, text: str, line: str) -> None:
    assert [str(problem) for problem in folder.load(text).problems] == [line]


def test_of_two_core_blocks_ours_counts(folder: Folder) -> None:
    loaded = folder.load("homeassistant: {name: A, language: de}\nnanobot: {name: B}")
    assert loaded.core == {"name": "B", "language": "de"}


def test_a_package_that_cannot_be_read_leaves_the_rest_and_says_that_something_may_be_missing(folder: Folder) -> None:
    loaded = folder.load(
        "nanobot:\n  packages: !include_dir_named packages\nlight: {a: 1}\n",
        packages__good="script: {s: {alias: S}}",
        packages__bad="a: [",
    )
    assert loaded.data == {"light": {"a": 1}, "script": {"s": {"alias": "S"}}}
    assert loaded.incomplete
    assert len(loaded.problems) == 1


def test_a_broken_secret_in_a_package_lies_in_the_merged_entry(folder: Folder) -> None:
    loaded = folder.load(
        "nanobot:\n  packages: {p: !include p.yaml}\nautomation: [{alias: a}]\n",
        p="automation:\n  - alias: b\n    note: !secret no\n",
        secrets="yes1: x\n",
    )
    assert [broken.path for broken in loaded.broken] == [("automation", 1, "note")]
    assert not loaded.incomplete
