"""What people are told of templates that fail."""

from __future__ import annotations

import pytest
import voluptuous as vol

from nanobot.config import validators as cv
from nanobot.hub.hub import Hub
from nanobot.templates import Template, TemplateError, compile_value, has_template, render_value
from nanobot.templates import validators as tv

from .conftest import Render


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{{ 1 / 0 }}", "ZeroDivisionError: division by zero"),
        ("{{ 'a' + 1 }}", 'TypeError: can only concatenate str (not "int") to str'),
        ("{{ 'a' | uper }}", "TemplateAssertionError: No filter named 'uper'.; did you mean 'upper'?"),
        ("{{ 1 is evn }}", "TemplateAssertionError: No test named 'evn'.; did you mean 'even'?"),
        ("{{ stats('a.b') }}", "UndefinedError: 'stats' is undefined; did you mean 'states'?"),
        ("{{ ['a'] | map('uper') | list }}", "TemplateRuntimeError: No filter named 'uper'.; did you mean 'upper'?"),
        ("{{ 'x' | float }}",
         "ValueError: float got invalid input 'x' and has no default; give it one, such as default=0"),
        ("a\n{{ 1 / 0 }}\n", "ZeroDivisionError: division by zero (line 2)"),
        ("a\n\n{% if %}\n", "TemplateSyntaxError: Expected an expression, got 'end of statement block' (line 3)"),
        ("{{ states['x.y.z'] }}", "TemplateError: Invalid entity ID 'x.y.z'; write it like 'sensor.kitchen'"),
        ("{{ 5() }}", "TypeError: 'int' object is not callable"),
    ],
)  # fmt: skip
def test_errors_say_what_and_where_and_what_was_meant(render: Render, text: str, told: str) -> None:
    with pytest.raises(TemplateError) as failed:
        render(text)
    assert str(failed.value) == told


@pytest.mark.parametrize("text", ["{{ unclosed", "{% for x in [1] %}{{ x }}", "{% nonsense %}", "{{ 'a' | nope }}"])
def test_bad_syntax_is_found_without_rendering(text: str) -> None:
    with pytest.raises(TemplateError):
        Template(text).check()
    for validator in (tv.template, tv.limited_template, tv.dynamic(cv.boolean), tv.template_value):
        with pytest.raises(vol.Invalid, match="invalid template: Template"):
            vol.Schema({"a": validator})({"a": text})


def test_validators_give_templates_and_leave_other_values_alone(hub: Hub) -> None:
    assert tv.template(5).render(hub) == "5"
    assert tv.template("{{ 5 }}").render(hub) == 5
    assert tv.dynamic(cv.positive_int)("7") == 7
    assert isinstance(tv.dynamic(cv.positive_int)("{{ 7 }}"), Template)
    with pytest.raises(vol.Invalid):
        tv.dynamic(cv.positive_int)("seven")
    with pytest.raises(vol.Invalid):
        tv.template({"a": 1})
    plain = {"a": [1, "b"]}
    assert tv.template_value(plain) is plain


def test_an_error_in_a_value_names_its_place() -> None:
    with pytest.raises(vol.Invalid) as failed:
        tv.template_value({"data": {"list": ["fine", "{{ nope"]}})
    assert failed.value.path == ["data", "list", 1]


def test_values_are_rendered_wherever_a_template_stands(hub: Hub) -> None:
    value = {"a": "{{ n }}", "{{ 'k' ~ n }}": [1, "{{ n + 1 }}", {"x": "plain 1"}], "t": "5", "none": None}
    compiled = compile_value(value)
    assert render_value(hub, compiled, {"n": 4}) == {
        "a": 4, "k4": [1, 5, {"x": "plain 1"}], "t": "5", "none": None,
    }  # fmt: skip
    assert value["a"] == "{{ n }}"
    assert has_template(value)
    assert has_template(compiled)
    assert not has_template({"a": ["{ b }", 5]})
    plain = ["a", {"b": 1}]
    assert compile_value(plain) is plain
    with pytest.raises(TemplateError):
        render_value(hub, compile_value(["{{ 1 / 0 }}"]), None)
    with pytest.raises(TemplateError, match="not supported in limited templates"):
        render_value(hub, compile_value(["{{ now() }}"]), None, limited=True)
