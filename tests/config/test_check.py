"""Data to entries: everything that is wrong is told at once, and the rest lives."""

# ruff: noqa: E501 - a sentence that is compared letter for letter stays in one line
from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import voluptuous as vol

from nanobot.config import validators as cv
from nanobot.config.check import keep_running
from nanobot.config.problem import Problem
from nanobot.errors import ConfigError
from nanobot.util.secrets import Secret

from .conftest import FakeCatalogue, Folder


def test_a_valid_configuration_becomes_entries(folder: Folder) -> None:
    checked = folder.check(
        "nanobot: {name: Home}\ntelegram: {token: !secret token, allow: [5, ann]}\ntelegram work: {token: abcd}\nlight:\n",
        secrets="token: 123:abc\n",
    )
    assert checked.problems == []
    assert checked.core.name == "Home"
    entry = checked.entries["telegram"]
    assert (entry.id, entry.domain, entry.label, entry.ok) == ("telegram", "telegram", "", True)
    assert entry.raw == {"token": "123:abc", "allow": [5, "ann"]}
    assert entry.config == {"token": Secret("123:abc"), "allow": ["5", "ann"]}
    work = checked.entries["telegram work"]
    assert (work.domain, work.label) == ("telegram", "work")
    assert checked.entries["light"].config == {}
    assert checked.secrets == {"123:abc", "abcd"}
    assert "123:abc" not in repr(checked.entries)


def test_several_written_as_a_list_hear_how_they_are_written(folder: Folder) -> None:
    assert folder.told("telegram:\n  - token: abcd\n  - token: efgh\n") == [
        (
            "configuration.yaml:1: telegram: expected a mapping (key: value), found a list;"
            " it is written without '-', and several of them under a key each: 'telegram NAME:'"
        )
    ]
    assert folder.told("telegram: [abcd]\n") == [
        "configuration.yaml:1: telegram: expected a mapping (key: value), found a list"
    ]


def test_everything_wrong_in_five_places_is_told_at_once(folder: Folder) -> None:
    assert folder.told(
        """\
nanobot:
  time_zone: Europe/Amsterdm
  langage: nl
telegram:
  tokn: abcd
  allow: everybody
  mode: pol
  port: 70000
telegram work:
  token: !secret tokn
telegrm:
light:
  brightness: 3
automation: !include automations.yaml
automation more: !include missing.yaml
script:
  tea:
    count: many
    alas: Tea
  Not a name:
""",
        automations="- alias: Morning\n  triggers:\n    - at: '25:00'\n    - at: 06:61\n- alias: fine\n- triggers: 5\n",
        secrets="token: abcd\ntoken: efgh\n",
    ) == [
        "automations.yaml:3: automation > \"Morning\" > triggers > 0 > at: '25:00' is not a time of day; write it like '07:30'",
        "automations.yaml:4: automation > \"Morning\" > triggers > 1 > at: '06:61' is not a time of day; write it like '07:30'",
        "automations.yaml:6: automation > 2 > triggers: expected a list, found 5",
        "automations.yaml:6: automation > 2: the option 'alias' is missing",
        "configuration.yaml:2: nanobot > time_zone: 'Europe/Amsterdm' is not a time zone; write it like 'Europe/Berlin'; did you mean 'Europe/Amsterdam'?",
        "configuration.yaml:3: nanobot > langage: unknown option; did you mean 'language'?",
        "configuration.yaml:5: telegram > tokn: unknown option; did you mean 'token'?",
        "configuration.yaml:6: telegram > allow: expected a list, found 'everybody'",
        "configuration.yaml:7: telegram > mode: 'pol' is not possible; write one of 'poll', 'push'; did you mean 'poll'?",
        "configuration.yaml:8: telegram > port: 70000 is out of range; it has to be from 1 to 65535",
        "configuration.yaml:10: telegram work > token: there is no secret 'tokn' in secrets.yaml; did you mean 'token'?",
        "configuration.yaml:11: telegrm: no such integration; did you mean 'telegram'?",
        "configuration.yaml:13: light > brightness: light takes no options",
        "configuration.yaml:15: automation more: the file 'missing.yaml' does not exist",
        "configuration.yaml:18: script > tea > count: expected a whole number, found 'many'",
        "configuration.yaml:19: script > tea > alas: unknown option; did you mean 'alias'?",
        "configuration.yaml:20: script > Not a name: 'Not a name' cannot be a name here; use small letters, digits and _; did you mean 'not_a_name'?",
        "secrets.yaml:2: token: 'token' is given twice, first in line 1; the last one counts",
    ]


