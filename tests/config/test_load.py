"""Files to data: every tag, and what is left when one of them fails."""

# ruff: noqa: E501 - a sentence that is compared letter for letter stays in one line
from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from nanobot.config.load import Loaded, Unreadable, load
from nanobot.util.secrets import SecretText
from nanobot.util.yaml import Unusable

from .conftest import Folder


def told(loaded: Loaded) -> list[str]:
    return [str(problem) for problem in loaded.problems]


@pytest.mark.parametrize("text", ["", "# nothing", "---\n", "{}"], ids=["empty", "comment", "marker", "braces"])
def test_an_empty_file_configures_nothing(folder: Folder, text: str) -> None:
    loaded = folder.load(text)
    assert (loaded.data, loaded.core, loaded.problems) == ({}, {}, [])


def test_the_core_block_stands_apart(folder: Folder) -> None:
    loaded = folder.load("homeassistant:\n  name: Home\ntelegram:\nlight kitchen: {a: 1}\n")
    assert loaded.core == {"name": "Home"}
    assert loaded.core_key == "homeassistant"
    assert loaded.data == {"telegram": None, "light kitchen": {"a": 1}}


def test_an_include_stands_for_its_file(folder: Folder) -> None:
    loaded = folder.load(
        "light: !include lights/all.yaml\n",
        lights__all="a: !include deep/b.yaml\nc: !include empty.yaml\n",
        lights__deep__b="[1, 2]",
        lights__empty="# nothing",
    )
    assert loaded.data == {"light": {"a": [1, 2], "c": {}}}
    assert {path.name for path in loaded.files} == {"configuration.yaml", "all.yaml", "b.yaml", "empty.yaml"}


DIRECTORY = {
    "parts/b.yaml": "- b1\n- b2\n",
    "parts/a.yaml": "- a1\n",
    "parts/deep/c.yaml": "- c1\n",
    "parts/secrets.yaml": "x: 1\n",
    "parts/.hidden.yaml": "- no\n",
    "parts/.git/d.yaml": "- no\n",
    "parts/notes.txt": "not yaml: [",
    "parts/empty.yaml": "",
    "maps/one.yaml": "p: 1\nq: 2\n",
    "maps/two.yaml": "r: 3\n",
    "maps/empty.yaml": "",
}


@pytest.mark.parametrize(
    ("tag", "data"),
    [
        ("!include_dir_list parts", [["a1"], ["b1", "b2"], ["c1"]]),
        ("!include_dir_merge_list parts/", ["a1", "b1", "b2", "c1"]),
        ("!include_dir_named maps", {"empty": {}, "one": {"p": 1, "q": 2}, "two": {"r": 3}}),
        ("!include_dir_merge_named maps", {"p": 1, "q": 2, "r": 3}),
    ],
)
def test_the_files_of_a_folder_are_put_together(folder: Folder, tag: str, data: Any) -> None:
    folder.write(DIRECTORY)
    loaded = folder.load(f"light: {tag}\n")
    assert loaded.data == {"light": data}
    assert told(loaded) == []


def test_a_folder_that_is_missing_or_empty_gives_nothing(folder: Folder) -> None:
    loaded = folder.load("light: !include_dir_merge_list lights\nscript: !include_dir_named scripts\n")
    assert loaded.data == {"light": [], "script": {}}
    assert told(loaded) == [
        "configuration.yaml:1: light: the folder 'lights' does not exist; nothing is included",
        "configuration.yaml:2: script: the folder 'scripts' does not exist; nothing is included",
    ]
    assert {problem.severity for problem in loaded.problems} == {"warning"}


