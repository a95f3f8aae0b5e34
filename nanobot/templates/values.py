"""Templates anywhere in a value of YAML: found, made ready, and rendered."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nanobot.hub.hub import Hub
from nanobot.templates.template import Template, is_template


def has_template(value: Any) -> bool:
    """Whether a text in ``value``, however deep, is a template."""
    kind = type(value)
    if kind is str:
        return "{" in value and is_template(value)
    if kind in _LEAVES:
        return False
    if isinstance(value, str):
        return is_template(value)
    if isinstance(value, Template):
        return True
    if isinstance(value, _MAPPINGS):
        return any(has_template(key) or has_template(one) for key, one in value.items())
    if isinstance(value, (list, tuple)):
        return any(map(has_template, value))
    return False


def compile_value(value: Any) -> Any:
    """A copy in which each text with a template is a ``Template``; the value itself when there is none."""
    return _compiled(value) if has_template(value) else value


def _compiled(value: Any) -> Any:
    kind = type(value)
    if kind is str:
        return Template(value) if "{" in value and is_template(value) else value
    if kind in _LEAVES:
        return value
    if isinstance(value, str):
        return Template(value) if is_template(value) else value
    if isinstance(value, _MAPPINGS):
        return {_compiled(key): _compiled(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_compiled(one) for one in value]
    return value


def render_value(hub: Hub, value: Any, variables: Mapping[str, Any] | None, *, limited: bool = False) -> Any:
    """``value`` with each template in it rendered. Raises ``TemplateError``."""
    kind = type(value)
    if kind is Template:
        return value.render(hub, variables, limited=limited)
    if kind is dict:
        return {
            (key.render(hub, variables, limited=limited) if type(key) is Template else key): (
                one if type(one) in _LEAVES else render_value(hub, one, variables, limited=limited)
            )
            for key, one in value.items()
        }
    if kind is list:
        return [one if type(one) in _LEAVES else render_value(hub, one, variables, limited=limited) for one in value]
    if kind not in _LEAVES:
        if isinstance(value, Mapping):
            return render_value(hub, dict(value), variables, limited=limited)
        if isinstance(value, (list, tuple)):
            return render_value(hub, list(value), variables, limited=limited)
    return value


_LEAVES = frozenset({str, int, float, bool, type(None)})
_MAPPINGS = (dict, Mapping)
"""A ``dict`` is found at once where it stands first: asking an abstract class costs ten times as much."""
