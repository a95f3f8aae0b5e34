"""Templates in schemas: ``from nanobot.templates import validators as tv``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import voluptuous as vol

from nanobot.config.wrong import expected
from nanobot.templates.errors import TemplateError
from nanobot.templates.template import Template, is_template
from nanobot.templates.values import compile_value


def template(value: Any) -> Template:
    """A text with or without template syntax, also a number or truth value, as a ``Template``."""
    if isinstance(value, Template):
        return value
    if value is None or isinstance(value, (dict, list)):
        raise expected("text", value)
    found = Template(str(value))
    _check(found)
    return found


def limited_template(value: Any) -> Template:
    """A template that is going to be rendered with ``limited=True``."""
    return template(value)


def template_value(value: Any) -> Any:
    """Any value, with the templates in it made ready."""
    compiled = compile_value(value)
    if compiled is not value:
        _check_all(compiled, ())
    return compiled


def dynamic(validator: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """A template, or what ``validator`` takes."""

    def check(value: Any) -> Any:
        if isinstance(value, Template) or (isinstance(value, str) and is_template(value)):
            return template(value)
        return validator(value)

    check.__name__ = getattr(validator, "__name__", "dynamic")
    return check


def _check(found: Template) -> None:
    try:
        found.check()
    except TemplateError as error:
        raise vol.Invalid(f"invalid template: {error}") from error


def _check_all(value: Any, path: tuple[Any, ...]) -> None:
    if isinstance(value, Template):
        try:
            _check(value)
        except vol.Invalid as error:
            error.prepend(list(path))
            raise
    elif isinstance(value, (dict, Mapping)):
        for key, one in value.items():
            name = key
            if isinstance(key, Template):
                name = key.text
                _check_all(key, (*path, name))
            if type(one) is not str:
                _check_all(one, (*path, name))
    elif isinstance(value, list):
        for index, one in enumerate(value):
            _check_all(one, (*path, index))