def test_files_that_do_not_fit_together_are_told(folder: Folder) -> None:
    loaded = folder.load(
        "a: !include_dir_merge_list lists\nb: !include_dir_merge_named maps\nc: !include_dir_named maps\n",
        lists__a="- 1",
        lists__b="x: 1",
        maps__a="x: 1\n",
        maps__b="y: 2\nx: 2\n",
        maps__c="- 1",
        maps__sub__a="z: 3",
    )
    assert loaded.data == {
        "a": [1],
        "b": {"x": 2, "y": 2, "z": 3},
        "c": {"a": {"z": 3}, "b": {"y": 2, "x": 2}, "c": [1]},
    }
    assert told(loaded) == [
        "lists/b.yaml:1: a: the file is left out; it has to be a list to be joined with the others",
        "maps/b.yaml:2: b > x: 'x' is given already in maps/a.yaml:1; the last one counts",
        "maps/c.yaml:1: b: the file is left out; it has to be a mapping to be joined with the others",
        "maps/sub/a.yaml:1: c > a: 'a' is given already in maps/a.yaml:1; the last one counts",
    ]


def test_secrets_are_searched_upwards_and_keep_their_type(folder: Folder) -> None:
    loaded = folder.load(
        "light: !include rooms/kitchen/lamp.yaml\nplain: [!secret word]\n",
        secrets="word: from the top\nnumber: 12\nshadowed: upper\ntree: {a: one, b: [two]}\nenv: !env_var COLOUR\n",
        rooms__secrets="shadowed: middle\n",
        rooms__kitchen__secrets="own: deep\n",
        rooms__kitchen__lamp="{a: !secret word, b: !secret number, c: !secret shadowed, d: !secret own, e: !secret tree}",
    )
    assert loaded.data["light"] == {
        "a": "from the top",
        "b": 12,
        "c": "middle",
        "d": "deep",
        "e": {"a": "one", "b": ["two"]},
    }
    assert isinstance(loaded.data["plain"][0], SecretText)
    assert "one" not in repr(loaded.data)
    assert loaded.secrets == {"from the top", "12", "middle", "deep", "one", "two"}


def test_the_environment_gives_text(folder: Folder) -> None:
    folder.environ = {"COLOUR": "teal", "NUMBER": "17", "EMPTY": ""}
    loaded = folder.load(
        "x: {a: !env_var COLOUR, b: !env_var MISSING fallback   value, c: !env_var NUMBER, d: !env_var EMPTY no}"
    )
    assert loaded.data == {"x": {"a": "teal", "b": "fallback value", "c": "17", "d": ""}}


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        ("!include lihgts.yaml", "the file 'lihgts.yaml' does not exist; did you mean 'lights.yaml'?"),
        ("!include sub", "'sub' is not a file"),
        ("!include broken.yaml", None),
        ("!include self.yaml", "these files include each other: configuration.yaml > self.yaml > self.yaml"),
        (
            "!include ping.yaml",
            "these files include each other: configuration.yaml > ping.yaml > pong.yaml > ping.yaml",
        ),
        ("!include", "!include needs a name behind it"),
        ("!secret tokn", "there is no secret 'tokn' in secrets.yaml; did you mean 'token'?"),
        ("!secret {a: 1}", "!secret needs a name behind it"),
        ("!env_var HOME_NOT_SET", "the environment variable HOME_NOT_SET is not set and has no default"),
        ("!includ x.yaml", "unknown tag '!includ'; did you mean '!include'?"),
        ("!zzz x", "unknown tag '!zzz'"),
        ("!input who", "'!input who' works only in a blueprint"),
        ("{{ states('a.b') }}", "a template that begins with {{ has to be in quotes"),
        ("2026-02-30", "'2026-02-30' cannot be read as timestamp; put it in quotes if it is text"),
        ("*nowhere", "there is no anchor '&nowhere' above"),
    ],
)
def test_a_part_that_cannot_be_had_spoils_only_its_own_key(folder: Folder, value: str, sentence: str | None) -> None:
    folder.write({"sub/x.yaml": "", "lights.yaml": "", "broken.yaml": "a: 1\nb: [\n"})
    folder.write(
        {"self.yaml": "a: !include self.yaml", "ping.yaml": "!include pong.yaml", "pong.yaml": "!include ping.yaml"}
    )
    loaded = folder.load(f"before: 1\nbad:\n  deep: {value}\nafter: 2\n", secrets="token: abc\n")
    assert (loaded.data["before"], loaded.data["after"]) == (1, 2)
    assert "(unusable)" in repr(loaded.data["bad"])
    assert all(broken.path[:2] == ("bad", "deep") for broken in loaded.broken)
    assert loaded.broken
    (problem,) = loaded.problems
    if sentence is not None:
        assert problem.sentence() == sentence
        assert problem.path[:2] == ("bad", "deep")


