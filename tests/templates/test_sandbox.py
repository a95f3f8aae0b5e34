"""Ways out of template sandboxes that have worked somewhere, and what they give here: nothing."""

from __future__ import annotations

from typing import Any

import pytest

from nanobot.hub.hub import Hub
from nanobot.templates import TemplateError

from .conftest import Render

ESCAPES = [
    "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "{{ ''['__class__']['__mro__'] }}",
    "{{ ''|attr('__class__')|attr('__mro__') }}",
    "{{ [].__class__.__base__.__subclasses__() }}",
    "{{ ().__class__.__bases__[0].__subclasses__()[40]('/etc/passwd').read() }}",
    "{{ {}.__init__.__globals__ }}",
    "{{ self.__init__.__globals__.__builtins__ }}",
    "{{ self._TemplateReference__context.cycler.__init__.__globals__.os }}",
    "{{ cycler.__init__.__globals__.os.popen('id').read() }}",
    "{{ joiner.__init__.__globals__ }}",
    "{{ namespace.__init__.__globals__.os }}",
    "{{ namespace(x=1)._Namespace__attrs }}",
    "{{ dict.__subclasses__() }}",
    "{{ dict.mro() }}",
    "{{ range.__class__ }}",
    "{{ states.__class__.__init__.__globals__ }}",
    "{{ states.__init__ }}",
    "{{ states._hub.config_dir }}",
    "{{ states._states._bus }}",
    "{{ states.sensor._states.all() }}",
    "{{ states.sensor.kitchen._context }}",
    "{{ states.sensor.kitchen.__class__ }}",
    "{{ states.sensor.kitchen.context.__init__.__globals__ }}",
    "{{ states.sensor.kitchen.attributes.__class__ }}",
    "{{ states.__call__.__globals__ }}",
    "{{ state_attr.__globals__ }}",
    "{{ state_attr.__closure__[0].cell_contents }}",
    "{{ state_attr.__code__ }}",
    "{{ is_state.func_globals }}",
    "{{ now.__self__ }}",
    "{{ now().__class__ }}",
    "{{ now().tzinfo.from_file('/etc/passwd') }}",
    "{{ '{0.__class__}'.format(1) }}",
    "{{ '{0.__class__.__mro__}'.format('') }}",
    "{{ '{x.__class__}'.format_map({'x': 1}) }}",
    "{{ '{0[__class__]}'.format('') }}",
    "{{ ('{0.__cla' ~ 'ss__}').format(1) }}",
    "{{ '{0._hub}'.format(states) }}",
    "{{ ['{0.__class__}'] | map('format', 1) | list and '{0.__class__}'.format(1) }}",
    "{{ [''] | map(attribute='__class__') | map(attribute='__mro__') | list }}",
    "{{ [''] | map('attr', '__class__') | map('attr', '__mro__') | list }}",
    "{{ [''] | sum(attribute='__class__', start='') }}",
    "{{ [''] | groupby('__class__.__mro__') }}",
    "{{ [''] | sort(attribute='__class__.__mro__') | first | attr('__class__') ~ ''.__class__.x }}",
    "{{ '' | attr('for' ~ 'mat') | attr('__self__') | attr('x') }}",
    "{{ (x for x in []).gi_frame }}",
    "{{ ([1] | map('upper')).gi_frame.f_globals }}",
    "{{ ([1] | map('upper'))._iterator }}",
    "{% macro f() %}{% endmacro %}{{ f.__globals__ }}",
    "{% macro f() %}{% endmacro %}{{ f._func.__globals__ }}",
    "{% macro f() %}{% endmacro %}{{ f._environment.loader }}",
    "{% macro f() %}{{ caller.__class__.x }}{% endmacro %}{% call f() %}{% endcall %}",
    "{% for i in [1] %}{{ loop.__class__.__init__.__globals__ }}{% endfor %}",
    "{% for i in [1] %}{{ loop._iterator.x.y }}{% endfor %}",
    "{% block b %}{{ self.b.__func__.x }}{% endblock %}",
    "{{ trigger.event.__init__.__globals__ }}",
    "{{ trigger.thing.hub.bus }}",
    "{{ trigger.thing.call() }}",
    "{{ trigger.function() }}",
    "{{ trigger.kind() }}",
    "{{ [1].append(2) }}",
    "{{ {'a': 1}.update({'b': 2}) }}",
    "{{ {'a': 1}.pop('a') }}",
    "{{ set([1]).add(2) }}",
    "{{ trigger.list.clear() }}",
    "{{ import('os') }}",
    "{{ __import__('os') }}",
    "{{ __builtins__.open }}",
    "{{ open('/etc/passwd') }}",
    "{{ eval('1') }}",
    "{{ config.items() }}",
    "{{ request.application }}",
    "{{ url_for.__globals__ }}",
    "{{ get_flashed_messages.__globals__ }}",
    "{{ lipsum.__globals__ }}",
    "{% do [].append(1) %}",
    "{% include '/etc/passwd' %}",
    "{% include '../secrets.yaml' %}",
    "{% import '../../secrets.yaml' as x %}",
    "{% extends 'nothing' %}",
    "{{ ''|xmlattr }}",
    "{{ ''|pprint }}",
    "{% set ns = namespace() %}{% set ns.__class__ = 1 %}{{ ns.__class__.x }}",
    "{% set states.x = 1 %}",
    "{{ trigger.match.re }}",
]  # fmt: skip


class Thing:
    """What a careless room might put into variables."""

    def __init__(self, hub: Hub) -> None:
        self.hub = hub
        self.name = "thing"

    def call(self) -> str:
        return "called"


@pytest.mark.parametrize("text", ESCAPES)
def test_an_escape_is_refused(render: Render, home: Hub, text: str) -> None:
    kept = [1, 2]
    trigger: dict[str, Any] = {"thing": Thing(home), "function": lambda: "called", "kind": Thing, "list": kept}
    with pytest.raises(TemplateError) as failed:
        render(text, {"trigger": trigger}, strict=True)
    assert "Traceback" not in str(failed.value)
    assert kept == [1, 2]


def test_plain_values_of_unknown_objects_can_be_read(render: Render, home: Hub) -> None:
    assert render("{{ thing.name }}", {"thing": Thing(home)}) == "thing"


def test_what_a_template_reads_is_not_changed_by_it(render: Render, home: Hub) -> None:
    render("{% set ns = namespace(a=states.sensor.kitchen.attributes) %}{% set ns.a = 1 %}{{ ns.a }}")
    state = home.states.get("sensor.kitchen")
    assert state is not None
    assert state.attributes["samples"] == [20, 23]
