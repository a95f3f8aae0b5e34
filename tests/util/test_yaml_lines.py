"""What is read line by line is what a parser of all of YAML makes of it; whatever else it could be is left to that."""

from __future__ import annotations

import random

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from nanobot.util.yaml import Builder, Unparsable, simple

PLAIN = """\
# automations
- id: "morning"
  alias: 'Good morning'
  triggers:
  - trigger: time
    at: 07:30:00

    days: [mon]
  - - 1
    - 2.5
  on: off
  until: 2026-11-21
  empty:
nested:
  deeper:
    - a b, c
    -   more: yes
        "quoted key": x
"""
PIECES = ["!", "&a ", "*a", "<<: ", ": ", "- ", "\n", "  ", "{", "}", "[", "]", "'", '"', "#", " #", "? ", "|", ">-",
          "off", "1:30", "\t", "---\n", "null", "~", "é", "\x85", "\u2028", "- - ", ":", "a: b", "\n\n", "=", "-", ".",
          "%", "@", ",", "\\", "b: \n", "- a\n", "\ufeff", "\r\n"]  # fmt: skip


def whole(text: str) -> tuple[str, int]:
    builder = Builder(text)
    data, _ = builder.build()
    assert not builder.faults
    assert not builder.tagged
    assert not builder.anchored
    return repr(data), builder.size


def test_plain_lines_are_read() -> None:
    for text in (PLAIN.partition("nested")[0].replace("[mon]", "mon"), "nested" + PLAIN.partition("nested")[2]):
        found = simple(text)
        assert found is not None
        assert (repr(found[0]), found[1]) == whole(text)


@pytest.mark.parametrize(
    "text",
    ["", "text", "- [a]", "a: {b: c}", "a: !secret b", "a: &x b", "a: *x", "a: |\n  text", "a: b\n  c", "a: b\n   - c",
     "a: 'b\n  c'", 'a: "\\n"', "a: 1\na: 2", "<<: a", "a:\n  b: 1\n c: 2", "- a\nb: 1", "a: b # c", "a: b: c",
     "a\t: b", "a: 2026-99-99", "? a\n: b", "---\na: b", "a: 'it''s'", "a: \x07", "{{ a }}: b", "a: {{ b }}"],
)  # fmt: skip
def test_anything_else_is_left_to_the_parser(text: str) -> None:
    assert simple(text) is None


@settings(max_examples=400)
@given(st.randoms(use_true_random=False), st.integers(0, 3))
def test_it_says_what_the_parser_says(chance: random.Random, edits: int) -> None:
    lines = PLAIN.split("\n")
    begin = chance.randrange(len(lines))
    lines = lines[begin : begin + chance.randint(1, 12)]
    if chance.random() < 0.5:
        at = chance.randrange(len(lines))
        lines[at] = " " * chance.randint(0, 4) + lines[at].lstrip()
    text = "\n".join(lines)
    for _ in range(edits):
        at = chance.randint(0, len(text))
        text = text[:at] + chance.choice([*PIECES, ""]) + text[at + chance.randint(0, 2) :]
    found = simple(text)
    if found is not None:
        try:
            assert (repr(found[0]), found[1]) == whole(text)
        except (yaml.YAMLError, Unparsable) as error:
            raise AssertionError(f"{text!r} is no YAML") from error