def test_an_included_file_that_is_no_yaml_is_told_with_its_own_line(folder: Folder) -> None:
    loaded = folder.load(
        "light: !include lights.yaml\ntimer:\n",
        lights="- alias: fine\n  triggers: []\n- alias: broken\n   triggers: []\n",
    )
    assert told(loaded) == [
        "lights.yaml:4: light: a colon too many, or wrong indentation; put text that contains ': ' in quotes"
    ]
    assert isinstance(loaded.data["light"], Unusable)
    assert "timer" in loaded.data


@pytest.mark.parametrize(
    ("main", "line"),
    [
        (None, "configuration.yaml: there is no such file in {folder}; `nanobot onboard` writes one"),
        (
            "a: [\n",
            "configuration.yaml:1: something is missing between brackets: a value, or the bracket that closes them",
        ),
        ("b: 1\na: [1,\n  2\n", "configuration.yaml:2: the bracket that opens here is not closed before line 3"),
        ("a:\n\tb: 1\n", "configuration.yaml:2: a tab; YAML is indented with blanks"),
        (
            "- a\n",
            "configuration.yaml:1: the file has to be a mapping of integrations to their options, like 'telegram:'",
        ),
        (
            "text",
            "configuration.yaml:1: the file has to be a mapping of integrations to their options, like 'telegram:'",
        ),
        ("!include other.yaml", "configuration.yaml:1: the file 'other.yaml' does not exist"),
        (b"a: \xff", "configuration.yaml:1: the file is not UTF-8 text (byte 0xff); save it with the encoding UTF-8"),
    ],
    ids=["missing", "brackets", "bracket", "tab", "list", "text", "include", "encoding"],
)
def test_without_a_main_file_there_is_nothing_to_go_on(folder: Folder, main: str | bytes | None, line: str) -> None:
    if main is not None:
        folder.write({"configuration.yaml": main})
    with pytest.raises(Unreadable) as error:
        folder.load()
    assert [str(problem) for problem in error.value.problems] == [line.replace("{folder}", str(folder.path))]
    assert str(error.value) == line.replace("{folder}", str(folder.path))


def test_the_main_file_may_be_an_include_as_a_whole(folder: Folder) -> None:
    loaded = folder.load("!include other.yaml", other="telegram:\n  token: x\n")
    assert loaded.data == {"telegram": {"token": "x"}}
    assert loaded.locate(("telegram", "token")) == ("other.yaml", 2)


def test_broken_secrets_spoil_only_what_uses_them(folder: Folder) -> None:
    loaded = folder.load("telegram:\n  token: !secret token\nlight:\n  a: 1\n", secrets="token: [\n")
    assert told(loaded) == [
        "secrets.yaml:1: something is missing between brackets: a value, or the bracket that closes them"
    ]
    assert [broken.path for broken in loaded.broken] == [("telegram", "token")]
    assert loaded.data["light"] == {"a": 1}


@pytest.mark.parametrize(
    ("secrets", "line"),
    [
        ("- a\n", "secrets.yaml:1: the file has to be a mapping of names to secrets"),
        ("token: !secret other\n", "secrets.yaml:1: token: !secret cannot be used inside secrets.yaml"),
        ("token: 1\ntoken: 2\n", "secrets.yaml:2: token: 'token' is given twice, first in line 1; the last one counts"),
    ],
)
def test_what_is_wrong_in_secrets_is_told_there(folder: Folder, secrets: str, line: str) -> None:
    assert line in told(folder.load("telegram:\n  token: !secret token\n", secrets=secrets))


