"""Whatever a client says, it gets an answer or is sent away, and nothing is left of it."""

from __future__ import annotations

import asyncio
import gc
import json
from typing import Any

import orjson
from aiohttp import WSMsgType
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nanobot.hub.hub import Hub

RUNS = 80
NEVER = {"nanobot", "homeassistant"}  # domains whose services end the process or reload it

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=20),
    st.sampled_from(
        ["*", "state_changed", "sensor.kitchen", "{{ states }}", "{% for", "event", "2026-01-01T00:00:00Z"]
    ),
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
keys = st.sampled_from(
    ["event_type", "event_data", "domain", "service", "service_data", "target", "subscription", "template", "variables",
     "trigger", "condition", "sequence", "entity_id", "entity_ids", "start_time", "features", "language", "category",
     "return_response", "report_errors", "timeout", "actions", "triggers", "key", "value", "item_type", "item_id"],
)  # fmt: skip


def _json(value: Any) -> str:
    return json.dumps(value)


def _messages(kinds: list[str]) -> st.SearchStrategy[Any]:
    known = st.sampled_from(kinds)
    command = st.fixed_dictionaries({"type": known | st.text(max_size=10)}, optional={"id": values})
    return st.tuples(command, st.dictionaries(keys, values, max_size=4)).map(lambda pair: {**pair[1], **pair[0]})


async def test_every_message_is_answered_and_nothing_is_left(socket: Any, hub: Hub) -> None:
    client = await socket.sign_in()
    await client.is_quiet()
    await client.socket.close()
    await asyncio.sleep(0.05)
    before = _left(hub)
    kinds = [kind for kind in hub.socket_commands.names() if "token" not in kind]
    frames = st.lists(_messages(kinds), min_size=1, max_size=8)
    loop = asyncio.get_running_loop()
    found: list[list[Any]] = []

    @settings(max_examples=RUNS, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(frames)
    def collect(frame: list[Any]) -> None:
        found.append(frame)

    await loop.run_in_executor(None, collect)
    for frame in found:
        client = await socket.sign_in()
        asked = []
        for number, message in enumerate(frame):
            if not isinstance(message.get("id"), int) or isinstance(message["id"], bool) or number % 3:
                message["id"] = 1000 + number
                asked.append(1000 + number)
            if str(message.get("domain")) in NEVER:
                message["domain"] = "none"
        await client.socket.send_str(_json(frame) if len(frame) % 2 else _json(frame[0]))
        await client.socket.send_str(_json({"id": 10**15, "type": "ping"}))
        while (answer := await client.receive()).get("type") != "pong" or answer["id"] != 10**15:
            assert answer["type"] in ("result", "event", "pong"), answer
            if answer["type"] == "result" and not answer["success"]:
                assert answer["error"]["code"] != "unknown_error", (frame, answer)
        await client.socket.close()
    for _ in range(100):
        gc.collect()
        if _left(hub) == before:
            break
        await asyncio.sleep(0.05)
    assert _left(hub) == before


async def test_whatever_bytes_come_first_nobody_gets_in(socket: Any, hub: Hub) -> None:
    frames: list[bytes] = []

    @settings(max_examples=60, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(st.binary(max_size=60) | st.text(max_size=40).map(str.encode) | values.map(lambda one: _json(one).encode()))
    def collect(frame: bytes) -> None:
        frames.append(frame)

    await asyncio.get_running_loop().run_in_executor(None, collect)
    for index, frame in enumerate(frames):
        client = await socket.connect()
        await client.frame()
        try:
            text = frame.decode()
        except UnicodeDecodeError:
            await client.socket.send_bytes(frame)
        else:
            await (client.socket.send_str(text) if index % 3 else client.socket.send_bytes(frame))
        async with asyncio.timeout(5):
            while (answer := await client.socket.receive()).type is WSMsgType.TEXT:
                assert orjson.loads(answer.data)["type"] == "auth_invalid"
        assert client.socket.closed


def _left(hub: Hub) -> dict[str, Any]:
    tasks = [task for task in asyncio.all_tasks() if task.get_name().startswith("websocket_api")]
    view = hub.views.get("GET /api/websocket")
    assert view is not None
    return {
        "listeners": hub.bus.counts(),
        "trackers": hub.states.tracked(),
        "open": len(view.handler.__self__),  # type: ignore[attr-defined]
        "tasks": len(tasks),
    }
