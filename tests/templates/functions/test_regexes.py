"""Regular expressions match as in Home Assistant 2025.4, and end in time whatever the pattern."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nanobot.templates.errors import Refused
from nanobot.templates.functions import patterns, regexes
from nanobot.templates.functions.arguments import LONGEST_TEXT

Evaluate = Callable[..., Any]


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("'conf_kitchen' | regex_match('conf_')", True),
        ("'my conf' | regex_match('conf')", False),
        ("'My Conf' | regex_match('my', ignorecase=true)", True),
        ("'my conf' | regex_search('conf$')", True),
        ("'my conf' | regex_search('CONF')", False),
        ("'my conf' is search('CONF', true)", True),
        ("'my conf' is match('my')", True),
        ("42 | regex_search('^4')", True),
        ("'anything' | regex_match", True),
        ("'a1b22c' | regex_replace('[0-9]+', '-')", "a-b-c"),
        ("'a1b22c' | regex_replace('[0-9]+')", "abc"),
        ("'AbA' | regex_replace('a', 'x', true)", "xbx"),
        (r"'John Smith' | regex_replace('(\\w+) (\\w+)', '\\2 \\1')", "Smith John"),
        ("'abc' | regex_replace('', '-')", "-a-b-c-"),
        ("'a1b22c' | regex_findall('[0-9]+')", ["1", "22"]),
        ("'a1 b2' | regex_findall('([a-z])[0-9]')", ["a", "b"]),
        ("'a1 b2' | regex_findall('([a-z])([0-9])')", [("a", "1"), ("b", "2")]),
        ("'A' | regex_findall('a', ignorecase=true)", ["A"]),
        ("'a1b22c' | regex_findall_index('[0-9]+', 1)", "22"),
        ("'a1b22c' | regex_findall_index('[0-9]+')", "1"),
        ("['x1', 'y', 'z9'] | select('search', '[0-9]') | list", ["x1", "z9"]),
    ],
)
def test_matching_searching_and_replacing(evaluate: Evaluate, expression: str, value: Any) -> None:
    assert evaluate(expression) == value


PATTERNS = ["a*b", "[^b]*b", "a+", "ab.*a", "(a|b)+c", "(?:ab)*a", r"\w+\s", "(a)|(b)", "", "a?", "^a.*b", "b*$", "aa"]


@settings(deadline=None)
@given(st.sampled_from(PATTERNS), st.text("ab c\n", max_size=60), st.sampled_from(["-", r"<\g<0>>", ""]))
def test_long_texts_are_read_as_short_ones_are(find: str, text: str, by: str) -> None:
    """In long texts the places are tried one by one, and found must be what Python finds. Short ones are long here:
    each try of a long text may read all of it, and what a machine needs for that is not asked here."""
    text += "c" * 200 + text
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(patterns, "_SHORT", 100)
        _is_read_as_python_reads(find, text, by)


def _is_read_as_python_reads(find: str, text: str, by: str) -> None:
    compiled = re.compile(find)
    assert regexes.regex_findall(text, find) == compiled.findall(text)
    assert regexes.regex_replace(text, find, by) == compiled.sub(by, text)
    assert regexes.regex_search(text, find) is (compiled.search(text) is not None)


def test_a_long_text_that_takes_little_time_is_read_to_its_end() -> None:
    page = "<p>text 12</p>\n" * 5_000
    assert len(regexes.regex_findall(page, r"[0-9]+")) == 5_000
    assert len(regexes.regex_findall(page, r"text (\d+)<")) == 5_000
    assert regexes.regex_search(page + "end", "end$")
    assert regexes.regex_replace(page, "<p>", "").count("<p>") == 0


LONG = "a" * LONGEST_TEXT
CATASTROPHES = {
    "a repetition of a repetition": ("(a+)+$", "a" * 40 + "b"),
    "the same with a star": ("(.*)*x", "a" * 40),
    "alternatives that overlap": ("(a|aa)+$", "a" * 60 + "b"),
    "alternatives one after another": ("(a|a)(a|a)" * 20 + "b", "a" * 50),
    "many that may be left out": ("a?" * 40 + "a" * 40, "a" * 40),
    "repeated option": ("(a?){40}a{40}b", "a" * 40),
    "a number of words": (r"^(\w+\s?)*$", "word word word word word word word word word!"),
    "an address": (r"^([a-z0-9])(([\-.]|[_]+)?([a-z0-9]+))*(@){1}[a-z0-9]+[.]{1}[a-z]{2,3}$", "a" * 60 + "!"),
    "two open ends": (".*.*x", LONG),
    "an open start": (".*x", LONG),
    "an open start with a class": ("[^<]*<", LONG),
    "digits": (r"\d*x", "1" * LONGEST_TEXT),
    "a common start": ("aa.*x", LONG),
    "blanks at the end": (r"\s+$", " " * 200_000 + "x"),
    "looking ahead": ("(?=.*x)", LONG),
    "looking behind": ("(?<=a{1000})x", LONG),
    "a repeated group": (r"(.*)\1x", LONG),
    "lazy": (".*?x", LONG),
    "sets of all letters": (r"[\x00-\U0010ffff]" * 200 + "x", "a" * 300),
    "deep": ("(" * 2000 + ")" * 2000, "a"),
    "huge counts": ("(?:(?:a{0,60000}){0,60000}){0,60000}b", "a" * 1000),
}  # fmt: skip


@pytest.mark.parametrize(("find", "text"), CATASTROPHES.values(), ids=CATASTROPHES.keys())
@pytest.mark.parametrize("where", ["main thread", "other thread"])
@pytest.mark.parametrize("function", [regexes.regex_search, regexes.regex_findall, regexes.regex_replace])
def test_no_pattern_blocks_the_hub(function: Callable[..., Any], where: str, find: str, text: str) -> None:
    def attempt() -> float:
        began = time.thread_time()
        with suppress(Refused, ValueError):
            function(text, find, ignorecase=True)
        return time.thread_time() - began

    patterns._pattern.cache_clear()
    if where == "main thread":
        assert attempt() < 0.3
    else:
        with ThreadPoolExecutor(1) as pool:
            assert pool.submit(attempt).result() < 3


def test_what_takes_too_long_is_told_with_the_reason() -> None:
    with pytest.raises(Refused, match=r"'\(a\+\)\+\$' takes longer than \d+ ms; repetitions inside of repetitions"):
        regexes.regex_search("a" * 40 + "b", "(a+)+$")


def test_after_a_slow_pattern_the_next_one_works() -> None:
    for _ in range(3):
        with pytest.raises(Refused):
            regexes.regex_search("a" * 40 + "b", "(a+)+$")
        assert regexes.regex_search("a" * 40, "(a+)+$")


def test_a_replacement_cannot_make_a_huge_text() -> None:
    with pytest.raises(Refused, match="a text of more than"):
        regexes.regex_replace("a" * 200_000, "a", "b" * 4000)
    with pytest.raises(Refused):
        regexes.regex_replace("a" * 8000, "(?=(.*))", r"\1" * 10)


@pytest.mark.parametrize(
    ("expression", "sentence"),
    [
        ("'a' | regex_search('(')", r"'\(' is not a regular expression: missing \), unterminated subpattern"),
        (r"'a' | regex_replace('a', '\\1')", "cannot be put in the place of what was found: invalid group reference 1"),
    ],
)
def test_a_bad_pattern_is_told(evaluate: Evaluate, expression: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        evaluate(expression)