def test_what_is_wrong_is_left_out_and_the_rest_is_there(folder: Folder) -> None:
    checked = folder.check(
        "telegram: {tokn: x}\nlight:\nnothere:\n"
        "automation:\n  - alias: good\n  - alias: bad\n    tigger: 1\n  - {id: lost, alias: !secret no}\n"
        "script: {good: {count: 1}, bad: {count: x}, worse: 5}\n"
    )
    entries = checked.entries
    assert {entry.id: entry.ok for entry in entries.values()} == {
        "telegram": False,
        "light": True,
        "nothere": False,
        "automation": True,
        "script": True,
    }
    assert entries["automation"].config == [{"alias": "good"}]
    assert list(entries["automation"].left_out) == ["bad", "lost"]
    assert [p.key for p in entries["automation"].left_out["lost"]] == ["secret_nowhere"]
    assert entries["script"].config == {"good": {"count": 1}}
    assert [p.sentence() for p in entries["script"].left_out["worse"]] == ["expected a mapping (key: value), found 5"]


def test_an_echo_of_what_could_not_be_made_out_is_not_told(folder: Folder) -> None:
    assert folder.told(
        "telegram:\n  token: !secret no\n  port: !include no.yaml\n  mode: [!env_var NO_SUCH_THING]\n"
    ) == [
        "configuration.yaml:2: telegram > token: there is no secret 'no', as there is no secrets.yaml or it is empty",
        "configuration.yaml:3: telegram > port: the file 'no.yaml' does not exist",
        "configuration.yaml:4: telegram > mode > 0: the environment variable NO_SUCH_THING is not set and has no default",
    ]


def test_a_secret_never_stands_in_a_problem(folder: Folder, catalogue: FakeCatalogue) -> None:
    def refuse(value: Any) -> Any:
        raise vol.Invalid(f"{value} is no good")

    catalogue.integrations["light"].options = vol.Schema({"a": int, "b": refuse, "c": [int]})
    checked = folder.check(
        "light: {a: !secret s, b: !secret s, c: !secret t}\n", secrets="s: hunter2\nt: {x: hunter3}\n"
    )
    assert [problem.sentence() for problem in checked.problems] == [
        "expected a whole number, found '••••'",
        "•••• is no good",
        "expected a list, found a mapping (key: value)",
    ]
    assert "hunter" not in str([problem.as_dict() for problem in checked.problems])


@pytest.mark.parametrize(
    ("raised", "line"),
    [
        (ConfigError("wrong in its own words"), "configuration.yaml:1: light: wrong in its own words"),
        (
            RuntimeError("boom"),
            "configuration.yaml:1: light: the integration light cannot be loaded (RuntimeError: boom)",
        ),
    ],
)
def test_an_integration_that_cannot_be_loaded_is_told(
    folder: Folder, catalogue: FakeCatalogue, raised: Exception, line: str
) -> None:
    catalogue.integrations["light"].options = raised
    checked = folder.check("light:\n")
    assert [str(problem) for problem in checked.problems] == [line]
    assert not checked.entries["light"].ok


def test_a_problem_of_the_integration_keeps_its_own_place(folder: Folder, catalogue: FakeCatalogue) -> None:
    error = ConfigError("x")
    error.problem = Problem("setup_missing", {"domain": "light"}, "integrations/light/__init__.py", 3)  # type: ignore[attr-defined]
    catalogue.integrations["light"].options = error
    assert folder.told("light:\n") == ["integrations/light/__init__.py:3: the integration light has no setup function"]


def test_a_validator_that_crashes_harms_only_its_own_key(folder: Folder, catalogue: FakeCatalogue) -> None:
    catalogue.integrations["light"].options = vol.Schema(lambda value: 1 / 0)
    checked = folder.check("light: {a: 1}\ntelegram: {token: abcd}\n")
    assert [str(problem) for problem in checked.problems] == [
        "configuration.yaml:1: light: the integration light fails while it checks this (ZeroDivisionError: division by zero)"
    ]
    assert checked.entries["telegram"].ok


