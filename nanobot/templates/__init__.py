"""Templates: Jinja2 in a sandbox, with Home Assistant's functions and results."""

from nanobot.templates.errors import TemplateError
from nanobot.templates.info import RenderInfo
from nanobot.templates.template import Template
from nanobot.templates.values import compile_value, has_template, render_value

__all__ = ["RenderInfo", "Template", "TemplateError", "compile_value", "has_template", "render_value"]
