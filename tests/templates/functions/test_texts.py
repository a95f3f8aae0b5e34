"""Slugs, addresses, JSON, hashes, packed numbers, versions and decisions."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

import pytest
from jinja2 import UndefinedError

from nanobot.templates.errors import Refused

Evaluate = Callable[..., Any]


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("slugify('Kitchen Light #2')", "kitchen_light_2"),
        ("'Größe & Änderung' | slugify", "grosse_anderung"),
        ("'a b' | slugify(separator='-')", "a-b"),
        ("slugify('!!!')", "unknown"),
        ("slugify('')", ""),
        ("slugify(none)", ""),
        ("urlencode({'a b': 'x&y', 'n': 1})", "a+b=x%26y&n=1"),
        ("urlencode([('a', 'ü')])", "a=%C3%BC"),
        ("'A' | ord", 65),
        ("iif(1 < 2, 'yes', 'no')", "yes"),
        ("none | iif('yes', 'no')", "no"),
        ("none | iif('yes', 'no', 'none')", "none"),
        ("iif('')", False),
        ("'x' | is_defined", "x"),
    ],
)
def test_words_and_decisions(evaluate: Evaluate, expression: str, value: Any) -> None:
    assert evaluate(expression) == value


def test_is_defined_refuses_what_is_not(evaluate: Evaluate) -> None:
    with pytest.raises(UndefinedError, match="'nothing' is undefined"):
        evaluate("nothing | is_defined")


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("{'b': 1, 'a': [none, true]} | to_json", '{"b":1,"a":[null,true]}'),
        ("{'b': 1, 'a': 2} | to_json(sort_keys=true)", '{"a":2,"b":1}'),
        ("{'a': [1]} | to_json(pretty_print=true)", '{\n  "a": [\n    1\n  ]\n}'),
        ("{'a': 'ü'} | to_json", '{"a":"ü"}'),
        ("{'a': 'ü'} | to_json(ensure_ascii=true)", '{"a": "\\u00fc"}'),
        ("{1: 2} | to_json", '{"1":2}'),
        ("attributes | to_json", '{"a":1}'),
        ("'{\"a\": [1, null]}' | from_json", {"a": [1, None]}),
        ("'nonsense' | from_json(default={})", {}),
        ("none | from_json('none')", "none"),
    ],
)
def test_json(evaluate: Evaluate, expression: str, value: Any) -> None:
    assert evaluate(expression, attributes=MappingProxyType({"a": 1})) == value


def test_json_has_no_dates_and_no_sets(evaluate: Evaluate) -> None:
    for value, kind in ((datetime.now(UTC), "datetime"), ({1}, "set")):
        for arguments in ("", "(ensure_ascii=true)"):
            with pytest.raises(TypeError, match=f"JSON has no form for a value of the type {kind}"):
                evaluate(f"{{'a': value}} | to_json{arguments}", value=value)


def test_json_of_something_undefined_names_it(evaluate: Evaluate) -> None:
    for arguments in ("", "(ensure_ascii=true)"):
        with pytest.raises(UndefinedError, match="'nothing' is undefined"):
            evaluate(f"[nothing] | to_json{arguments}")


def test_text_that_is_no_json_is_told(evaluate: Evaluate) -> None:
    with pytest.raises(ValueError, match="from_json got invalid input '{a' and has no default"):
        evaluate("'{a' | from_json")


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("'hänsel' | base64_encode", "aMOkbnNlbA=="),
        ("'aMOkbnNlbA==' | base64_decode", "hänsel"),
        ("'/wA=' | base64_decode(none)", b"\xff\x00"),
        ("'4A==' | base64_decode('latin-1')", "à"),
        ("md5('a')", "0cc175b9c0f1b6a831c399e269772661"),
        ("'a' | sha1", "86f7e437faa5a7fce15d1ddcb9eaeaea377667b8"),
        ("sha256('')", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        ("('a' | sha512)[:8]", "1f40fc92"),
        ("pack(513, '>H')", b"\x02\x01"),
        ("'1' | base64_encode | base64_decode(none) | unpack('B')", 49),
        ("unpack(data, '>H', offset=1)", 0x0203),
        ("5 | bitwise_and(6)", 4),
        ("5 | bitwise_or(6)", 7),
        ("5 | bitwise_xor(6)", 3),
    ],
)
def test_bytes_and_bits(evaluate: Evaluate, expression: str, value: Any) -> None:
    assert evaluate(expression, data=b"\x01\x02\x03") == value


def test_packing_what_does_not_fit_gives_none_and_a_warning(
    evaluate: Evaluate, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        assert evaluate("pack('x', '>H')") is None
        assert evaluate("pack(1, 'nonsense')") is None
        assert evaluate("unpack(data, '>Q')", data=b"12") is None
        assert evaluate("unpack(data, '2x')", data=b"12") is None
    assert [record.getMessage().split(" ")[:2] for record in caplog.records] == [
        ["pack", "cannot"],
        ["pack", "cannot"],
        ["unpack", "cannot"],
    ]


@pytest.mark.parametrize(
    "expression",
    [
        "long | md5",
        "long | base64_encode",
        "long | slugify",
        "long | from_json",
        "version(long)",
        "'a' | slugify(long)",
        "'a' | regex_search(long)",
    ],
)
def test_texts_have_a_longest_length(evaluate: Evaluate, expression: str) -> None:
    with pytest.raises(Refused, match="takes at most|text of more than"):
        evaluate(expression, long="x" * 2_000_000)


@pytest.mark.parametrize("expression", ["pack('', '4000000000s')", "unpack(data, '1000000B')", "pack(1, '1B' * 100)"])
def test_packed_formats_have_a_size(evaluate: Evaluate, expression: str) -> None:
    with pytest.raises(ValueError, match="takes a format of at most"):
        evaluate(expression, data=b"1")


@pytest.mark.parametrize(
    "expression",
    [
        "version('2025.10.0') > '2025.9.9'",
        "'1.0b2' | version < '1.0'",
        "version('1.0.0-rc.1') > version('1.0.0-beta.7')",
        "version('1.0.dev3') < '1.0a1'",
        "version('v1.2') == '1.2.0'",
        "version('1.2') >= '1.2' and version('1.2') <= '1.2.0'",
        "version('1.2') != '1.3'",
        "version('dev') > '9999.1' and version('beta') > version('stable')",
        "version('2025.4.1').major == 2025 and version('2025.4.1').patch == '1'",
        "version('2025.4.0b3').beta and version('2025.4.0b3').modifier == 'b3'",
        "version('2025.4').stable and version('2025.4').simple and version('2025.4').sections == 2",
        "version('1.2.3').section(1) == 2 and version('1').section(5) == 0",
        "not version('unavailable').valid",
        "version('unavailable') == 'unavailable'",
        "version('v1.2').string == '1.2'",
    ],
)
def test_versions_compare_by_what_they_mean(evaluate: Evaluate, expression: str) -> None:
    assert evaluate(expression) is True


def test_what_is_no_version_cannot_be_ordered(evaluate: Evaluate) -> None:
    with pytest.raises(ValueError, match="'unavailable' is not a version that can be compared"):
        evaluate("version('unavailable') < '1.0'")


def test_equal_versions_are_one_in_a_set(evaluate: Evaluate) -> None:
    assert evaluate("set([version('1.0'), version('1.0.0'), version('x')]) | length") == 2
