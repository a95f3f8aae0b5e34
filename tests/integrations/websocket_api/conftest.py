"""A real server on a free port, and clients of its socket that say exactly what a test wants them to say."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import orjson
import pytest
from aiohttp import ClientSession, ClientWebSocketResponse, WSMsgType

from nanobot.contracts.view import Access
from nanobot.hub.entry import Entry
from nanobot.hub.hub import Hub
from nanobot.testing.plugin import House, SetUp

WITHIN = 10.0  # s


class Client:
    """A client that has signed in. ``ask`` numbers its messages and gives the answer; events are kept."""

    def __init__(self, socket: ClientWebSocketResponse) -> None:
        self.socket = socket
        self.last_id = 0
        self._kept: list[dict[str, Any]] = []

    async def send(self, message: Any) -> None:
        await self.socket.send_str(orjson.dumps(message).decode())

    async def frame(self) -> Any:
        """The JSON of the next frame. Raises ``ConnectionError`` at the end."""
        async with asyncio.timeout(WITHIN):
            frame = await self.socket.receive()
        if frame.type is not WSMsgType.TEXT:
            raise ConnectionError(f"{frame.type}: {frame.data} {frame.extra}")
        return orjson.loads(frame.data)

    async def receive(self) -> dict[str, Any]:
        """The next message, of those kept first."""
        if not self._kept:
            frame = await self.frame()
            self._kept = frame if isinstance(frame, list) else [frame]
        return self._kept.pop(0)

    async def tell(self, kind: str, **data: Any) -> int:
        """Send a command; gives its id."""
        self.last_id += 1
        await self.send({"id": self.last_id, "type": kind, **data})
        return self.last_id

    async def answer(self, message_id: int) -> dict[str, Any]:
        """The answer to a message; what comes before it is kept."""
        before: list[dict[str, Any]] = []
        while True:
            message = await self.receive()
            if message["id"] == message_id and message["type"] != "event":
                self._kept[:0] = before
                return message
            before.append(message)

    async def ask(self, kind: str, **data: Any) -> Any:
        """The result of a command."""
        answer = await self.answer(await self.tell(kind, **data))
        assert answer["success"], answer
        return answer["result"]

    async def fails(self, kind: str, **data: Any) -> dict[str, Any]:
        """The error of a command."""
        answer = await self.answer(await self.tell(kind, **data))
        assert not answer["success"], answer
        error: dict[str, Any] = answer["error"]
        return error

    async def follow(self, kind: str, **data: Any) -> int:
        """Subscribe; gives the id."""
        await self.ask(kind, **data)
        return self.last_id

    async def event(self, message_id: int | None = None) -> Any:
        """The next event, which has to be of that subscription."""
        message = await self.receive()
        assert message["type"] == "event", message
        assert message_id in (None, message["id"]), message
        return message["event"]

    async def is_quiet(self) -> None:
        """Everything that was to be told has been: nothing stands before the answer to a ping."""
        message_id = await self.tell("ping")
        assert await self.receive() == {"id": message_id, "type": "pong"}

    async def ends(self) -> int | None:
        """Read to the end of the connection; gives the code that it was closed with."""
        async with asyncio.timeout(WITHIN):
            while not self.socket.closed:
                await self.socket.receive()
        return self.socket.close_code


class Socket:
    """Where the clients connect to, and tokens for them."""

    def __init__(self, hub: Hub, http: Entry, session: ClientSession) -> None:
        self.hub = hub
        self.http = http
        self.session = session
        self.tokens = {access: hub.credentials.create(access.value, access) for access in list(Access)[1:]}
        self._open: list[ClientWebSocketResponse] = []

    @property
    def url(self) -> str:
        return f"{self.http.data.url}/api/websocket"

    async def connect(self, **more: Any) -> Client:
        """Somebody who has not signed in."""
        socket = await self.session.ws_connect(self.url, max_msg_size=0, **more)
        self._open.append(socket)
        return Client(socket)

    async def sign_in(self, access: Access | str = Access.ADMIN, **more: Any) -> Client:
        """Somebody with that access, or that token."""
        client = await self.connect(**more)
        token = access if isinstance(access, str) else self.tokens[access]
        assert (await client.frame())["type"] == "auth_required"
        await client.send({"type": "auth", "access_token": token})
        assert (await client.frame())["type"] == "auth_ok"
        return client

    async def close(self) -> None:
        for socket in self._open:
            await socket.close()


@pytest.fixture
async def socket(hub: Hub, set_up: SetUp) -> AsyncIterator[Socket]:
    http = await set_up("http", {"port": 0})
    await set_up("websocket_api")
    async with ClientSession() as session:
        socket = Socket(hub, http, session)
        yield socket
        await socket.close()


@pytest.fixture
async def client(socket: Socket) -> Client:
    """Somebody who may do everything."""
    return await socket.sign_in()


@pytest.fixture
async def socket_of() -> AsyncIterator[Callable[[House], Awaitable[Socket]]]:
    """The socket of a house that runs already."""
    opened: list[Socket] = []
    async with ClientSession() as session:

        async def open_socket(house: House) -> Socket:
            opened.append(Socket(house.hub, house.entry("http"), session))
            return opened[-1]

        yield open_socket
        for socket in opened:
            await socket.close()
