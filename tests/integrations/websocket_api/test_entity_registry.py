"""What people have an entity called: kept, shown in its state, and told to those who follow the registry."""

from __future__ import annotations

from typing import Any

import pytest

from nanobot.contracts.view import Access
from nanobot.hub.hub import Hub
from nanobot.templates import Template
from nanobot.testing.plugin import SetUp

UPDATE = "config/entity_registry/update"


@pytest.fixture(autouse=True)
async def cups(socket: Any, set_up: SetUp) -> None:
    await set_up("counter", {"cups": {"name": "Cups"}})


def attributes(hub: Hub) -> Any:
    state = hub.states.get("counter.cups")
    assert state is not None
    return state.attributes


async def test_a_name_shows_in_the_state_and_goes_again(client: Any, hub: Hub) -> None:
    follow = await client.follow("subscribe_events", event_type="entity_registry_updated")
    told = (await client.ask(UPDATE, entity_id="counter.cups", name="Mugs", icon="mdi:coffee"))["entity_entry"]
    assert (told["name"], told["original_name"], told["icon"]) == ("Mugs", "Cups", "mdi:coffee")
    assert told["modified_at"] > 0
    assert (attributes(hub)["friendly_name"], attributes(hub)["icon"]) == ("Mugs", "mdi:coffee")
    event = (await client.event(follow))["data"]
    assert event == {"action": "update", "entity_id": "counter.cups", "changes": {"name": None, "icon": None}}
    assert (await client.ask(UPDATE, entity_id="counter.cups", name=None))["entity_entry"]["name"] is None
    assert attributes(hub)["friendly_name"] == "Cups"


async def test_it_lasts_and_is_known_to_everybody(client: Any, socket: Any, hub: Hub) -> None:
    await client.ask(UPDATE, entity_id="counter.cups", name="Mugs", hidden_by="user", aliases=["jugs"])
    await hub.services.call("counter", "increment", {"entity_id": "counter.cups"})
    assert attributes(hub)["friendly_name"] == "Mugs"
    again = await socket.sign_in()
    entry = await again.ask("config/entity_registry/get", entity_id="counter.cups")
    assert (entry["name"], entry["hidden_by"], entry["aliases"]) == ("Mugs", "user", ["jugs"])
    shown = (await again.ask("config/entity_registry/list_for_display"))["entities"]
    assert {"ei": "counter.cups", "pl": "counter", "lb": [], "en": "Mugs", "hb": True} in shown


async def test_a_restart_forgets_nothing_of_it(client: Any, socket: Any, restart: Any) -> None:
    await client.ask(UPDATE, entity_id="counter.cups", name="Mugs", icon="mdi:cup", hidden_by="user", aliases=["jugs"])
    await socket.close()
    house = await restart()
    socket.http = house.hub.entries["http"]
    assert (attributes(house.hub)["friendly_name"], attributes(house.hub)["icon"]) == ("Mugs", "mdi:cup")
    again = await socket.sign_in()
    entry = await again.ask("config/entity_registry/get", entity_id="counter.cups")
    assert (entry["name"], entry["hidden_by"], entry["aliases"]) == ("Mugs", "user", ["jugs"])
    assert Template("{{ is_hidden_entity('counter.cups') }}").render(house.hub) is True


async def test_templates_know_what_is_hidden(client: Any, hub: Hub) -> None:
    hidden = Template("{{ is_hidden_entity('counter.cups') or 'counter.none' is is_hidden_entity }}")
    assert hidden.render(hub) is False
    await client.ask(UPDATE, entity_id="counter.cups", hidden_by="user")
    assert hidden.render(hub) is True
    await client.ask(UPDATE, entity_id="counter.cups", hidden_by=None)
    assert hidden.render(hub) is False


async def test_nothing_is_told_when_nothing_changes(client: Any, hub: Hub) -> None:
    heard: list[Any] = []
    hub.bus.listen("entity_registry_updated", heard.append)
    await client.ask(UPDATE, entity_id="counter.cups", name=None, labels=[], area_id=None)
    await client.ask(UPDATE, entity_id="counter.cups", new_entity_id="counter.cups", categories={"helpers": None})
    assert not heard


async def test_to_whom_it_is_shown_is_among_its_options(client: Any) -> None:
    chosen = {"assistants": ["conversation"], "entity_ids": ["counter.cups"]}
    for yes in (True, False):
        await client.ask("homeassistant/expose_entity", **chosen, should_expose=yes)
        entry = await client.ask("config/entity_registry/get", entity_id="counter.cups")
        assert entry["options"] == {"conversation": {"should_expose": yes}}


OTHERS = ["area_id", "disabled_by", "new_entity_id", "device_class", "labels", "categories", "options"]


@pytest.mark.parametrize("key", OTHERS)
async def test_what_is_said_elsewhere_is_refused_with_the_reason(client: Any, key: str) -> None:
    error = await client.fails(UPDATE, entity_id="counter.cups", **{key: "user"})
    assert error["code"] == "not_supported"
    assert key in error["message"]


async def test_an_unknown_entity_is_not_found(client: Any) -> None:
    assert (await client.fails(UPDATE, entity_id="counter.none", name="x"))["code"] == "not_found"


async def test_who_may_not_change_the_hub_changes_no_names(socket: Any) -> None:
    user = await socket.sign_in(Access.USER)
    assert (await user.fails(UPDATE, entity_id="counter.cups", name="x"))["code"] == "unauthorized"
