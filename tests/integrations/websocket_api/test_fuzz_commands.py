"""Every command, asked for in ways that are nearly right: each is answered, none is a fault, and the hub goes on."""

from __future__ import annotations

import json
import logging
import os
from typing import Any

import pytest

from nanobot.hub.hub import Hub
from tests.integrations.websocket_api.nearly import made, message

EXAMPLES = int(os.environ.get("NANOBOT_FUZZ_EXAMPLES", "6"))
FEW = 2  # of those that write the configuration and apply it
NOT_ASKED = {"auth/delete_refresh_token"}  # it would end the connection that asks
FAULT = "something went wrong in nanobot"
CONFIG = """
http: {port: 0}
websocket_api:
recorder: {commit_interval: 0.05}
counter: {cups: }
automation:
  - id: count
    alias: Count
    triggers: [{trigger: event, event_type: cup}]
    actions: [{action: counter.increment, target: {entity_id: counter.cups}}]
script:
  pour: {sequence: [{event: cup}]}
"""


@pytest.fixture
async def talk(house: Any, socket_of: Any) -> Any:
    await house.start(CONFIG)
    return await socket_of(house)


async def test_no_command_fails_whatever_it_is_given(talk: Any, hub: Hub, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.ERROR)
    faults: list[Any] = []
    for kind in sorted(hub.socket_commands.names()):
        if kind in NOT_ASKED:
            continue
        command = hub.socket_commands.get(kind)
        assert command is not None
        count = FEW if kind.rpartition("/")[2] in ("create", "update", "delete", "save") else EXAMPLES
        client = await talk.sign_in()
        asked: dict[int, Any] = {}
        for number, fields in enumerate(await made(message(command), count), 1):
            asked[number] = {**fields, "id": number, "type": kind}
            await client.socket.send_str(json.dumps(asked[number]))
        missing = set(asked)
        while missing:
            answer = await client.receive()
            if answer["type"] == "event":
                continue
            missing.discard(answer["id"])
            if answer["type"] == "result" and not answer["success"]:
                text = answer["error"]["message"]
                if not text or FAULT in text:
                    faults.append((asked[answer["id"]], answer["error"]))
        await client.socket.close()
    assert not faults
    alive = await talk.sign_in()
    assert (await alive.ask("get_config"))["state"] == "RUNNING"
    assert not [record for record in caplog.records if record.exc_info], caplog.text