@pytest.mark.parametrize("key", ["Telegram", "light-bulb", "a.b", "3d"])
def test_a_key_that_cannot_be_an_integration(folder: Folder, key: str) -> None:
    (line,) = folder.told(f"{key}:\n")
    assert line.startswith(
        f"configuration.yaml:1: {key}: '{key}' cannot be the name of an integration; write small letters"
    )


def test_an_item_is_told_with_the_key_that_its_writer_used(folder: Folder) -> None:
    assert folder.told(
        "nanobot: {packages: {p: !include p.yaml}}\nautomation kitchen:\n  - alias: A\n    x: 1\n",
        p="automation:\n  - alias: B\n    x: 1\n",
    ) == [
        "configuration.yaml:4: automation kitchen > \"A\" > x: unknown option; there is only 'id', 'alias', 'triggers', 'note'",
        "p.yaml:3: automation > \"B\" > x: unknown option; there is only 'id', 'alias', 'triggers', 'note'",
    ]


def test_a_list_of_files_with_a_broken_one_lives_without_it(folder: Folder) -> None:
    checked = folder.check(
        "automation: !include_dir_merge_list a\n", a__one="- alias: one\n", a__two="- [", a__three="- alias: 3\n"
    )
    entry = checked.entries["automation"]
    assert entry.ok
    assert entry.config == [{"alias": "one"}, {"alias": "3"}]
    assert [problem.file for problem in entry.problems] == ["a/two.yaml"]


def test_a_mapping_of_files_with_a_broken_one_is_not_taken_for_whole(folder: Folder, catalogue: FakeCatalogue) -> None:
    catalogue.integrations["light"].options = vol.Schema({str: object})
    checked = folder.check("light: !include_dir_merge_named a\n", a__one="a: 1\n", a__two="b: [")
    assert not checked.entries["light"].ok


class TestKeepingWhatRuns:
    """An edit that breaks an item leaves that item as it runs."""

    def test_in_a_mapping(self, folder: Folder) -> None:
        running = folder.check("script: {a: {count: 1}, b: {count: 2}}\n").entries["script"]
        wanted = folder.check("script: {a: {count: x}, b: {count: 3}, c: {count: y}}\n").entries["script"]
        kept = keep_running(wanted, running)
        assert kept.config == {"a": {"count": 1}, "b": {"count": 3}}
        assert kept.raw == {"a": {"count": 1}, "b": {"count": 3}, "c": {"count": "y"}}
        assert kept.problems == wanted.problems

    def test_in_a_list_whose_items_moved(self, folder: Folder) -> None:
        running = folder.check("automation:\n- {id: 1, alias: one}\n- {alias: two, note: old}\n").entries["automation"]
        text = "automation:\n- {alias: new}\n- {alias: two, x: 1}\n- {id: 1, alias: [one]}\n- {alias: bad, x: 1}\n"
        wanted = folder.check(text).entries["automation"]
        kept = keep_running(wanted, running)
        assert kept.config == [{"alias": "new"}, {"alias": "two", "note": "old"}, {"id": "1", "alias": "one"}]
        assert list(wanted.left_out) == ["two", "1", "bad"]

    def test_again_when_it_is_still_broken(self, folder: Folder) -> None:
        running = folder.check("script: {a: {count: 1}}\n").entries["script"]
        broken = folder.check("script: {a: {count: x}}\n").entries["script"]
        kept = keep_running(broken, running)
        assert kept.same_as(running)
        assert keep_running(broken, kept).config == {"a": {"count": 1}}

    def test_nothing_is_put_back_that_was_removed(self, folder: Folder) -> None:
        running = folder.check("script: {a: {count: 1}, b: {count: 1}}\n").entries["script"]
        wanted = folder.check("script: {b: {count: x}}\n").entries["script"]
        assert keep_running(wanted, running).config == {"b": {"count": 1}}

    def test_a_file_that_broke_counts_as_it_last_was(self, folder: Folder) -> None:
        folder.check("automation: !include a.yaml\nlight:\n", a="- alias: one\n")
        checked = folder.check(a="- [")
        assert checked.entries["automation"].config == [{"alias": "one"}]
        assert checked.entries["automation"].ok
        (problem,) = checked.problems
        assert str(problem).endswith("; its last good version stays in use")
        assert folder.check(a="- alias: two\n").entries["automation"].config == [{"alias": "two"}]


