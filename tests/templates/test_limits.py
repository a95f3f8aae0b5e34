"""Templates that want too much are refused at once: the event loop of the hub is theirs while they are rendered."""

from __future__ import annotations

import time
from typing import Any

import pytest

from nanobot.templates import Template, TemplateError

from .conftest import Render

AT_MOST = 0.05  # s of processor time

_DEEP = "{% set ns = namespace(s=[1]) %}{% for i in range(50) %}{% set ns.s = [ns.s, ns.s] %}{% endfor %}"
_TUPLE = "{% set ns = namespace(s=(1,)) %}{% for i in range(50) %}{% set ns.s = (ns.s, ns.s) %}{% endfor %}"

REFUSED = [
    "{{ 'x' * 10**9 }}",
    "{{ [0] * 10**9 }}",
    "{{ 2 ** 100000000 }}",
    "{{ (10 ** 3000) * (10 ** 3000) }}",
    "{{ range(10**9) | list }}",
    "{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}",
    "{% for i in range(99999) if false %}{% endfor %}{% for i in range(99999) if false %}{% endfor %}",
    "{% for i in range(100000) %}{{ 'x' * 1000 }}{% endfor %}",
    "{% set x %}{% for i in range(100000) %}{{ 'x' * 1000 }}{% endfor %}{% endset %}{{ x | length }}",
    "{% filter upper %}{% for i in range(100000) %}{{ 'x' * 1000 }}{% endfor %}{% endfilter %}",
    "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
    "{% macro f(n) %}{% if n %}{{ f(n - 1) }}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(50) }}",
    "{% for i in [1, 1] recursive %}{{ loop([1, 1]) }}{% endfor %}",
    "{% set ns = namespace(s='x') %}{% for i in range(50) %}{% set ns.s = ns.s + ns.s %}{% endfor %}",
    "{% set ns = namespace(s='x') %}{% for i in range(50) %}{% set ns.s = ns.s ~ ns.s %}{% endfor %}",
    "{% set ns = namespace(s=[1]) %}{% for i in range(50) %}{% set ns.s = ns.s + ns.s %}{% endfor %}",
    *(
        _DEEP + f"{{{{ {use} }}}}"
        for use in (
            "ns.s", "ns.s ~ ''", "ns.s | string", "ns.s | to_json", "ns.s | tojson", "'%s' % ns.s", "'%s' % (ns.s,)",
            "'{}'.format(ns.s)", "'{!r}'.format(ns.s)", "[ns.s] | map('string') | list", "[ns.s] | join",
            "ns.s in [ns.s]",
            "ns.s == ns.s", "[[ns.s]].index(ns.s)", "[ns.s, ns.s] | sort", "[ns.s] | unique", "ns.s | flatten",
            "ns.s | md5", "slugify(ns.s)", "ns.s | upper", "states(ns.s)", "states[ns.s]", "expand(ns.s)",
            "ns.s is eq(ns.s)", "[ns.s] is contains(ns.s)", "[ns.s] | select('eq', ns.s) | list",
        )
    ),
    *(
        _TUPLE + f"{{{{ {use} }}}}"
        for use in ("{ns.s: 1}", "{}[ns.s]", "{}.get(ns.s)", "set([ns.s])", "dict([(ns.s, 1)])",
                    "set([[ns.s]] | map('first'))")
    ),
    "{{ 'x'.center(10**9) }}", "{{ 'x' | center(10**9) }}", "{{ 'x' | indent(10**9) }}", "{{ 'x'.ljust(10**9) }}",
    "{{ 'x'.zfill(10**9) }}", "{{ '\t'.expandtabs(10**9) }}", "{{ ('x' * 1000).replace('x', 'y' * 100000) }}",
    "{{ ('x' * 1000) | replace('x', 'y' * 100000) }}", "{{ ('x' * 9999).join('x' * 9999) }}",
    "{{ (('x' * 100000,) * 10000) | join }}", "{{ ('x' * 99999).translate({120: 'y' * 99999}) }}",
    "{{ '%1000000000d' % 1 }}", "{{ '%*d' % (10**9, 1) }}", "{{ '%1000000000d' | format(1) }}",
    "{{ '{:1000000000}'.format(1) }}", "{{ '{:{w}}'.format(1, w=10**9) }}", "{{ '{:.999999999f}'.format(1.0) }}",
    "{{ (1).to_bytes(10**9, 'big') }}", "{{ [1] | batch(10**9, 0) | list }}", "{{ [1] | slice(10**9) | list }}",
    "{{ {'a': 1} | tojson(indent=10**9) }}", "{{ ('a ' * 200000) | wordwrap(1) }}",
    "{{ ('http://a.b ' * 50000) | urlize }}", "{{ now().strftime('%d' * 100000) }}",
    "{{ ('a' * 30 ~ '!') | regex_match('(a+)+$') }}", "{{ ['a' * 30 ~ '!'] | select('search', '(a|aa)+$') | list }}",
    "{{ range(100000) | map('string') | map('upper') | map('lower') | list }}", "{{ range(100000) | sort }}",
    "{{ range(100000) | groupby('real') }}", "{{ range(100000) | shuffle }}", "{{ range(100000) | list }}",
    "{{ ([[1] * 1000] * 1000) | sum(start=[]) }}",
]  # fmt: skip


@pytest.mark.parametrize("text", REFUSED)
def test_a_template_that_wants_too_much_is_refused_in_time(render: Render, text: str) -> None:
    Template(text).check()  # parsing is not what is measured
    with pytest.raises(TemplateError):
        render(text)
    spent = []
    for _ in range(5):  # the least counts: the machine has other work as well
        began = time.thread_time()
        with pytest.raises(TemplateError):
            render(text)
        spent.append(time.thread_time() - began)
        if spent[-1] < AT_MOST:
            break
    assert min(spent) < AT_MOST


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("{% set ns = namespace(n=0) %}{% for i in range(2000) %}{% set ns.n = ns.n + i %}{% endfor %}{{ ns.n }}",
         1999000),
        ("{{ range(5000) | map('string') | join | length }}", 18890),
        ("{{ ('x' * 100000) | length }}", 100000),
        ("{{ 2 ** 1000 > 0 }}", True),
        ("{{ range(3000) | sort(reverse=true) | first }}", 2999),
        ("{{ '%10.3f' | format(3.14159) | trim }}", 3.142),
        ("{{ '{:>{w}}'.format('a', w=5) }}", "a"),
    ],
)  # fmt: skip
def test_what_people_write_is_not_refused(render: Render, text: str, value: Any) -> None:
    assert render(text) == value


def test_a_result_has_at_most_256_kib(render: Render) -> None:
    assert len(render("{{ 'x' * n }}", {"n": 256 * 1024})) == 256 * 1024
    with pytest.raises(TemplateError, match="exceeded maximum size of 262144 characters"):
        render("{{ 'x' * n }}", {"n": 256 * 1024 + 1})


@pytest.mark.parametrize("text", ["{{ " + "(" * 3000 + ")" * 3000 + " }}", "{{ " + "[" * 500 + "]" * 500 + " }}",
                                  "{% if 1 %}" * 300 + "{% endif %}" * 300, "{{ " + "-" * 5000 + "1 }}",
                                  "{{ 1" + " + 1" * 5000 + " }}", "x" * 300_000 + "{{ 1 }}"])  # fmt: skip
def test_a_template_nested_too_deeply_is_an_error_and_no_crash(text: str) -> None:
    with pytest.raises(TemplateError):
        Template(text).check()
