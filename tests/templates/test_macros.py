"""Macros of the user, from ``custom_templates``."""

from __future__ import annotations

import pytest

from nanobot.templates import Template, TemplateError
from nanobot.testing.plugin import House

MACROS = """
{% macro double(n) %}{{ n * 2 }}{% endmacro %}
{% macro warm(entity) %}{{ states(entity) | float(0) > 15 }}{% endmacro %}
{% set planet = 'Tellus' %}
"""


@pytest.fixture
def hub(house: House) -> House:
    """The whole house, for these."""
    return house


async def test_macros_are_there_from_the_start_and_follow_edits(house: House) -> None:
    house.write(MACROS, "custom_templates/tools.jinja")
    house.write("{% macro shout(text) %}{{ text | upper }}!{% endmacro %}", "custom_templates/deep/more.jinja")
    await house.start("")
    hub = house.hub
    hub.states.set("sensor.a", "20")
    double = Template("{% from 'tools.jinja' import double %}{{ double(4) }}")
    assert double.render(hub) == 8
    assert (
        Template("{% import 'tools.jinja' as t %}{{ t.warm('sensor.a') }} {{ t.planet }}").render(hub) == "True Tellus"
    )
    assert Template("{% from 'deep/more.jinja' import shout %}{{ shout('a') }}").render(hub) == "A!"
    info = Template("{% from 'tools.jinja' import warm %}{{ warm('sensor.a') }}").info(hub)
    assert (info.result, info.entities) == (True, {"sensor.a"})

    await house.apply(MACROS.replace("* 2", "* 3"), "custom_templates/tools.jinja")
    assert double.render(hub) == 12


@pytest.mark.parametrize("domain", ["nanobot", "homeassistant"])
async def test_a_service_reads_them_again(house: House, domain: str) -> None:
    await house.start("")
    house.write("{% macro one() %}1{% endmacro %}", "custom_templates/new.jinja")
    await house.hub.services.call(domain, "reload_custom_templates")
    assert Template("{% from 'new.jinja' import one %}{{ one() }}").render(house.hub) == 1


async def test_a_file_or_macro_that_is_not_there_is_told(house: House) -> None:
    house.write(MACROS, "custom_templates/tools.jinja")
    house.write("{% macro broken( %}", "custom_templates/broken.jinja")
    await house.start("")
    for text, told in (
        ("{% from 'tool.jinja' import double %}{{ double(1) }}", "did you mean 'tools.jinja'"),
        ("{% from 'tools.jinja' import triple %}{{ triple(1) }}", "does not export the requested name 'triple'"),
        ("{% from 'broken.jinja' import broken %}{{ broken(1) }}", "TemplateSyntaxError"),
        ("{% from '../configuration.yaml' import x %}{{ x }}", "there is no file"),
    ):
        with pytest.raises(TemplateError, match=told):
            Template(text).render(house.hub)
