"""Events over REST: fired, listed, streamed."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from typing import Any

import orjson
import pytest

from nanobot.contracts.view import Access
from nanobot.hub.bus import Event
from nanobot.hub.entry import Entry


async def test_an_event_is_fired_for_the_user_of_the_token(api: Any, entry: Entry) -> None:
    seen: list[Event] = []
    entry.listen("doorbell", seen.append)
    answer = await api.post("/api/events/doorbell", {"who": "me"})
    assert (answer.status, answer.data) == (200, {"message": "Event doorbell fired."})
    assert (await api.post("/api/events/doorbell")).status == 200
    assert [event.data for event in seen] == [{"who": "me"}, {}]
    assert (seen[0].origin, seen[0].context.user_id) == ("REMOTE", api.hub.credentials.owner_id)
    assert seen[0].context.id != seen[1].context.id


@pytest.mark.parametrize(
    ("path", "body", "message"),
    [
        ("x", "{oops", "Event data should be valid JSON."),
        ("x", "[1, 2]", "Event data should be a JSON object"),
        ("x" * 65, "{}", "An event type has at most 64 characters."),
        ("state_changed", "{}",
         "state_changed takes entity_id, and old_state and new_state as GET /api/states gives them"),
    ],
)  # fmt: skip
async def test_what_cannot_be_an_event_is_refused(api: Any, path: str, body: str, message: str) -> None:
    answer = await api.post(f"/api/events/{path}", body)
    assert (answer.status, answer.data) == (400, {"message": message})


async def test_a_change_that_a_client_tells_of_has_real_states(api: Any, entry: Entry) -> None:
    seen: list[Event] = []
    entry.listen("state_changed", seen.append)
    told = (await api.get("/api/states/input_boolean.lamp")).data
    answer = await api.post("/api/events/state_changed", {"entity_id": "input_boolean.lamp", "new_state": told})
    assert answer.status == 200
    assert seen[-1].data["old_state"] is None
    assert seen[-1].data["new_state"].as_dict() == {**told, "last_reported": told["last_updated"]}


async def test_only_an_administrator_fires(api: Any) -> None:
    assert (await api.post("/api/events/x", {}, access="user")).status == 403


async def test_the_types_that_somebody_listens_to_are_listed(api: Any, entry: Entry) -> None:
    entry.listen("doorbell", lambda event: None)
    entry.track("input_boolean.lamp", lambda event: None)
    told = {one["event"]: one["listener_count"] for one in (await api.get("/api/events")).data}
    assert told["doorbell"] == 1
    assert told["state_changed"] >= 1


async def messages(response: Any) -> Any:
    """The messages of a stream."""
    while line := await response.content.readline():
        if line.startswith(b"data: "):
            yield line[6:].strip()


async def test_a_stream_tells_what_happens(api: Any) -> None:
    listeners = api.hub.bus.counts()
    async with api.client.get(f"{api.url}/api/stream?restrict=a,b", headers=api.headers()) as response:
        assert response.headers["Content-Type"] == "text/event-stream"
        stream = messages(response)
        assert await anext(stream) == b"ping"
        for name in ("a", "c", "b"):
            api.hub.bus.fire(name, {"n": name})
        told = [orjson.loads(await anext(stream)) for _ in range(2)]
        assert [one["data"] for one in told] == [{"n": "a"}, {"n": "b"}]
        assert set(told[0]) == {"event_type", "data", "origin", "time_fired", "context"}
    async with asyncio.timeout(5):
        while api.hub.bus.counts() != listeners:
            api.hub.bus.fire("a")  # only by writing is it noticed that a client is gone
            await asyncio.sleep(0.01)


async def test_a_stream_of_everything_has_no_reports_of_the_same(api: Any) -> None:
    async with api.client.get(f"{api.url}/api/stream", headers=api.headers()) as response:
        stream = messages(response)
        assert await anext(stream) == b"ping"
        for state in ("1", "1", "2"):
            api.hub.states.set("sensor.a", state)
        told = [orjson.loads(await anext(stream)) for _ in range(2)]
        assert [one["data"]["new_state"]["state"] for one in told] == ["1", "2"]


async def test_streams_end_with_the_integration_and_with_the_hub(api: Any, house: Any) -> None:
    ends: list[Callable[[], Any]] = [
        lambda: house.entries.stop("api"),
        lambda: api.hub.bus.fire("homeassistant_stop"),
    ]
    for end in ends:
        async with api.client.get(f"{api.url}/api/stream", headers=api.headers()) as response:
            stream = messages(response)
            assert await anext(stream) == b"ping"
            done = end()
            if done is not None:
                await done
            async with asyncio.timeout(5):
                async for _ in stream:
                    pass
        await api.hub.services.call("nanobot", "reload", {"entry": "api"})


async def test_one_token_does_not_take_all_streams(api: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules["integrations.api.stream"], "MAX_OF_ONE", 1)
    other = {"Authorization": f"Bearer {api.hub.credentials.create('other', Access.ADMIN)}"}
    async with api.client.get(f"{api.url}/api/stream", headers=api.headers()) as first:
        assert first.status == 200
        for headers, status in ((api.headers(), 429), (other, 200)):
            async with api.client.get(f"{api.url}/api/stream", headers=headers) as response:
                assert response.status == status


async def test_asked_for_its_head_alone_it_has_no_events(api: Any) -> None:
    port = int(api.url.rpartition(":")[2])
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    head = f"HEAD /api/stream HTTP/1.1\r\nHost: localhost\r\nAuthorization: {api.headers()['Authorization']}\r\n"
    writer.write(f"{head}Connection: close\r\n\r\n".encode())
    async with asyncio.timeout(5):
        answer = await reader.read()
    assert b"200 OK" in answer
    assert answer.endswith(b"\r\n\r\n")
    writer.close()


async def test_a_reader_who_does_not_read_is_dropped(api: Any) -> None:
    listeners = api.hub.bus.counts()
    async with api.client.get(f"{api.url}/api/stream", headers=api.headers()):
        text = "x" * 100_000  # 50 MB in all, more than any buffer on the way holds
        async with asyncio.timeout(10):
            while api.hub.bus.counts() == listeners:
                await asyncio.sleep(0)
            for _ in range(500):
                api.hub.bus.fire("flood", {"text": text})
            while api.hub.bus.counts() != listeners:
                await asyncio.sleep(0.01)