class TestOnlyWhatChangedIsChecked:
    @pytest.fixture
    def counted(self, catalogue: FakeCatalogue) -> list[Any]:
        seen: list[Any] = []

        def count(value: Any) -> Any:
            seen.append(value)
            return value

        catalogue.integrations["light"].options = vol.Schema({"a": count})
        catalogue.integrations["script"].options = cv.Items({"a": count})
        return seen

    def test_the_rest_is_as_it_was(self, folder: Folder, counted: list[Any]) -> None:
        first = folder.check("light: {a: 1}\nscript: {x: {a: 2}, y: {a: 3}}\n")
        counted.clear()
        second = folder.check("light: {a: 1}\nscript: {x: {a: 2}, y: {a: 4}, z: {a: 5}}\n", first)
        assert counted == [4, 5]
        assert second.entries["light"].config is first.entries["light"].config
        assert second.entries["script"].config == {"x": {"a": 2}, "y": {"a": 4}, "z": {"a": 5}}

    def test_what_was_wrong_is_told_again_with_its_new_line(self, folder: Folder, counted: list[Any]) -> None:
        first = folder.check("light: {b: 1}\nscript: {x: {b: 2}}\n")
        second = folder.check("\n\nlight: {b: 1}\nscript: {x: {b: 2}}\n", first)
        assert [problem.line for problem in second.problems] == [3, 4]

    def test_new_code_is_asked_again(self, folder: Folder, counted: list[Any], catalogue: FakeCatalogue) -> None:
        first = folder.check("light: {a: 1}\n")
        catalogue.integrations["light"].options = vol.Schema({"a": str})
        assert [p.sentence() for p in folder.check(None, first).problems] == ["expected text, found 1"]

    def test_secrets_are_still_known(self, folder: Folder) -> None:
        first = folder.check("telegram: {token: abcd}\n")
        assert folder.check("telegram: {token: abcd}\nlight:\n", first).secrets == {"abcd"}


@pytest.mark.parametrize(
    ("before", "after"),
    [("{a: 1}", "{a: true}"), ("{a: 1}", "{a: 1.0}"), ("{a: [0]}", "{a: [false]}"), ("{a: 1, b: 2}", "{b: 2, a: 1}")],
)
def test_an_edit_of_a_type_or_of_the_order_is_an_edit(folder: Folder, before: str, after: str) -> None:
    one = folder.check(f"light: {before}\n").entries["light"]
    other = folder.check(f"light: {after}\n").entries["light"]
    assert one.raw == other.raw
    assert not one.same_as(other)


def test_moving_a_value_into_secrets_or_an_include_is_no_edit(folder: Folder) -> None:
    one = folder.check("light: {a: hunter2, b: [1]}\n").entries["light"]
    other = folder.check("light: {a: !secret a, b: !include b.yaml}\n", secrets="a: hunter2", b="[1]").entries["light"]
    assert one.same_as(other)


def test_every_problem_can_be_json(folder: Folder) -> None:
    (problem,) = folder.check("telegrm:\n").problems
    assert problem.as_dict("de") == {
        "file": "configuration.yaml",
        "line": 1,
        "path": ["telegrm"],
        "where": "telegrm",
        "key": "unknown_integration",
        "severity": "error",
        "message": "diese Integration gibt es nicht; ist 'telegram' gemeint?",
        "nearest": "telegram",
        "text": "configuration.yaml:1: telegrm: diese Integration gibt es nicht; ist 'telegram' gemeint?",
    }


def test_the_folder_of_the_configuration_is_not_in_problems(folder: Folder, tmp_path: Path) -> None:
    lines = folder.told("a: !include sub/x.yaml\n", sub__x="b: !include ../y.yaml\n", y="- [")
    assert lines
    assert not any(str(tmp_path) in line for line in lines)
