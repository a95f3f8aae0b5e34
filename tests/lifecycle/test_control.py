"""The control socket: one line, one answer, for the owner alone."""

from __future__ import annotations

import asyncio
import os
import socket
import stat
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path
from typing import Any

import orjson
import pytest
import voluptuous as vol

from nanobot.contracts.command import Command, Connection
from nanobot.contracts.view import Access
from nanobot.errors import Refused
from nanobot.lifecycle import control
from nanobot.lifecycle.control import Control, peer_uid, socket_path
from nanobot.testing.plugin import House


class Peer:
    """A client that speaks lines."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def send(self, line: bytes) -> None:
        self.writer.write(line + b"\n")
        await self.writer.drain()

    async def next(self) -> Any:
        async with asyncio.timeout(10):
            line = await self.reader.readline()
        return orjson.loads(line) if line else None

    async def ask(self, command: str, data: Mapping[str, Any] | None = None, number: int = 1) -> Any:
        await self.send(orjson.dumps({"id": number, "command": command, "data": data or {}}))
        return await self.next()


@pytest.fixture
async def opened(house: House) -> Control:
    opened = Control(house.hub, house.edits, house.stopped.set)
    await opened.open(house.core)
    return opened


@pytest.fixture
async def peer(opened: Control) -> AsyncIterator[Peer]:
    assert opened.path is not None
    reader, writer = await asyncio.open_unix_connection(opened.path, limit=16 * 1024 * 1024)
    yield Peer(reader, writer)
    writer.close()


def command(name: str, handler: Any, schema: vol.Schema | None = None) -> Command:
    return Command(name, handler, Access.ADMIN, schema)


async def test_the_socket_is_for_its_owner_alone_and_known_to_others(house: House, opened: Control) -> None:
    path = house.config_dir / ".storage" / "hub.sock"
    assert opened.path == path
    assert house.hub.run_info["socket"] == str(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    await house.core.release()
    assert not path.exists()


async def test_the_socket_of_a_killed_hub_is_replaced(house: House) -> None:
    path = house.config_dir / ".storage" / "hub.sock"
    path.parent.mkdir(exist_ok=True)
    left = socket.socket(socket.AF_UNIX)
    left.bind(str(path))
    left.close()
    opened = Control(house.hub, house.edits, house.stopped.set)
    await opened.open(house.core)
    await asyncio.open_unix_connection(path)


async def test_status_tells_what_runs_and_what_is_wrong(house: House, peer: Peer) -> None:
    await house.start("nonsense:\n")
    answer = await peer.ask("status")
    assert answer["id"] == 1
    status = answer["result"]
    assert status["phase"] == "RUNNING"
    assert status["recovery"] is None
    assert status["config_dir"] == str(house.config_dir)
    assert [entry["id"] for entry in status["entries"]] == ["nanobot"]
    assert {"state", "error", "since", "restarts"} <= set(status["entries"][0])
    assert any("nonsense" in problem["text"] for problem in status["problems"])


async def test_stop_answers_before_it_stops(house: House, peer: Peer) -> None:
    assert (await peer.ask("stop"))["result"]["stopping"] is True
    async with asyncio.timeout(10):
        await house.stopped.wait()


async def test_reload_applies_what_is_on_disk(house: House, peer: Peer) -> None:
    await house.start("")
    house.write("nonsense:\n")
    result = (await peer.ask("reload"))["result"]
    assert result["applied"] is True
    assert any("nonsense" in problem["text"] for problem in result["problems"])
    assert "nothing named 'tset' is configured" in (await peer.ask("reload", {"entry": "tset"}))["error"]


async def test_plan_of_yaml_that_cannot_be_read_says_why(house: House, peer: Peer) -> None:
    await house.start("")
    house.write("a: [1\n")
    result = (await peer.ask("plan"))["result"]
    assert result["readable"] is False
    assert result["problems"][0]["file"] == "configuration.yaml"


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        (b"nonsense", "not JSON"),
        (b"[1]", "a request looks like"),
        (b'{"id": 7}', "a request looks like"),
        (b'{"id": 7, "command": "statsu"}', "there is no command 'statsu'; did you mean 'status'?"),
        (b'{"id": 7, "command": "status", "data": [1]}', "must be an object"),
        (b'{"id": 7, "command": "status", "data": {"x": 1}}', "extra keys not allowed"),
    ],
)
async def test_a_wrong_request_gets_a_sentence_and_the_next_one_works(peer: Peer, line: bytes, sentence: str) -> None:
    await peer.send(line)
    assert sentence in (await peer.next())["error"]
    assert "result" in await peer.ask("status", number=8)


async def test_a_failing_command_costs_nobody_the_connection(house: House, peer: Peer) -> None:
    async def fails(connection: Connection, data: Mapping[str, Any]) -> Any:
        raise KeyError("oops")

    async def refuses(connection: Connection, data: Mapping[str, Any]) -> Any:
        raise Refused("you may not")

    house.core.add(command("fails", fails))
    house.core.add(command("refuses", refuses))
    assert "KeyError" in (await peer.ask("fails"))["error"]
    assert (await peer.ask("refuses"))["error"] == "you may not"
    assert "result" in await peer.ask("status")


async def test_events_carry_the_number_of_their_request_and_end_with_the_client(
    house: House, opened: Control, peer: Peer
) -> None:
    gone = asyncio.Event()

    async def subscribe(connection: Connection, data: Mapping[str, Any]) -> Any:
        connection.on_close(gone.set)
        await connection.send({"hello": 1})
        house.hub.bus.listen("ping", send_ping)
        house.core.on_unload(lambda: None)
        kept.append(connection)
        return "subscribed"

    kept: list[Connection] = []

    async def send_ping(event: Any) -> None:
        await kept[0].send(dict(event.data))

    house.core.add(command("subscribe", subscribe))
    assert await peer.ask("subscribe", number=5) == {"id": 5, "event": {"hello": 1}}
    assert await peer.next() == {"id": 5, "result": "subscribed"}
    assert kept[0].context.actor == "user"
    house.hub.bus.fire("ping", {"n": 1})
    assert await peer.next() == {"id": 5, "event": {"n": 1}}
    peer.writer.close()
    async with asyncio.timeout(10):
        await gone.wait()
    await kept[0].send({"into": "the void"})


async def test_a_slow_command_does_not_hold_up_the_others(house: House, peer: Peer) -> None:
    let_go = asyncio.Event()

    async def slow(connection: Connection, data: Mapping[str, Any]) -> Any:
        await let_go.wait()
        return "at last"

    house.core.add(command("slow", slow))
    await peer.send(b'{"id": 1, "command": "slow"}')
    assert (await peer.ask("status", number=2))["id"] == 2
    let_go.set()
    assert await peer.next() == {"id": 1, "result": "at last"}


async def test_a_line_without_end_is_cut_off(monkeypatch: pytest.MonkeyPatch, house: House) -> None:
    monkeypatch.setattr(control, "MAX_LINE", 1000)
    opened = Control(house.hub, house.edits, house.stopped.set)
    await opened.open(house.core)
    assert opened.path is not None
    peer = Peer(*await asyncio.open_unix_connection(opened.path))
    await peer.send(b"x" * 5000)
    assert (await peer.next())["error"] == "a line may have 1000 bytes at most"
    assert await peer.next() is None


async def test_a_client_that_does_not_read_is_dropped(
    monkeypatch: pytest.MonkeyPatch, house: House, peer: Peer
) -> None:
    monkeypatch.setattr(control, "SLOW", 0.2)
    gone = asyncio.Event()

    async def flood(connection: Connection, data: Mapping[str, Any]) -> Any:
        connection.on_close(gone.set)
        while not gone.is_set():
            await connection.send({"x": "y" * 1_000_000})
            await asyncio.sleep(0)

    house.core.add(command("flood", flood))
    await peer.send(b'{"id": 1, "command": "flood"}')
    async with asyncio.timeout(20):
        await gone.wait()


async def test_another_user_is_turned_away(monkeypatch: pytest.MonkeyPatch, house: House, opened: Control) -> None:
    monkeypatch.setattr(control, "peer_uid", lambda connection: os.getuid() + 1)
    assert opened.path is not None
    reader, _ = await asyncio.open_unix_connection(opened.path)
    async with asyncio.timeout(10):
        assert await reader.read() == b""


def test_the_peer_is_told_by_the_system() -> None:
    one, other = socket.socketpair(socket.AF_UNIX)
    with one, other:
        assert peer_uid(one) == os.getuid()


@pytest.fixture
def short() -> Iterator[Path]:
    """A folder whose path leaves room for the name of a socket; pytest's own may be too deep."""
    with tempfile.TemporaryDirectory(prefix="nb") as folder:
        yield Path(folder)


def test_a_long_path_is_replaced_by_a_short_private_one(
    tmp_path: Path, short: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deep = tmp_path / ("x" * 60) / ("y" * 60)
    runtime = short / "run"
    runtime.mkdir()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(runtime))
    path = socket_path(deep)
    assert path.parent == runtime / "nanobot"
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert path == socket_path(deep)
    assert path != socket_path(tmp_path / ("x" * 60) / ("z" * 60))


def test_a_private_folder_that_is_not_ours_alone_is_not_used(
    tmp_path: Path, short: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deep = tmp_path / ("x" * 60) / ("y" * 60)
    runtime, temporary = short / "run", short / "tmp"
    (runtime / "nanobot").mkdir(parents=True)
    (runtime / "nanobot").chmod(0o777)
    temporary.mkdir()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(runtime))
    monkeypatch.setattr("tempfile.gettempdir", lambda: str(temporary))
    assert socket_path(deep).parent == temporary / f"nanobot-{os.getuid()}"
