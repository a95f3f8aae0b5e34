"""The services of another system, called from here."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from integrations.home_assistant.offer import Offer
from nanobot.contracts.tool import Risk
from nanobot.errors import InvalidServiceData, ServiceError
from nanobot.hub.context import Context
from nanobot.hub.hub import Hub
from nanobot.testing.tools import Hands
from tests.servers._home_assistant import Scripted

from .conftest import Connect, Remote, shows, state, until

AUTOMATION = """
automation:
  - alias: Evening
    triggers: [{trigger: event, event_type: evening}]
    actions:
      - action: input_boolean.turn_on
        target: {entity_id: input_boolean.lamp}
      - action: script.greet
        data: {who: Ann}
        response_variable: greeting
      - event: greeted
        event_data: {text: "{{ greeting.text }}"}
"""


async def call(hub: Hub, name: str, data: dict[str, Any] | None = None, *ids: str, respond: bool = False) -> Any:
    domain, _, service = name.partition(".")
    target = {"entity_id": list(ids)} if ids else None
    return await hub.services.call(domain, service, data, target=target, return_response=respond)


async def test_an_automation_acts_there_and_uses_what_is_answered(connect: Connect, remote: Remote, hub: Hub) -> None:
    await connect(remote, and_also=AUTOMATION)
    greeted: list[str] = []
    hub.bus.listen("greeted", lambda event: greeted.append(event.data["text"]))
    hub.bus.fire("evening")
    await until(lambda: greeted == ["Hello Ann"])
    assert state(remote.hub, "input_boolean.lamp") == "on"


async def test_what_a_call_changes_there_leads_back_to_it(connect: Connect, remote: Remote, hub: Hub) -> None:
    """Also what a script there changes, once it is known to run."""
    both = "script:\n  both:\n    sequence:\n      - delay: {milliseconds: 10}\n      - action: input_boolean.toggle\n"
    both += "        target: {entity_id: [input_boolean.lamp, input_boolean.fan]}\n"
    before = remote.house.config_dir.joinpath("configuration.yaml").read_text()
    await remote.house.apply(before.replace("script:\n", both))
    await connect(remote)
    context = Context(actor="automation")
    target = {"entity_id": ["input_boolean.lamp"]}
    await hub.services.call("input_boolean", "turn_on", target=target, context=context)
    await until(partial(shows, hub, "input_boolean.lamp", "on"))
    lamp = hub.states.get("input_boolean.lamp")
    assert lamp is not None
    assert lamp.context is context
    await hub.services.call("script", "both", context=context)
    await until(partial(shows, hub, "input_boolean.fan", "on"))
    fan = hub.states.get("input_boolean.fan")
    assert fan is not None
    assert context.id in (fan.context.id, fan.context.parent_id)
    await remote.hub.services.call("input_boolean", "turn_off", target={"entity_id": ["input_boolean.fan"]})
    await until(partial(shows, hub, "input_boolean.fan", "off"))
    fan = hub.states.get("input_boolean.fan")
    assert fan is not None
    assert context.id not in (fan.context.id, fan.context.parent_id)


async def test_own_services_pass_on_what_is_done_to_mirrored_entities(
    connect: Connect, remote: Remote, hub: Hub
) -> None:
    await connect(remote, prefix="far_", and_also="input_boolean:\n  own:\n")
    await call(hub, "input_boolean.turn_on", {}, "input_boolean.own", "input_boolean.far_lamp")
    assert state(hub, "input_boolean.own") == "on"
    assert state(remote.hub, "input_boolean.lamp") == "on"
    await call(hub, "homeassistant.turn_off", {}, "input_boolean.own", "input_boolean.far_lamp")
    assert state(hub, "input_boolean.own") == "off"
    assert state(remote.hub, "input_boolean.lamp") == "off"
    assert state(remote.hub, "input_boolean.fan") == "off"


async def test_a_service_gives_its_name_to_an_own_one_and_takes_it_back(
    connect: Connect, remote: Remote, hub: Hub
) -> None:
    def theirs() -> bool:
        service = hub.services.get("input_number", "set_value")
        return service is not None and service.gives_way

    await connect(remote)
    assert theirs()
    await connect(remote, and_also="input_number:\n  own: {min: 0, max: 10}\n")
    assert not theirs()
    await call(hub, "input_number.set_value", {"value": 5}, "input_number.own", "input_number.level")
    assert state(hub, "input_number.own") == "5.0"
    assert state(remote.hub, "input_number.level") == "5.0"
    await connect(remote)
    assert theirs()
    await call(hub, "input_number.set_value", {"value": 6}, "input_number.level")
    assert state(remote.hub, "input_number.level") == "6.0"


async def test_wrong_data_is_refused_with_a_sentence(connect: Connect, remote: Remote, hub: Hub) -> None:
    await connect(remote)
    with pytest.raises(InvalidServiceData, match=r"input_number\.set_value: the option 'value' is missing"):
        await call(hub, "input_number.set_value", {}, "input_number.level")
    with pytest.raises(ServiceError, match=r"the Home Assistant home refuses input_number\.set_value: .*1000"):
        await call(hub, "input_number.set_value", {"value": 1000}, "input_number.level")


async def test_a_field_that_is_written_wrong_is_told_with_the_one_that_was_meant(
    connect: Connect, scripted: Scripted, hub: Hub
) -> None:
    await connect(scripted)
    with pytest.raises(InvalidServiceData, match=r"extra keys not allowed .*; did you mean 'brightness_pct'\?"):
        await call(hub, "light.turn_on", {"brightnes_pct": 5}, "light.desk")


async def test_services_come_and_go_with_those_of_the_server(connect: Connect, remote: Remote, hub: Hub) -> None:
    await connect(remote)
    before = remote.house.config_dir.joinpath("configuration.yaml").read_text()
    assert not hub.services.has("counter", "increment")
    await remote.house.apply(f"{before}\ncounter:\n  visits:\n")
    await until(lambda: hub.services.has("counter", "increment") and "counter.visits" in hub.states)
    await call(hub, "counter.increment", {}, "counter.visits")
    assert state(remote.hub, "counter.visits") == "1"
    await remote.house.apply(before)
    await until(lambda: not hub.services.has("counter", "increment"))


async def test_all_means_what_is_mirrored_and_a_group_its_members(
    connect: Connect, remote: Remote, scripted: Scripted, hub: Hub
) -> None:
    groups = "group:\n  mine:\n    entities: [input_boolean.fan, light.desk]\n"
    await connect(remote, scripted, exclude={"entities": ["input_boolean.lamp"]}, and_also=groups)
    await call(hub, "input_boolean.turn_on", {}, "all")
    assert state(remote.hub, "input_boolean.fan") == "on"
    assert state(remote.hub, "input_boolean.lamp") == "off"
    await call(hub, "light.turn_on", {"brightness_pct": 5}, "group.mine")
    assert [one["target"] for one in scripted.calls] == [{"entity_id": ["light.desk"]}]
    await call(hub, "light.turn_on", {}, "light.nowhere")
    assert len(scripted.calls) == 1


async def test_areas_are_those_of_the_server(connect: Connect, scripted: Scripted, hub: Hub) -> None:
    await connect(scripted)
    await hub.services.call("light", "turn_on", {"flash": "long"}, target={"area_id": "office"})
    assert scripted.calls[0]["service_data"] == {"flash": "long", "area_id": "office"}


async def test_a_service_of_both_is_called_there_by_its_name(
    connect: Connect, remote: Remote, scripted: Scripted, hub: Hub
) -> None:
    await connect(remote, scripted, prefix="far_", and_also="script:\n  greet:\n    sequence: []\n")
    data: dict[str, Any] = {"service": "script.greet", "data": {"who": "Bo"}}
    assert await call(hub, "home_assistant.call", data, respond=True) == {"text": "Hello Bo"}
    data = {"service": "input_boolean.turn_on", "target": {"entity_id": "input_boolean.far_lamp"}}
    await call(hub, "home_assistant.call", data)
    await call(hub, "home_assistant.call", {"service": "input_boolean.turn_on"}, "input_boolean.fan")
    assert {state(remote.hub, f"input_boolean.{name}") for name in ("lamp", "fan")} == {"on"}
    await call(hub, "home_assistant.call", {"service": "notify.phone", "data": {"message": "x"}, "server": "home1"})
    assert scripted.calls[0]["service_data"] == {"message": "x"}
    with pytest.raises(InvalidServiceData, match="there is no Home Assistant named 'far'; there is: home, home1"):
        await call(hub, "home_assistant.call", {"service": "a.b", "server": "far"})


async def test_what_the_configuration_leaves_out_is_closed(connect: Connect, remote: Remote, hub: Hub) -> None:
    services = {"include": ["input_*", "script"], "exclude": ["input_boolean.turn_on"]}
    await connect(remote, services=services, prefix="far_", and_also="input_boolean:\n  own:\n")
    assert hub.services.has("script", "greet")
    assert not hub.services.has("persistent_notification", "create")
    for name, data in (
        ("input_boolean.turn_on", {}),
        ("home_assistant.call", {"service": "input_boolean.turn_on"}),
    ):
        with pytest.raises(ServiceError, match=r"turn_on is closed: 'services' of the Home Assistant home"):
            await call(hub, name, data, "input_boolean.far_lamp")
    assert state(remote.hub, "input_boolean.lamp") == "off"


async def test_an_agent_finds_and_calls_them(connect: Connect, scripted: Scripted, hub: Hub, hands: Hands) -> None:
    await connect(scripted, and_also="states:\nservices:\n")
    told = await hands("list_services", query="light")
    assert "light.turn_on(brightness_pct, flash) on entity_id: Turns on lights." in told
    assert "flash: one of long" in told
    done = await hands.call("call_service", service="light.turn_on", entity_id="light.desk", data={"brightness_pct": 7})
    assert done.text == "Done.\nlight.desk is off"
    assert scripted.calls[0]["service_data"] == {"brightness_pct": 7}
    assert "'message' is missing" in await hands.fails("call_service", service="notify.phone")
    answered = await hands.call("call_service", service="weather.get_forecasts", data={"type": "daily"})
    assert answered.untrusted
    assert '"daily"' in answered.text


async def test_what_a_service_may_do_is_judged_by_its_kind(connect: Connect, scripted: Scripted, hub: Hub) -> None:
    await connect(scripted)
    risks = {f"{one.domain}.{one.name}": one.risk for one in hub.services if one.gives_way}
    assert risks == {
        "light.turn_on": Risk.WRITE,
        "lock.unlock": Risk.DANGEROUS,
        "notify.phone": Risk.OUTSIDE,
        "weather.get_forecasts": Risk.READ,
    }
    call_any = hub.services.get("home_assistant", "call")
    assert call_any is not None
    assert (call_any.risk, call_any.admin) == (Risk.DANGEROUS, True)


@pytest.mark.parametrize(
    ("told", "is_told"),
    [
        ({"target": {}}, True),
        ({"target": {"entity": [{"domain": ["light", "switch"]}]}}, True),
        ({"fields": {"entity_id": {"selector": {"entity": {}}}}}, True),
        ({"target": {"entity": [{"domain": ["light"]}]}}, False),
        ({"fields": {"name": {}, "device_id": {}}}, False),
    ],
    ids=["any", "two domains", "a field", "one domain", "none"],
)
def test_a_service_for_entities_of_no_one_domain_tells_of_entity_id_as_a_field(
    told: dict[str, Any], is_told: bool
) -> None:
    offer = Offer.of("wild", "act", told)
    assert ("entity_id" in offer.fields) is is_told, "of those of one domain the domain is told"
    assert "device_id" not in offer.fields
