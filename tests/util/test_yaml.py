"""YAML as Home Assistant reads it, with every fault and its line."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
import yaml as pyyaml
from hypothesis import given
from hypothesis import strategies as st

from nanobot.util.yaml import Document, Input, Tag, Unparsable, Unusable, parse


@pytest.mark.parametrize(
    ("text", "data"),
    [
        ("", None),
        ("# only a comment", None),
        ("---\n", None),
        ("\ufeffa: 1", {"a": 1}),
        ("a:\nb: ~\n", {"a": None, "b": None}),
        ("a: on\nb: Yes\nc: off", {"a": True, "b": True, "c": False}),
        ("a: 'on'", {"a": "on"}),
        ("a: 10:30\nb: 07:30", {"a": 630, "b": "07:30"}),
        ("a: 012\nb: 0x1F\nc: 1_000", {"a": 10, "b": 31, "c": 1000}),
        ("a: 1.5\nb: .inf\nc: 1e3", {"a": 1.5, "b": float("inf"), "c": "1e3"}),
        ("a: 2026-11-21", {"a": dt.date(2026, 11, 21)}),
        ("a: =\nb: <<", {"a": "=", "b": "<<"}),
        ("1: a\n2.5: b\nnull: c", {1: "a", 2.5: "b", None: "c"}),
        ("a: !!str 5\nb: !!int '5'", {"a": "5", "b": 5}),
        ("a: !!set {x, y}", {"a": {"x", "y"}}),
        ("a: !!binary aGk=", {"a": b"hi"}),
        ("a: |\n  x\n  y\nb: >\n  x\n  y\n", {"a": "x\ny\n", "b": "x y\n"}),
        ("a: &x [1]\nb: *x", {"a": [1], "b": [1]}),
        ("a: &x {p: 1, q: 2}\nb: {<<: *x, q: 3}", {"a": {"p": 1, "q": 2}, "b": {"p": 1, "q": 3}}),
        ("a: &x {p: 1}\nb: &y {p: 2}\nc: {<<: [*x, *y]}", {"a": {"p": 1}, "b": {"p": 2}, "c": {"p": 1}}),
        ("a: !secret name", {"a": Tag("!secret", "name", 1)}),
        ("\na: !env_var  NAME a b ", {"a": Tag("!env_var", "NAME a b", 2)}),
        ("a: !input who", {"a": Input("who")}),
        ("a: !foo {b: 1}", {"a": Tag("!foo", None, 1)}),
        ("a: 🔔\n", {"a": "🔔"}),
    ],
)
def test_what_stands_in_a_file(text: str, data: Any) -> None:
    document = parse(text)
    assert document.data == data
    assert document.faults == ()


@pytest.mark.parametrize(
    ("content", "key", "line"),
    [
        ("a: b: c", "yaml_colon", 1),
        ("a: 1\n  b: 2", "yaml_colon", 2),
        ("a\nb: 1", "yaml_colon", 2),
        ("a:\n\tb: 1", "yaml_tab", 2),
        ("\ta: 1", "yaml_tab", 1),
        ("a: 1\nb: [1, 2\nc: 3", "yaml_bracket", 2),
        ("a: {x: 1\nb: 2\n", "yaml_bracket", 1),
        ("a: 1\nb: 'x\nc: 1", "yaml_quote", 2),
        ("- a\nb: 1", "yaml_dash", 2),
        ("a: 1\n- b", "yaml_indentation", 2),
        ("a: - b", "yaml_dash", 1),
        ("a: @x", "yaml_character", 1),
        ("a: %x", "yaml_character", 1),
        ("a: 'it's'", "yaml_after_quote", 1),
        ('a: "x" y', "yaml_after_quote", 1),
        ('a: "\\d"', "yaml_escape", 1),
        ("a: 1\nb: \x01", "yaml_control", 2),
        ("a: 1\n---\nb: 1", "second_document", 2),
        (b"a: 1\nb: \xfc", "not_utf8", 2),
        ("[" * 2000, "too_deep", 1),
    ],
)
def test_what_is_no_yaml_is_told_with_its_line(content: str | bytes, key: str, line: int) -> None:
    with pytest.raises(Unparsable) as error:
        parse(content)
    assert (error.value.fault.key, error.value.fault.line) == (key, line)


@pytest.mark.parametrize(
    ("text", "key", "line", "path"),
    [
        ("a: 1\nb: 2\na: 3", "duplicate_key", 3, ("a",)),
        ("x:\n  - a: 1\n    a: 2", "duplicate_key", 3, ("x", 0, "a")),
        ("x:\n  y: {{ z }}", "template_unquoted", 2, ("x", "y")),
        ("x:\n  ? [a]\n  : 1", "key_unhashable", 2, ("x",)),
        ("x: *nope", "alias_unknown", 1, ("x",)),
        ("x: &x [*x]", "alias_in_itself", 1, ("x", 0)),
        ("x: 2024-13-45", "not_a_value", 1, ("x",)),
        ("x: [1, 0b_]", "not_a_value", 1, ("x", 1)),
        ("x: !!int abc", "not_a_value", 1, ("x",)),
        ("x: !!python/name:os.system y", "not_a_value", 1, ("x",)),
        ("x: " + "9" * 5000, "not_a_value", 1, ("x",)),
        ("<<: 5\na: 1", "merge_invalid", 1, ()),
    ],
)
def test_a_fault_spoils_its_own_place_only(text: str, key: str, line: int, path: tuple[Any, ...]) -> None:
    document = parse(f"{text}\nrest: fine")
    (fault,) = document.faults
    assert (fault.key, fault.line, fault.path) == (key, line, path)
    assert document.data["rest"] == "fine"


def test_of_duplicate_keys_the_last_one_counts_and_both_lines_are_told() -> None:
    document = parse("a: first\nb: {x: 1}\na: second\nb: {y: 2}\na: third")
    assert document.data == {"a": "third", "b": {"y": 2}}
    assert [(f.line, f.placeholders["first"]) for f in document.faults] == [(3, "1"), (4, "2"), (5, "3")]


def test_lines_of_keys_items_and_what_is_merged_in() -> None:
    document = parse(
        "base: &base\n  p: 1\n  q: 2\nlist:\n  - a\n  -\n    b: 1\n    c:\n      - d\nuse:\n  <<: *base\n  r: 3\n"
    )
    lines = {
        (): 1,
        ("base",): 1,
        ("base", "q"): 3,
        ("list", 0): 5,
        ("list", 1, "c"): 8,
        ("list", 1, "c", 0): 9,
        ("use", "r"): 12,
        ("use", "p"): 2,
        ("list", 1, "nothing", "there"): 7,
        ("list", 7): 4,
    }
    assert {path: document.line(path) for path in lines} == lines


def test_aliases_of_aliases_cannot_fill_the_memory() -> None:
    bomb = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
        f"{new}: &{new} [{', '.join([f'*{old}'] * 9)}]\n" for old, new in zip("abcdefgh", "bcdefghi", strict=True)
    )
    with pytest.raises(Unparsable) as error:
        parse(bomb)
    assert error.value.fault.key == "too_many_aliases"


def test_an_unusable_place_does_not_show_what_was_there() -> None:
    assert repr(parse("x: *nope").data) == "{'x': (unusable)}"
    assert parse("x: *nope").data == {"x": Unusable("alias_unknown")}


def test_utf_16_with_a_mark_is_read() -> None:
    assert parse("a: ü".encode("utf-16")).data == {"a": "ü"}


scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.dates()
trees = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4), max_leaves=20
)


@given(trees)
def test_reads_the_same_as_pyyaml(tree: Any) -> None:
    text = pyyaml.safe_dump(tree, allow_unicode=True)
    document = parse(text)
    assert document.data == pyyaml.safe_load(text)
    assert document.faults == ()


@given(st.text(alphabet="ab:-[]{}&*!|>'\"#%@,? \n\t<=0123456789~"))
def test_any_text_is_parsed_or_told(text: str) -> None:
    try:
        document = parse(text)
    except Unparsable as error:
        assert error.fault.line >= 1  # noqa: PT017 - either outcome is fine
    else:
        assert isinstance(document, Document)
