"""Editing somebody's YAML: one value changes, and every other byte stays as it was written."""

from __future__ import annotations

import copy
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from nanobot.config.edit import CannotEdit, change
from nanobot.config.nodes import equal, read
from nanobot.util.yaml import parse

KITCHEN = """\
# My automations

- id: '1'   # the first
  alias: "Kitchen light" # ä ☃ 𝄞
  triggers:  # when
    - trigger: state
      entity_id: light.kitchen
    # and at night
    - trigger: time
      at: '07:00'
  actions:
  - action: notify.me
    data:
      token: !secret door
      message: |
        hello
        # no comment

# --- the second ---

- id: "2"
  alias: Hall

# the end
"""


def data_of(text: str) -> Any:
    root = read(text)
    return None if root is None else root.value


def edited(text: str, path: tuple[Any, ...], **changes: Any) -> str:
    root = read(text)
    assert root is not None
    node = root.at(path)
    assert node is not None
    return change(text, path, {**node.value, **changes})


def test_one_changed_option_changes_one_line() -> None:
    assert edited(KITCHEN, (0,), alias="Stove") == KITCHEN.replace(
        '"Kitchen light" # ä ☃ 𝄞', "Stove # ä ☃ 𝄞"
    )  # the comment behind it stays


def test_a_new_option_stands_behind_the_others() -> None:
    assert edited(KITCHEN, (1,), mode="single") == KITCHEN.replace("alias: Hall\n", "alias: Hall\n  mode: single\n")


def test_a_removed_option_takes_its_lines_along() -> None:
    value = data_of(KITCHEN)[0]
    del value["actions"]
    assert change(KITCHEN, (0,), value) == KITCHEN[: KITCHEN.index("  actions")] + KITCHEN[KITCHEN.index("\n# ---") :]


def test_the_first_option_can_go_although_the_dash_stands_before_it() -> None:
    assert change(KITCHEN, (1,), {"alias": "Hall"}) == KITCHEN.replace('- id: "2"\n  alias', "- alias")


def test_deep_inside_only_the_changed_value_is_written() -> None:
    value = data_of(KITCHEN)[0]
    value["triggers"][1]["at"] = "08:30"
    value["actions"].append({"delay": 5})
    assert change(KITCHEN, (0,), value) == KITCHEN.replace("'07:00'", "'08:30'").replace(
        "        # no comment\n", "        # no comment\n  - delay: 5\n"
    )


def test_a_secret_stays_its_name_and_a_text_that_looks_like_one_stays_a_text() -> None:
    value = data_of(KITCHEN)[0]
    assert value["actions"][0]["data"]["token"] == "!secret door"
    value["actions"] = [{"action": "a.b", "data": {"x": "!secret door", "y": "!secret safe"}}]
    text = change(KITCHEN, (0,), value)
    assert "x: !secret door\n" in text
    assert "y: '!secret safe'\n" in text


def test_a_new_item_is_set_apart_as_the_others_are() -> None:
    text = change(KITCHEN, (), [*data_of(KITCHEN), {"id": "3", "actions": []}], among_others=True)
    assert text == KITCHEN.replace("alias: Hall\n", "alias: Hall\n\n- id: '3'\n  actions: []\n")


def test_a_removed_item_leaves_the_comments_around_it() -> None:
    text = change(KITCHEN, (), data_of(KITCHEN)[1:], among_others=True)
    assert text == "# My automations\n\n" + KITCHEN[KITCHEN.index("\n# ---") :]


def test_what_was_added_and_removed_again_leaves_no_trace() -> None:
    value = data_of(KITCHEN)
    more = change(KITCHEN, (), [*value, {"id": "3", "actions": []}], among_others=True)
    assert change(more, (), value, among_others=True) == KITCHEN


