"""Numbers are read, rounded and calculated as in Home Assistant 2025.4."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest

Evaluate = Callable[..., Any]


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("float('3.5')", 3.5),
        ("' 3.5 ' | float", 3.5),
        ("'x' | float(0)", 0),
        ("'x' | float(default=none)", None),
        ("float(true)", 1.0),
        ("int('42.9')", 42),
        ("int(-3.9)", -3),
        ("'0x1F' | int(base=16)", 31),
        ("'101' | int(0, 2)", 5),
        ("'x' | int(7)", 7),
        ("'inf' | int(7)", 7),
        ("bool('On')", True),
        ("' disable ' | bool", False),
        ("bool(0.0)", False),
        ("bool('maybe', 'so')", "so"),
        ("bool(none, default=false)", False),
        ("is_number('1e3')", True),
        ("'nan' is is_number", False),
        ("none | is_number", False),
        ("is_number(true)", True),
        ("is_number([1])", False),
        ("'3' | add(2)", 5.0),
        ("'x' | add(2, 0)", 0),
        ("'3' | multiply(2)", 6.0),
        ("none | multiply(2, default='none')", "none"),
    ],
)
def test_numbers_are_read_from_text_with_a_default_if_wanted(evaluate: Evaluate, expression: str, value: Any) -> None:
    found = evaluate(expression)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("2.5 | round", 2),
        ("3.5 | round", 4),
        ("'2.345' | round(2)", 2.35 if round(2.345, 2) == 2.35 else 2.34),
        ("2.7 | round(0, 'floor')", 2),
        ("-2.1 | round(0, 'ceil')", -2),
        ("2.341 | round(2, 'ceil')", 2.35),
        ("2.2 | round(1, 'half')", 2.0),
        ("2.25 | round(1, 'half')", 2.0),
        ("2.3 | round(1, method='half')", 2.5),
        ("2.3 | round(1, 'unheard of')", 2.3),
        ("1250 | round(-2)", 1200.0),
        ("'x' | round(1, 'common', 'none')", "none"),
        ("inf | round(default=0)", 0),
        ("1 | round(10000000, default=0)", 0),
        ("1 | round(10000000, 'ceil', 0)", 0),
    ],
)
def test_rounding_knows_four_methods_and_is_whole_at_precision_0(
    evaluate: Evaluate, expression: str, value: Any
) -> None:
    found = evaluate(expression, inf=math.inf)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("sin(pi / 2)", 1.0),
        ("0 | cos", 1.0),
        ("tan('0')", 0.0),
        ("asin(1)", math.pi / 2),
        ("acos(1) + atan(0)", 0.0),
        ("asin(2, default='out of range')", "out of range"),
        ("'16' | sqrt", 4.0),
        ("sqrt(-1, 0)", 0),
        ("log(e)", 1.0),
        ("8 | log(2)", 3.0),
        ("log(100, 10)", 2.0),
        ("log(0, 10, 'never')", "never"),
        ("log(5, 1, 'never')", "never"),
        ("log(5, 'x', 'never')", "never"),
        ("atan2(1, 0)", math.pi / 2),
        ("[1, 0] | atan2", math.pi / 2),
        ("atan2([1, 'x'], 3)", 3),
        ("atan2('x', 1, 4)", 4),
        ("atan2([1], default=5)", 5),
        ("tau / pi", 2.0),
    ],
)
def test_mathematics(evaluate: Evaluate, expression: str, value: Any) -> None:
    assert evaluate(expression) == pytest.approx(value) if isinstance(value, float) else evaluate(expression) == value


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("min(4, 1, 3)", 1),
        ("max([4, 1, 3])", 4),
        ("max('apple', 'pear')", "pear"),
        ("max([{'n': 1}, {'n': 3}], attribute='n')", {"n": 3}),
        ("average(1, 2, 6)", 3.0),
        ("average([1, 2, 6])", 3.0),
        ("(1, 2) | average", 1.5),
        ("average([], 5)", 5),
        ("average(['x'], default='none')", "none"),
        ("median([5, 1, 4, 2])", 3.0),
        ("median(3, 1, 2)", 2),
        ("[] | median(0)", 0),
        ("statistical_mode(['a', 'b', 'a'])", "a"),
        ("statistical_mode(1, 2, 2)", 2),
        ("[] | statistical_mode(default='none')", "none"),
    ],
)
def test_the_middle_and_the_ends_of_lists_and_of_arguments(evaluate: Evaluate, expression: str, value: Any) -> None:
    assert evaluate(expression) == value


@pytest.mark.parametrize(
    ("number", "word"),
    [(1, "1st"), (2, "2nd"), (3, "3rd"), (4, "4th"), (11, "11th"), (12, "12th"), (113, "113th"), (121, "121st")],
)
def test_ordinals(evaluate: Evaluate, number: int, word: str) -> None:
    assert evaluate("n | ordinal", n=number) == word


@pytest.mark.parametrize(
    ("expression", "name", "value"),
    [
        ("'x' | float", "float", "x"),
        ("int('')", "int", ""),
        ("none | round(1)", "round", "None"),
        ("'x' | bool", "bool", "x"),
        ("sqrt(-1)", "sqrt", "-1"),
        ("log('x')", "log", "x"),
        ("log(1, 'b')", "log", "b"),
        ("atan2('x', 1)", "atan2", "['x', 1]"),
        ("[] | average", "average", "[]"),
        ("median(['x', 'y'])", "median", "['x', 'y']"),
        ("'x' | multiply(2)", "multiply", "x"),
        ("'x' | add(2)", "add", "x"),
    ],
)
def test_bad_input_without_a_default_is_told_with_function_and_value(
    evaluate: Evaluate, expression: str, name: str, value: str
) -> None:
    with pytest.raises(ValueError) as raised:
        evaluate(expression)
    assert str(raised.value) == f"{name} got invalid input '{value}' and has no default; give it one, such as default=0"


def test_a_long_value_is_cut_in_the_sentence(evaluate: Evaluate) -> None:
    with pytest.raises(ValueError) as raised:
        evaluate("float(text)", text="x" * 100_000)
    assert len(str(raised.value)) < 200


@pytest.mark.parametrize(
    "expression", ["max()", "average()", "median()", "min(3)", "average(3)", "statistical_mode(3)"]
)
def test_the_middle_of_nothing_is_a_mistake_in_the_template(evaluate: Evaluate, expression: str) -> None:
    with pytest.raises(TypeError, match="expected at least 1 argument|is not iterable"):
        evaluate(expression)


def test_random_gives_one_of_the_list_and_not_always_the_same(evaluate: Evaluate) -> None:
    found = {evaluate("[1, 2, 3] | random") for _ in range(200)}
    assert found == {1, 2, 3}
