"""How long something lasts, as it is written."""

from __future__ import annotations

from typing import Any

import pytest
import voluptuous as vol

from nanobot.automation.duration import duration, seconds
from nanobot.hub.hub import Hub
from nanobot.templates import TemplateError


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (5, 5),
        (0.25, 0.25),
        ("7", 7),
        ("01:30", 5400),
        ("00:00:02.5", 2.5),
        ({"minutes": 1, "milliseconds": 500}, 60.5),
        (True, 1),
        ({"minutes": True}, 60),
        ("{{ true }}", 1),
        ("{{ 5 }}", 5),
        ("{{ '00:0' ~ x }}", 180),
        ("00:{{ x }}:00", 180),
        ("{{ {'minutes': x} }}", 180),
        ({"minutes": "{{ x }}", "seconds": 1}, 181),
        ({"hours": "{{ x }}", "minutes": "{{ x * 2 }}"}, 11160),
    ],
    ids=str,
)
def test_every_form(hub: Hub, written: Any, expected: float) -> None:
    assert seconds(hub, duration(written), {"x": 3}) == expected


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("{{ 'soon' }}", "the template gave 'soon', which is no duration"),
        ("{{ -1 }}", "the template gave -1, which is no duration"),
        ("{{ none }}", "which is no duration"),
        ("{{ {'minuts': 3} }}", "did you mean 'minutes'?"),
        ({"seconds": "{{ 'x' }}"}, "which is no duration"),
        ("{{ 1 / 0 }}", "division by zero"),
        ("{{ 10 ** 30 }}", "which is no duration"),
    ],
    ids=str,
)
def test_a_template_that_gives_none(hub: Hub, written: Any, said: str) -> None:
    with pytest.raises(TemplateError) as error:
        seconds(hub, duration(written), None)
    assert said in str(error.value)


@pytest.mark.parametrize(
    "written", [None, 10**400, -1, "soon", [], {}, "1e400", float("nan"), {"x": "{{ 1 }}"}, "{{ 1"]
)
def test_what_is_no_duration_is_refused(written: Any) -> None:
    with pytest.raises(vol.Invalid):
        duration(written)