@pytest.mark.parametrize(
    ("text", "path", "value", "wanted"),
    [
        ("automation:  # mine\nlogger:\n", ("automation",), [{"id": "1"}],
         "automation:  # mine\n  - id: '1'\nlogger:\n"),
        ("automation: []  # none\nlogger:\n", ("automation",), [{"id": "1"}],
         "automation:  # none\n  - id: '1'\nlogger:\n"),
        ("[]", (), [{"id": "1"}], "- id: '1'\n"),
        ("# nothing yet", (), [{"id": "1"}], "# nothing yet\n- id: '1'\n"),
        ("", (), {"a": {"b": 1}}, "a:\n  b: 1\n"),
        ("a: {b: 1}\nc: 2", (), {"a": {"b": 1}, "c": 2, "d": [1]}, "a: {b: 1}\nc: 2\nd:\n  - 1\n"),
        ("a: 1\r\nb: 2 # x\r\n", (), {"a": 1, "b": 3, "c": 4}, "a: 1\r\nb: 3 # x\r\nc: 4\r\n"),
        ("a:\n- {id: x, n: 1} # one\n- {id: y}\n", ("a", 0), {"id": "x", "n": 2},
         "a:\n- {id: x, n: 2} # one\n- {id: y}\n"),
        ("a:\n- {id: x} # one\n- {id: y}\n", ("a", 0), {"id": "x", "t": [1, "a,b"]},
         "a:\n- {id: x, t: [1, 'a,b']} # one\n- {id: y}\n"),
        ('{"a": [{"id": 1,\n "b": 2}]}', ("a",), [{"id": 1, "b": 2}, {"id": 2}],
         '{"a": [{id: 1, b: 2}, {id: 2}]}'),
        ("- id: x\t# tab\n-\n  id: y\n", (1,), {"id": "y", "m": 1}, "- id: x\t# tab\n-\n  id: y\n  m: 1\n"),
        ("a: |+\n  text\n\n\nb: 1\n", (), {"a": "text\n\n\n", "b": 1, "c": 1}, "a: |+\n  text\n\n\nb: 1\nc: 1\n"),
        ("a: |+\n  text\n\n\nb: 1\n", (), {"a": "x", "b": 1}, "a: x\nb: 1\n"),
        ("a: |+\n  text\n\n\nb: 1\n", (), {"a": "text\n\n\n"}, "a: |+\n  text\n\n\n"),
        ("a:\n  b:\n    c: 1\n", ("a", "b"), {"d": 2}, "a:\n  b:\n    d: 2\n"),
        ("a: x # why\n", ("a",), {"b": 1}, "a: # why\n  b: 1\n"),
        ("a: x # why\n", ("a",), "two\nlines", "a: |- # why\n  two\n  lines\n"),
        ("- a: 1\n  b: 2\n- c\n", (), [{"a": 1, "b": 2}], "- a: 1\n  b: 2\n"),
        ("a:\n  # all\n  - 1\n# end\n", ("a",), [], "a: []\n# end\n"),
    ],
)  # fmt: skip
def test_it_keeps_the_way_in_which_it_is_written(text: str, path: Any, value: Any, wanted: str) -> None:
    old = data_of(text)
    node = read(text).at(path) if old is not None and path else None  # type: ignore[union-attr]
    there = old if not path else node.value if node else None
    among = isinstance(there, (list, dict)) and len(value) != len(there) if isinstance(value, (list, dict)) else False
    assert change(text, path, value, among_others=among and not path) == wanted


@pytest.mark.parametrize(
    ("text", "path", "value"),
    [
        ("- &one\n  id: 1\n- *one\n", (0,), {"id": 2}),
        ("- &one\n  id: 1\n- *one\n", (1,), {"id": 2}),
        ("- &one\n  id: 1\n- *one\n", (), [{"id": 1}]),
        ("base: &b {x: 1}\nuse:\n  <<: *b\n  y: 2\n", ("use",), {"x": 1, "y": 3}),
    ],
)
def test_what_is_shared_is_not_edited(text: str, path: Any, value: Any) -> None:
    with pytest.raises(CannotEdit):
        change(text, path, value, among_others=not path)


def test_beside_what_is_shared_one_may_edit() -> None:
    text = "- &one\n  id: 1\n- id: 2 # x\n- *one\n"
    assert change(text, (1,), {"id": 3}) == "- &one\n  id: 1\n- id: 3 # x\n- *one\n"


