"""What one client may take from the hub and from the others: not much, whatever it does."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import logging
import os
import socket as sockets
import time
from typing import Any

import orjson
import pytest

from integrations.websocket_api import connection as connection_module
from integrations.websocket_api import outbox as outbox_module
from integrations.websocket_api import socket as socket_module
from nanobot.contracts.socket_command import SocketCall, SocketCommand
from nanobot.contracts.view import Access
from nanobot.hub.entry import Entry
from nanobot.hub.hub import Hub

BIG = "x" * 4000


async def stalled(where: Any, token: str, *messages: dict[str, Any]) -> tuple[Any, Any]:
    """A client that says something and then reads nothing ever after."""
    port = where.http.data.port
    plain = sockets.socket()
    plain.setsockopt(sockets.SOL_SOCKET, sockets.SO_RCVBUF, 4096)
    plain.setblocking(False)
    await asyncio.get_running_loop().sock_connect(plain, ("127.0.0.1", port))
    reader, writer = await asyncio.open_connection(sock=plain, limit=4096)
    key = base64.b64encode(os.urandom(16)).decode()
    head = f"GET /api/websocket HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    writer.write(f"{head}Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode())
    for message in ({"type": "auth", "access_token": token}, *messages):
        data = orjson.dumps(message)
        size = bytes([0x80 | len(data)]) if len(data) < 126 else b"\xfe" + len(data).to_bytes(2, "big")
        writer.write(b"\x81" + size + b"\0\0\0\0" + data)
    await reader.readuntil(b"auth_ok")
    return reader, writer


async def test_who_does_not_read_is_cut_off_and_the_others_notice_nothing(
    socket: Any, client: Any, hub: Hub, caplog: pytest.LogCaptureFixture
) -> None:
    before = hub.bus.counts()
    token = socket.tokens[Access.ADMIN]
    _, writer = await stalled(socket, token, {"id": 1, "type": "subscribe_events", "event_type": "big"})
    while hub.bus.counts() == before:
        await asyncio.sleep(0.01)
    follow = await client.follow("subscribe_events", event_type="big")
    loop = asyncio.get_running_loop()
    slowest = 0.0
    for number in range(30_000):
        hub.bus.fire("big", {"number": number, "text": BIG})
        if number % 100 == 99:
            began = loop.time()
            for _ in range(100):
                await client.event(follow)
            slowest = max(slowest, loop.time() - began)
            if cut_off := [record for record in caplog.records if record.name == "nanobot.websocket_api"]:
                break
    assert number < 20_000, "the stalled client is still there"
    assert slowest < 5.0
    (line,) = cut_off
    assert line.levelno == logging.WARNING
    assert "messages wait for a client that does not read them" in line.getMessage()
    writer.close()


async def test_who_is_behind_for_long_is_cut_off_too(
    socket: Any, hub: Hub, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(outbox_module, "MANY_FOR", 0.2)
    token = socket.tokens[Access.ADMIN]
    before = hub.bus.counts()
    _, writer = await stalled(socket, token, {"id": 1, "type": "subscribe_events", "event_type": "big"})
    while hub.bus.counts() == before:
        await asyncio.sleep(0.01)
    (served,) = _connections(hub)
    while len(served.outbox) < 1100:
        for _ in range(20):
            hub.bus.fire("big", {"text": BIG})
        await asyncio.sleep(0)
    while hub.bus.counts() != before:
        await asyncio.sleep(0.02)
    assert "messages behind for" in caplog.text
    writer.close()


async def test_a_client_that_reads_again_gets_all(socket: Any, hub: Hub) -> None:
    client = await socket.sign_in()
    follow = await client.follow("subscribe_events", event_type="big")
    for number in range(2000):
        hub.bus.fire("big", {"number": number, "text": BIG})
    assert [(await client.event(follow))["data"]["number"] for _ in range(2000)] == list(range(2000))


async def test_a_message_that_is_too_large_ends_the_connection(client: Any) -> None:
    with contextlib.suppress(ConnectionError):  # it ends before all of it is sent
        await client.socket.send_str('{"id": 1, "type": "ping", "more": "' + "x" * (5 * 1024 * 1024) + '"}')
    assert await client.ends() in (1009, 1006)  # 1006: cut while it was still sending


async def test_there_is_an_end_to_subscriptions(client: Any, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection_module, "MAX_SUBSCRIPTIONS", 3)
    follows = [await client.follow("subscribe_events", event_type="tea") for _ in range(3)]
    error = await client.fails("subscribe_events", event_type="tea")
    assert error == {"code": "home_assistant_error", "message": "there are 3 subscriptions already"}
    hub.bus.fire("tea")
    assert [(await client.receive())["id"] for _ in follows] == follows
    await client.is_quiet()
    await client.ask("unsubscribe_events", subscription=follows[0])
    await client.follow("subscribe_events", event_type="tea")


async def test_there_is_an_end_to_commands_at_work(client: Any, entry: Entry, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection_module, "MAX_AT_WORK", 2)
    go_on = asyncio.Event()

    async def wait(call: SocketCall) -> None:
        await go_on.wait()

    entry.add(SocketCommand("test/wait", wait, Access.READ))
    waiting = [await client.tell("test/wait") for _ in range(2)]
    assert "at work already" in (await client.fails("test/wait"))["message"]
    await client.is_quiet()
    go_on.set()
    for message_id in waiting:
        assert (await client.answer(message_id))["success"]


async def test_there_is_an_end_to_connections(socket: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket_module, "MAX_SOCKETS", 2)
    clients = [await socket.sign_in() for _ in range(2)]
    with pytest.raises(Exception, match="429"):
        await socket.connect()
    await clients[0].socket.close()
    await asyncio.sleep(0.05)
    await socket.sign_in()


async def test_one_token_does_not_take_the_places_of_others(socket: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket_module, "MAX_OF_ONE", 2)
    clients = [await socket.sign_in() for _ in range(2)]
    third = await socket.connect()
    await third.frame()
    await third.send({"type": "auth", "access_token": socket.tokens[Access.ADMIN]})
    answer = await third.frame()
    assert answer["type"] == "auth_invalid"
    assert "2 connections already" in answer["message"]
    await socket.sign_in(Access.READ)
    await clients[0].socket.close()
    await asyncio.sleep(0.05)
    await socket.sign_in()


async def test_strangers_do_not_take_the_places_of_others(socket: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket_module, "MAX_STRANGERS", 2)
    monkeypatch.setattr(socket_module, "SIGN_IN_WITHIN", 0.2)
    for _ in range(2):
        stranger = await socket.connect()
    with pytest.raises(Exception, match="429"):
        await socket.connect()
    await stranger.frame()
    assert await stranger.ends() == 1000
    await asyncio.sleep(0.05)
    await socket.sign_in()


async def test_a_flood_on_one_socket_leaves_the_others_alone(socket: Any, client: Any, hub: Hub) -> None:
    flood = await socket.sign_in()
    stop = asyncio.Event()

    async def ask_for_everything() -> None:
        message_id = 0
        while not stop.is_set():
            await flood.send([{"id": (message_id := message_id + 1), "type": "get_services"} for _ in range(300)])
            for _ in range(300):
                await flood.receive()

    flooding = asyncio.create_task(ask_for_everything())
    loop = asyncio.get_running_loop()
    waits = []
    for _ in range(50):
        began = loop.time()
        await client.is_quiet()
        waits.append(loop.time() - began)
    stop.set()
    await flooding
    # the flooding client itself lives on the same loop and takes most of this
    assert sorted(waits)[len(waits) // 2] < 0.5


async def test_an_unload_says_goodbye(house: Any, socket: Any, hub: Hub) -> None:
    clients = [await socket.sign_in() for _ in range(3)]
    await clients[0].follow("subscribe_events")
    stranger = await socket.connect()
    before = hub.bus.counts()
    ends = [asyncio.create_task(one.ends()) for one in (*clients, stranger)]
    await house.apply("http: {port: 0}\n")
    assert [await end for end in ends] == [1001] * 4
    assert "*" not in hub.bus.counts() or hub.bus.counts()["*"] < before["*"]


async def test_a_command_that_leaves_takes_its_subscriptions_along(client: Any, entry: Entry, hub: Hub) -> None:
    ended: list[str] = []

    def follow(call: SocketCall) -> None:
        call.subscribe(lambda: ended.append("ended"), {"since": "now"})
        call.event("first")

    remove = entry.add(SocketCommand("test/follow", follow, Access.READ))
    follow_id = await client.tell("test/follow")
    assert (await client.answer(follow_id))["result"] == {"since": "now"}
    assert await client.event(follow_id) == "first"
    remove()
    assert ended == ["ended"]
    assert (await client.fails("test/follow"))["code"] == "unknown_command"
    assert (await client.fails("unsubscribe_events", subscription=follow_id))["code"] == "not_found"


async def test_a_command_of_an_integration_stands_before_the_one_that_answers_for_absent_ones(
    client: Any, entry: Entry
) -> None:
    assert await client.ask("persistent_notification/get") == []
    remove = entry.add(SocketCommand("persistent_notification/get", lambda call: ["tea is ready"], Access.READ))
    assert await client.ask("persistent_notification/get") == ["tea is ready"]
    remove()
    assert await client.ask("persistent_notification/get") == []


async def test_what_fails_inside_is_not_told(client: Any, entry: Entry, caplog: pytest.LogCaptureFixture) -> None:
    def crash(call: SocketCall) -> None:
        raise RuntimeError("the password is 1234")

    entry.add(SocketCommand("test/crash", crash, Access.READ))
    error = await client.fails("test/crash")
    assert error["code"] == "unknown_error"
    assert "1234" not in error["message"]
    assert "1234" in caplog.text
    await client.is_quiet()


def _connections(hub: Hub) -> list[Any]:
    view = hub.views.get("GET /api/websocket")
    assert view is not None
    sockets = view.handler.__self__  # type: ignore[attr-defined]
    return [one for one in sockets._open.values() if one is not None]


async def test_many_who_do_not_read_hold_no_more_than_all_together_may(
    socket: Any, entry: Entry, hub: Hub, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(outbox_module, "MAX_BYTES_OF_ALL", 20_000_000)
    entry.add(SocketCommand("test/big", lambda call: "x" * 4_000_000, Access.READ))
    token = socket.tokens[Access.READ]
    asks = [{"id": number, "type": "test/big"} for number in range(1, 3)]
    clients = [await stalled(socket, token, *asks) for _ in range(5)]  # 8 MB wait for each: none is cut off for that
    async with asyncio.timeout(10):
        while caplog.text.count("wait for others") < 3:
            await asyncio.sleep(0.02)
    assert len(_connections(hub)) == 2
    for _, writer in clients:
        writer.close()


async def test_a_message_with_very_many_mistakes_keeps_nobody_waiting(client: Any) -> None:
    began = time.process_time()
    error = await client.fails("ping", **{f"k{number}": number for number in range(3000)})
    assert error["code"] == "invalid_format"
    assert error["message"].count("unknown option") == 20
    target = {f"k{number}": number for number in range(100_000)}
    error = await client.fails("call_service", domain="homeassistant", service="turn_on", target=target)
    assert "holds more than 5000 things" in error["message"]
    assert time.process_time() - began < 1.0


async def test_strangers_are_not_read_for_long(socket: Any) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", socket.http.data.port)
    head = "GET /api/websocket HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    writer.write(f"{head}Sec-WebSocket-Key: {'a' * 22}==\r\nSec-WebSocket-Version: 13\r\n\r\n".encode())
    await reader.readuntil(b"auth_required")
    writer.write(b"\x01\x81\0\0\0\0 " + b"\0\x81\0\0\0\0 " * 50_000)  # one text in many pieces
    with contextlib.suppress(ConnectionError):
        async with asyncio.timeout(5):  # well before its time to sign in is over
            await reader.read()
    writer.close()
