"""Templates that are rendered again when what they read has changed."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from nanobot.hub.hub import Hub
from nanobot.templates import Template
from nanobot.templates.template import load_macros
from nanobot.templates.track import Tracker, Update, track
from nanobot.util.dt import Clock


class Watch:
    """What a tracker told."""

    def __init__(self, hub: Hub, *texts: str, variables: dict[str, Any] | None = None, **options: Any) -> None:
        self.updates: list[Update] = []
        self.calls = 0
        self.tracker: Tracker = track(hub, [(Template(text), variables) for text in texts], self._changed, **options)

    def _changed(self, updates: list[Update]) -> None:
        self.calls += 1
        self.updates += updates

    @property
    def results(self) -> list[Any]:
        return [update.result for update in self.updates]


async def test_a_template_is_rendered_again_when_a_state_it_reads_changes(hub: Hub) -> None:
    hub.states.set("sensor.a", "1")
    watch = Watch(hub, "{{ states('sensor.a') | int * 10 }}")
    assert watch.tracker.infos[0].result == 10
    assert watch.tracker.infos[0].entities == {"sensor.a"}
    hub.states.set("sensor.a", "2")
    hub.states.set("sensor.b", "7")
    assert watch.results == [20]
    assert watch.updates[0].last == 10
    assert watch.updates[0].event is not None
    assert watch.updates[0].event.data["entity_id"] == "sensor.a"


async def test_a_result_that_stays_the_same_is_not_told(hub: Hub) -> None:
    hub.states.set("sensor.a", "1")
    watch = Watch(hub, "{{ states('sensor.a') | int > 0 }}")
    hub.states.set("sensor.a", "1", {"b": 1})
    hub.states.set("sensor.a", "2")
    assert watch.results == []
    hub.states.set("sensor.a", "-2")
    assert watch.results == [False]


async def test_an_entity_that_is_not_there_yet_is_waited_for(hub: Hub) -> None:
    watch = Watch(hub, "{{ states.sensor.late.state | default('none', true) }}")
    hub.states.set("sensor.late", "here")
    hub.states.remove("sensor.late")
    assert watch.results == ["here", "none"]


async def test_what_is_read_may_change_from_render_to_render(hub: Hub) -> None:
    hub.states.set("sensor.which", "sensor.a")
    hub.states.set("sensor.a", "1")
    hub.states.set("sensor.b", "2")
    watch = Watch(hub, "{{ states(states('sensor.which')) }}")
    hub.states.set("sensor.b", "3")
    hub.states.set("sensor.which", "sensor.b")
    hub.states.set("sensor.a", "9")
    hub.states.set("sensor.b", "4")
    assert watch.results == [3, 4]


async def test_a_change_costs_only_those_who_read_it(hub: Hub) -> None:
    watch = Watch(hub, "{{ states('sensor.a') }}", "{{ states.light | count }}", "static")
    assert hub.bus.counts() == {}
    assert hub.states.tracked() == 2
    hub.states.set("light.a", "on")
    assert watch.results == [1]
    watch.tracker.remove()
    assert hub.states.tracked() == 0
    hub.states.set("sensor.a", "5")
    assert watch.results == [1]


@pytest.mark.looptime
async def test_a_template_over_a_domain_is_rendered_at_most_once_a_second(hub: Hub) -> None:
    hub.states.set("sensor.a", "0")
    watch = Watch(hub, "{{ states.sensor | map(attribute='state') | map('int') | sum }}")
    await asyncio.sleep(1.1)
    for value in range(1, 6):
        hub.states.set("sensor.a", str(value))
    assert watch.results == [1]
    await asyncio.sleep(1.1)
    assert watch.results == [1, 5]
    watch.tracker.remove()


@pytest.mark.looptime
async def test_a_template_over_all_states_is_rendered_at_most_once_a_minute(hub: Hub) -> None:
    watch = Watch(hub, "{{ states | map(attribute='entity_id') | list | count }}")
    assert watch.tracker.infos[0].all_states
    await asyncio.sleep(61)
    hub.states.set("sensor.a", "0")
    hub.states.set("sensor.b", "0")
    assert watch.results == [1]
    await asyncio.sleep(61)
    assert watch.results == [1, 2]
    watch.tracker.remove()


@pytest.mark.looptime
async def test_an_entity_named_by_its_id_is_not_held_back(hub: Hub) -> None:
    hub.states.set("sensor.a", "0")
    watch = Watch(hub, "{{ states('sensor.a') }} {{ states.sensor | count }}")
    hub.states.set("sensor.a", "1")
    hub.states.set("sensor.a", "2")
    assert watch.results == ["1 1", "2 1"]
    watch.tracker.remove()


@pytest.mark.looptime
async def test_a_template_that_asks_for_the_time_is_rendered_each_minute(config_dir: Path) -> None:
    loop = asyncio.get_running_loop()
    hub = Hub(config_dir, clock=Clock(lambda: 1_700_000_030.0 + loop.time()))
    watch = Watch(hub, "{{ now().minute }}", "{{ as_timestamp(now()) | int }}", "{{ 5 }}")
    assert [info.time for info in watch.tracker.infos] == [True, True, False]
    await asyncio.sleep(29)
    before = watch.calls
    await asyncio.sleep(120)
    assert watch.calls - before == 2
    watch.tracker.remove()


async def test_an_error_is_told_once_and_so_is_its_end(hub: Hub) -> None:
    hub.states.set("sensor.a", "1")
    watch = Watch(hub, "{{ 10 / (states('sensor.a') | int) }}")
    hub.states.set("sensor.a", "0")
    hub.states.set("sensor.a", "x")
    hub.states.set("sensor.a", "5")
    assert [update.error is None for update in watch.updates] == [False, True]
    assert watch.updates[-1].result == 2.0


async def test_variables_and_strictness_hold_for_each_render(hub: Hub) -> None:
    hub.states.set("sensor.a", "1")
    watch = Watch(hub, "{{ states('sensor.a') ~ n }}", "{{ nothing }}", variables={"n": "!"}, strict=True)
    assert watch.tracker.infos[1].error is not None
    hub.states.set("sensor.a", "2")
    assert watch.results == ["2!"]


async def test_refresh_tells_what_is_new(hub: Hub) -> None:
    variables = {"n": 1}
    watch = Watch(hub, "{{ n }}", variables=variables)
    variables["n"] = 2
    watch.tracker.refresh()
    watch.tracker.refresh()
    assert watch.results == [2]


async def test_other_macros_render_the_templates_that_import_them_again(hub: Hub) -> None:
    folder = hub.config_dir / "custom_templates" / "deep"
    folder.mkdir(parents=True)
    file = folder / "tools.jinja"
    file.write_text("{% macro twice(n) %}{{ n * 2 }}{% endmacro %}", encoding="utf-8")
    await load_macros(hub)
    watch = Watch(hub, "{% from 'deep/tools.jinja' import twice %}{{ twice(4) }}")
    assert watch.tracker.infos[0].result == 8
    file.write_text("{% macro twice(n) %}{{ n * 3 }}{% endmacro %}", encoding="utf-8")
    assert await load_macros(hub)
    assert watch.results == [12]
    assert not await load_macros(hub)
    watch.tracker.remove()
    assert hub.bus.counts() == {}
