"""A file in pieces is what it is as a whole, and only what was edited is parsed again."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from nanobot.util import yaml_pieces
from nanobot.util.yaml import Path, Unparsable, parse
from nanobot.util.yaml_pieces import InPieces, parse_in_pieces

LONG = "x" * yaml_pieces.WORTH_IT

names = st.text("abcxyz_", min_size=1, max_size=6)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text("ab\n '\"#:-{}[]&*!|>%@,é", max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=8,
)


@pytest.fixture(autouse=True)
def any_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(yaml_pieces, "WORTH_IT", 0)


def paths(data: Any, above: Path = ()) -> list[Path]:
    inner = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    return [above, *(path for key, value in inner for path in paths(value, (*above, key)))]


def same(text: str, before: InPieces | None = None) -> InPieces | None:
    """The pieces, which have to be the same as the whole; None where they are not tried."""
    whole = parse(text)
    found = parse_in_pieces(text, before or parse(text))
    if found is not None:
        assert (found.data, found.size, found.tagged, found.faults) == (whole.data, whole.size, whole.tagged, ())
        assert {path: found.line(path) for path in paths(whole.data)} == {
            path: whole.line(path) for path in paths(whole.data)
        }
    return found


@settings(max_examples=150, deadline=None)
@given(st.lists(values, min_size=2, max_size=6) | st.dictionaries(names, values, min_size=2, max_size=6), st.data())
def test_pieces_are_the_whole(data: Any, more: st.DataObject) -> None:
    style = more.draw(st.sampled_from([False, None]))
    text = yaml.safe_dump(data, allow_unicode=True, sort_keys=False, default_flow_style=style)
    same("# a comment\n\n" + text, same(text))


@settings(max_examples=300, deadline=None)
@given(st.text("ab:- '\"#|>[]{}&*!\n<", max_size=60))
def test_whatever_is_written_pieces_are_the_whole_or_are_not_tried(text: str) -> None:
    try:
        parse(text)
    except Exception:
        assert parse_in_pieces(text, parse("- 1\n- 2\n")) is None
        assert parse_in_pieces(text, parse("a: 1\nb: 2\n")) is None
        return
    same(text)
    for before in ("- 1\n- 2\n", "a: 1\nb: 2\n"):
        found = parse_in_pieces(text, parse(before))
        assert found is None or (found.data, found.size) == (parse(text).data, parse(text).size)


def test_only_what_was_edited_is_parsed_again(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = [f"- id: a{number}\n  value: [{number}]\n" for number in range(100)]
    before = same("".join(lines))
    assert before is not None
    parsed: list[str] = []
    real = yaml_pieces._parsed

    def counted(text: str, line: int) -> Any:
        parsed.append(text)
        return real(text, line)

    monkeypatch.setattr(yaml_pieces, "_parsed", counted)
    lines[40] = "- id: a40\n  value: [edited]\n"
    lines.insert(3, "# a remark\n- id: new\n")
    after = same("".join(lines), before)
    assert after is not None
    assert [text.splitlines()[0] for text in parsed] == ["- id: a2", "- id: new", "- id: a40"]
    assert after.data[0] is before.data[0]
    assert after.data[90] is before.data[89]


def test_what_is_there_twice_counts_twice() -> None:
    before = parse("- [1, 2]\n- [1, 2]\n- 3\n")
    for text in ("- [1, 2]\n- 3\n- 3\n", "- [1, 2]\n- [1, 2]\n- [1, 2]\n- 3\n"):
        found = parse_in_pieces(text, before)
        assert found is not None
        assert (found.data, found.size) == (parse(text).data, parse(text).size)


def test_a_tag_in_a_piece_knows_its_line_also_when_it_moves() -> None:
    first = same("- a: 1\n- b: !include x.yaml\n")
    assert first is not None
    assert first.data[1]["b"].line == 2
    moved = same("# more\n- a: 1\n- b: !include x.yaml\n", first)
    assert moved is not None
    assert moved.data[1]["b"].line == 3


@pytest.mark.parametrize(
    "text",
    [
        "- &a {x: 1}\n- *a\n",
        "a: &a 1\nb: *a\n",
        "- a: 1\n  a: 2\n- b: 1\n",
        "a: 1\nb: 2\na: 3\n",
        "- a\n---\n- b\n",
        "- 'a\n- b'\n",
        "<<: {a: 1}\nb: 2\n",
        "- a\n- {{ x }}: 1\n",
        "- a\nb\n- c\n",
        "[a,\nb]\n",
    ],
)
def test_what_would_make_a_difference_is_parsed_as_a_whole(text: str) -> None:
    assert parse_in_pieces(text, None) is None
    befores = ["- 1\n- 2\n", "a: 1\nb: 2\n"]
    with contextlib.suppress(Unparsable):
        parse(text)
        befores.append(text)
    for before in befores:
        assert parse_in_pieces(text, parse(before)) is None
