"""What each command takes: declared, listed here, and true. Who may only read changes nothing, whatever is asked."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from nanobot.contracts.view import Access
from nanobot.hub.hub import Hub
from tests.integrations.websocket_api.nearly import made, message

CONFIG = """
http: {port: 0}
websocket_api:
recorder: {commit_interval: 0.05}
history:
logbook:
logger:
assist:
conversation:
persistent_notification:
counter: {cups: }
automation:
  - id: count
    alias: Count
    triggers: [{trigger: event, event_type: cup}]
    actions: [{action: counter.increment, target: {entity_id: counter.cups}}]
script:
  pour: {sequence: [{event: cup}]}
"""
READ = """
auth/current_user auth/delete_refresh_token auth/long_lived_access_token auth/refresh_tokens auth/sign_path
config/area_registry/list config/category_registry/list config/device_registry/list config/entity_registry/get
config/entity_registry/get_entries config/entity_registry/list config/entity_registry/list_for_display
config/floor_registry/list config/label_registry/list config_entries/flow/progress conversation/agent/list
counter/list diagnostics/list entity/source frontend/get_icons frontend/get_themes frontend/get_translations
frontend/get_user_data frontend/subscribe_user_data get_config get_panels get_services get_states group/list
history/history_during_period history/stream homeassistant/expose_entity/list input_boolean/list input_button/list
input_datetime/list input_number/list input_select/list input_text/list integration/descriptions
integration/setup_info logbook/event_stream logbook/get_events logger/log_info lovelace/config
lovelace/dashboards/list lovelace/info lovelace/resources manifest/get manifest/list persistent_notification/get
persistent_notification/subscribe person/list ping recorder/get_statistics_metadata recorder/info
recorder/list_statistic_ids recorder/statistic_during_period recorder/statistics_during_period
recorder/update_statistics_issues recorder/validate_statistics repairs/get_issue_data repairs/list_issues
schedule/list sensor/numeric_device_classes subscribe_bootstrap_integrations subscribe_entities subscribe_events
supported_features tag/list timer/list unsubscribe_events zone/list
"""
USER = """
automation/config blueprint/list blueprint/substitute call_service config_entries/get config_entries/subscribe
conversation/process frontend/set_user_data script/config search/related
"""
OWN_TOKENS = {"auth/delete_refresh_token", "auth/long_lived_access_token"}
"""For people, whatever they may do otherwise. A token that may only read is refused by the command itself."""
DECLARED = {name: access for access, names in ((Access.READ, READ), (Access.USER, USER)) for name in names.split()}
EXAMPLES = 3


@pytest.fixture
async def talk(house: Any, socket_of: Any) -> Any:
    await house.start(CONFIG)
    return await socket_of(house)


def commands(hub: Hub) -> dict[str, Any]:
    """All, with those that answer for integrations that are not there."""
    from integrations.websocket_api.commands import stand_ins

    return {one.type: one for one in (*stand_ins(), *hub.socket_commands)}


async def test_each_command_declares_what_it_takes(talk: Any, hub: Hub) -> None:
    declared = {name: one.access for name, one in commands(hub).items()}
    assert {name: access for name, access in declared.items() if access is not Access.ADMIN} == DECLARED


@pytest.mark.parametrize("access", [Access.READ, Access.USER])
async def test_nobody_does_more_than_they_may_whatever_they_send(talk: Any, hub: Hub, access: Access) -> None:
    client = await talk.sign_in(access)
    for name in commands(hub):
        allowed = DECLARED.get(name, Access.ADMIN)
        if allowed is Access.READ or allowed is access:
            continue
        for data in ({}, {"entity_id": "counter.cups", "domain": "counter", "access": "admin", "id": 9999}):
            client.last_id += 1
            await client.send({**data, "id": client.last_id, "type": name})
            assert (await client.answer(client.last_id))["error"]["code"] == "unauthorized", name


async def test_who_may_only_read_changes_nothing(talk: Any, hub: Hub) -> None:
    client = await talk.sign_in(Access.READ)
    fired: list[Any] = []
    hub.bus.listen("*", fired.append)
    before = await things(hub)
    for name, access in DECLARED.items():
        if access is not Access.READ or name in OWN_TOKENS:
            continue
        for fields in await made(message(commands(hub)[name]), EXAMPLES):
            client.last_id += 1  # numbers that a client may send, and not every encoder
            await client.socket.send_str(json.dumps({**fields, "id": client.last_id, "type": name}))
            await client.answer(client.last_id)
    await client.ask("get_states")
    assert await things(hub) == before
    assert not fired


async def test_a_token_that_may_only_read_makes_none_and_ends_none_but_itself(talk: Any, hub: Hub) -> None:
    hub.credentials.create("other", Access.READ)
    ids = {one.name: one.id for one in hub.credentials.known()}
    client = await talk.sign_in(Access.READ)
    refused = await client.fails("auth/long_lived_access_token", client_name="more", lifespan=1)
    assert refused["code"] == "unauthorized"
    refused = await client.fails("auth/delete_refresh_token", refresh_token_id=ids["other"])
    assert refused["code"] == "unauthorized"
    assert {one.name: one.id for one in hub.credentials.known()} == ids
    await client.tell("auth/delete_refresh_token", refresh_token_id=ids["read"])
    await client.ends()
    assert "read" not in {one.name for one in hub.credentials.known()}


async def things(hub: Hub) -> Any:
    """What a client could have changed."""
    for entry in list(hub.entries.values()):
        await entry.save()
    return (
        {state.entity_id: (state.state, dict(state.attributes), state.last_updated) for state in hub.states},
        {one.id: (one.name, one.access) for one in hub.credentials.known()},
        {f"{one.domain}.{one.name}" for one in hub.services},
        [issue.id for issue in hub.issues],
        files(hub.config_dir),
    )


def files(folder: Path) -> dict[str, str]:
    """What the configuration holds, and what is kept beside it; but for recordings, and when tokens were used last."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and ".db" not in path.name and not path.name.startswith("auth.")
    }