# -- any file ---------------------------------------------------------------------------------------

_TEXTS = st.one_of(
    st.text(alphabet="ab :#-'\"!&*{}[],|>%@`0é☃\n\t", max_size=12),
    st.sampled_from(
        ["on", "07:30", "null", "1e3", "!secret x", "{{ states('a.b') }}", "two\nlines\n", "0x1", "=", "<<"]
    ),
)
_SCALARS = st.one_of(st.none(), st.booleans(), st.integers(-99, 99), st.floats(-9, 9, width=16), _TEXTS)
_KEYS = st.one_of(
    st.sampled_from(["id", "alias", "mode", "on", "a b", "1", "é"]), st.text("abc:# -", min_size=1, max_size=5)
)
_VALUES = st.recursive(
    _SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(_KEYS, inner, max_size=3)),
    max_leaves=8,
)
_ITEMS = st.dictionaries(_KEYS, _VALUES, min_size=1, max_size=4)


@st.composite
def _files(draw: Any) -> tuple[str, list[str]]:
    """A commented file of items, in somebody's style; and the lines of each item."""
    import yaml

    parts, items = [], []
    for item in draw(st.lists(_ITEMS, min_size=1, max_size=4)):
        flow = draw(st.sampled_from([False, False, None, True]))
        dumped = yaml.safe_dump([item], default_flow_style=flow, allow_unicode=True, sort_keys=False, width=9999)
        if flow is True:
            dumped = "- " + dumped.strip()[1:-1] + "\n"
        parts.append(draw(st.sampled_from(["", "# say\n", "\n", "\n  # apart\n\n"])))
        items.append(dumped)
    newline = draw(st.sampled_from(["\n", "\r\n"]))
    text = "".join(part + item for part, item in zip(parts, items, strict=True))
    text += draw(st.sampled_from(["", "# end", "\n\n# end\n"]))
    return text.replace("\n", newline), [item.replace("\n", newline) for item in items]


@settings(max_examples=25, deadline=None)
@given(_files(), _ITEMS, st.data())
def test_in_any_file_only_the_edited_item_changes(file: tuple[str, list[str]], new: dict[str, Any], data: Any) -> None:
    text, items = file
    root = read(text)
    assert root is not None
    assume(len(root.value) == len(items))
    index = data.draw(st.integers(0, len(items) - 1))
    before = copy.deepcopy(root.value)
    after = change(text, (index,), new)
    assert equal(data_of(after), [*before[:index], new, *before[index + 1 :]])
    head = text[: root.children[index].node.start]
    assert after.startswith(head)
    if index + 1 < len(items):
        tail = text[text.rindex("\n", 0, root.children[index + 1].node.start) :]
        assert after.endswith(tail)
    parse(after)


@settings(max_examples=25, deadline=None)
@given(_files(), _ITEMS)
def test_in_any_file_adding_and_removing_gives_it_back(file: tuple[str, list[str]], new: dict[str, Any]) -> None:
    text, _ = file
    value = data_of(text)
    more = change(text, (), [*value, new], among_others=True)
    assert equal(data_of(more), [*value, new])
    back = change(more, (), value, among_others=True)
    assert _lines(back) == _lines(text)


@settings(max_examples=25, deadline=None)
@given(_files(), st.data())
def test_in_any_file_a_removed_item_leaves_the_others_and_the_comments(file: tuple[str, list[str]], data: Any) -> None:
    text, items = file
    value = data_of(text)
    assume(len(value) == len(items) > 1)
    assume(not any(equal(one, other) for one, other in pairwise(value)))
    index = data.draw(st.integers(0, len(items) - 1))
    after = change(text, (), value[:index] + value[index + 1 :], among_others=True)
    assert after.count("# say") == text.count("# say") - items[index].count("# say")
    position = 0
    for other in items[:index] + items[index + 1 :]:
        position = after.index(other.rstrip(), position) + 1


def _lines(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.strip()]