def test_without_secrets_the_sentence_says_so(folder: Folder) -> None:
    assert told(folder.load("a: !secret x\n")) == [
        "configuration.yaml:1: a: there is no secret 'x', as there is no secrets.yaml or it is empty"
    ]


def test_a_file_that_is_not_readable_as_one(folder: Folder) -> None:
    os.mkfifo(folder.path / "pipe.yaml")
    loaded = folder.load("a: !include pipe.yaml\nb: !include /dev/zero\n")
    assert [problem.sentence() for problem in loaded.problems] == [
        "'pipe.yaml' is not a file",
        "'/dev/zero' is not a file",
    ]


def test_includes_that_multiply_end(folder: Folder) -> None:
    for level in range(12):
        target = f"!include l{level + 1}.yaml"
        folder.write({f"l{level}.yaml": f"[{', '.join([target] * 10)}]" if level < 11 else "[x]"})
    loaded = folder.load("a: !include l0.yaml\nb: 1\n")
    assert loaded.data["b"] == 1
    assert {problem.key for problem in loaded.problems} == {"include_too_much"}


def test_a_linked_folder_is_followed_and_a_circle_ends(
    folder: Folder, tmp_path_factory: pytest.TempPathFactory
) -> None:
    outside = tmp_path_factory.mktemp("outside")
    (outside / "b.yaml").write_text("- b\n")
    folder.write({"lists/a.yaml": "- a\n"})
    (folder.path / "lists" / "more").symlink_to(outside)
    (folder.path / "lists" / "round").symlink_to(folder.path / "lists")
    assert folder.load("x: !include_dir_merge_list lists\n").data == {"x": ["a", "b"]}


def test_where_everything_stands(folder: Folder) -> None:
    folder.write({"dir/a.yaml": "- alias: A\n- alias: B\n  note: 1\n", "named/lamp.yaml": "x: 1\ny: 2\n"})
    loaded = folder.load(
        "homeassistant:\n  packages:\n    pack: !include pack.yaml\n"
        "automation: !include_dir_merge_list dir\nautomation two:\n  - alias: C\n"
        "script: {s: {alias: S}}\nlight: !include_dir_named named\nlist: !include_dir_list dir\n",
        pack="automation:\n  - alias: P\n    note: 2\nscript:\n  t:\n    alias: T\n",
    )
    places = {
        ("automation", 0): ("dir/a.yaml", 1),
        ("automation", 1, "note"): ("dir/a.yaml", 3),
        ("automation", 2, "alias"): ("configuration.yaml", 6),
        ("automation", 3, "note"): ("pack.yaml", 3),
        ("script", "s", "alias"): ("configuration.yaml", 7),
        ("script", "t", "alias"): ("pack.yaml", 6),
        ("light", "lamp", "y"): ("named/lamp.yaml", 2),
        ("list", 0, 1, "note"): ("dir/a.yaml", 3),
        ("homeassistant", "packages", "pack", "script"): ("pack.yaml", 4),
        ("nothing",): ("configuration.yaml", 1),
    }
    assert {path: loaded.locate(path) for path in places} == places
    assert loaded.locate(("light", "lamp"), key=True) == ("configuration.yaml", 8)
    assert loaded.written(("automation", 2, "alias")) == ("automation two", 0, "alias")
    assert loaded.written(("automation", 3, "alias")) == ("automation", 3, "alias")


def test_nothing_of_one_load_leaks_into_the_next(folder: Folder) -> None:
    first = folder.load("a: !include x.yaml\nb: !secret s\n", x="[1, {y: 2}]", secrets="s: one1\n")
    again = folder.load()
    assert again.data == first.data
    assert again.data["a"] is first.data["a"]  # unchanged files are not parsed again
    assert folder.load(secrets="s: other\n").data == {"a": [1, {"y": 2}], "b": "other"}


def test_a_relative_folder_name_will_do(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    folder.write({"configuration.yaml": "a: !include b.yaml\n", "b.yaml": "1"})
    monkeypatch.chdir(folder.path.parent)
    assert load(Path(folder.path.name)).data == {"a": 1}
