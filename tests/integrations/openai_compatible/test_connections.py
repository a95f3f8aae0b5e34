"""Connections are used again, ended when nobody listens any more, and left alone by edits that do not concern them."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from typing import cast

import pytest
from aiohttp import web

from nanobot.agent.asking import Again, Asking
from nanobot.contracts.model import Delta, Message, Model, Request
from nanobot.errors import NotReady
from nanobot.testing.plugin import House
from tests.integrations.openai_compatible.conftest import KEY, Stub, ask, text_of
from tests.servers.running import running

Configure = Callable[..., Awaitable[None]]
Local = Callable[[], Model]

HELD = "[[reply:onetwo]][[chunks:2]][[fault:hold]]"


def begin(model: Model, text: str) -> AsyncGenerator[Delta]:
    """An answer that the test takes piece by piece."""
    return cast("AsyncGenerator[Delta]", model.stream(Request([Message("user", text)])))


@pytest.mark.parametrize(
    "directive", ["", "[[fault:json_anyway]]", "[[words:3000]][[chunks:300]]", "[[fault:no_done]]"]
)
async def test_one_connection_serves_one_call_after_the_other(
    configure: Configure, local: Local, stub: Stub, directive: str
) -> None:
    await configure()
    for _ in range(10):
        await ask(local(), f"hi {directive}")
    peers = {request["peer"] for request in await stub.read("log")}
    assert len(peers) <= 2  # the one on which the models were asked for may be used again as well


async def test_fifty_answers_come_at_the_same_time(configure: Configure, local: Local, stub: Stub) -> None:
    await configure()
    texts = [f"[[reply:{n} {'word ' * 40}]][[chunks:10]][[chunk_delay:0.02]][[latency:0.3]]" for n in range(50)]
    answers = await asyncio.gather(*[ask(local(), text) for text in texts])
    assert [text_of(answer).split()[0] for answer in answers] == [str(n) for n in range(50)]
    assert (await stub.read("stats"))["peak_inflight"] == 50


async def test_whoever_stops_listening_ends_the_connection(configure: Configure, local: Local, stub: Stub) -> None:
    await configure()
    stream = begin(local(), HELD)
    assert (await anext(stream)).text == "one"
    await stream.aclose()
    await stub.wait(disconnected=1)


@pytest.mark.parametrize("text", [HELD, "[[fault:hang]]"], ids=["in the middle", "before the first piece"])
async def test_whoever_is_cancelled_ends_the_connection(
    configure: Configure, local: Local, stub: Stub, text: str
) -> None:
    await configure()
    task = asyncio.create_task(ask(local(), text))
    await stub.wait(requests=1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await stub.wait(disconnected=1)


async def test_the_key_and_the_headers_are_sent(configure: Configure, local: Local, stub: Stub) -> None:
    await stub.tell("config", {"keep_requests": 1, "api_key": KEY})
    await configure(api_key=f" {KEY}\n", headers={"X-Title": "nanobot", "X-Api-Key": "other"})
    assert text_of(await ask(local(), "hi")) == "pong"
    headers = (await stub.last_request())["headers"]
    sent = {name: headers[name] for name in ("Authorization", "X-Title", "X-Api-Key", "Content-Type")}
    assert sent == {
        "Authorization": f"Bearer {KEY}",
        "X-Title": "nanobot",
        "X-Api-Key": "other",
        "Content-Type": "application/json",
    }


# -- edits -------------------------------------------------------------------------------------------


async def test_an_edit_of_the_models_leaves_a_running_answer_alone(
    configure: Configure, house: House, local: Local, stub: Stub
) -> None:
    await configure({"local": "a", "other": "b"})
    entry, other = house.entry("openai_compatible"), house.hub.models.get("other")
    stream = begin(local(), HELD)
    await anext(stream)
    await configure({"local": {"model": "c", "timeout": 7, "fallbacks": ["other"]}, "other": "b", "new": "d"})
    assert house.entry("openai_compatible") is entry
    assert house.hub.models.get("other") is other
    assert sorted(house.hub.models.names()) == ["local", "new", "other"]
    assert (local().timeout, local().retries, local().fallbacks) == (7, 2, ("other",))
    await configure({"other": "b"})  # even the model that answers is gone
    assert house.hub.models.names() == ["other"]
    await stub.tell("release")
    assert "".join([piece.text async for piece in stream]) == "two"


async def test_the_next_call_goes_by_the_edit(configure: Configure, local: Local, stub: Stub) -> None:
    await configure({"local": "a"}, timeout=50)
    await ask(local(), "hi")
    await configure({"local": {"model": "b", "temperature": 0.5}}, timeout=60, retries=0)
    await ask(local(), "hi")
    assert [(request["model"], request["temperature"]) for request in await stub.read("log")] == [
        ("a", None),
        ("b", 0.5),
    ]
    assert (local().timeout, local().retries) == (60, 0)


async def test_another_server_means_another_start(configure: Configure, house: House, local: Local, stub: Stub) -> None:
    await configure()
    entry, before = house.entry("openai_compatible"), local()
    stream = begin(before, HELD)
    await anext(stream)
    waiting = asyncio.ensure_future(anext(stream))
    idle = begin(before, HELD)
    await anext(idle)
    silent = asyncio.create_task(ask(before, "[[fault:hang]]"))
    await stub.wait(requests=3)
    await configure(headers={"X-Title": "new"})
    assert house.entry("openai_compatible") is not entry
    for answer in (waiting, anext(idle), silent):
        with pytest.raises(NotReady, match="local is being reloaded"):
            await asyncio.wait_for(answer, 5)
    with pytest.raises(NotReady, match="local is being reloaded"):
        await ask(before, "hi")
    assert text_of(await ask(local(), "hi")) == "pong"
    await stub.wait(disconnected=3)


async def test_an_answer_that_such_an_edit_cuts_is_asked_for_again(
    configure: Configure, house: House, local: Local, stub: Stub
) -> None:
    await configure()
    asking = Asking(house.hub, "local").stream(Request([Message("user", f"{HELD}[[words:4]]")]))
    first = await anext(asking)
    await configure(headers={"X-Title": "new"})
    await stub.tell("release")
    pieces = [first, *[piece async for piece in asking]]
    again = pieces.index(Again())
    assert "".join(piece.text for piece in pieces[again:] if isinstance(piece, Delta)) == "w0 w1 w2 w3"


async def test_a_server_that_freezes_or_goes_and_comes_back_is_asked_as_before(
    configure: Configure, local: Local
) -> None:
    with running("model") as server:
        await configure(base_url=server.info["base_url"], timeout=0.5)
        await ask(local(), "hi")
        server.freeze()
        with pytest.raises(NotReady, match="local said nothing for 0.5 s"):
            await ask(local(), "hi")
        server.thaw()
        assert text_of(await ask(local(), "hi")) == "pong"
        server.stop()
        with pytest.raises(NotReady, match="cannot be reached"):
            await ask(local(), "hi")
        with running("model", "--port", server.info["base_url"].split(":")[2].removesuffix("/v1")):
            assert text_of(await ask(local(), "hi")) == "pong"


async def test_a_hundred_edits_under_steady_calls_lose_no_answer(configure: Configure, local: Local) -> None:
    await configure()
    calls = []
    for n in range(100):
        calls.append(asyncio.create_task(ask(local(), f"[[reply:{n}]][[latency:0.05]]")))
        await configure({"local": {"model": f"m{n}"}})
    assert [text_of(await call) for call in calls] == [str(n) for n in range(100)]


# -- proxies -----------------------------------------------------------------------------------------


@contextlib.asynccontextmanager
async def proxy(seen: list[str]) -> AsyncIterator[str]:
    """A proxy that answers itself and notes what it was asked for, by whom."""

    async def handle(request: web.BaseRequest) -> web.Response:
        seen.append(f"{request.url} {request.headers.get('Proxy-Authorization')}")
        return web.json_response({"choices": [{"message": {"content": "by proxy"}, "finish_reason": "stop"}]})

    server = web.ServerRunner(web.Server(handle))
    await server.setup()
    site = web.TCPSite(server, "127.0.0.1", 0)
    await site.start()
    yield f"127.0.0.1:{site._server.sockets[0].getsockname()[1]}"  # type: ignore[union-attr]
    await server.cleanup()


async def test_the_proxy_of_the_environment_is_used_but_not_for_this_machine(
    configure: Configure, local: Local, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []
    async with proxy(seen) as address:
        monkeypatch.setenv("http_proxy", f"http://me:pass@{address}")
        monkeypatch.setenv("no_proxy", "inside.example")
        await configure(base_url="http://models.example/v1")
        assert text_of(await ask(local(), "hi")) == "by proxy"
        assert seen[-1] == "http://models.example/v1/chat/completions Basic bWU6cGFzcw=="
        count = len(seen)
        await configure()
        assert text_of(await ask(local(), "hi")) == "pong"
        await configure(base_url="http://inside.example/v1")
        with pytest.raises(NotReady, match="its name is not known"):
            await ask(local(), "hi")
        assert len(seen) == count


async def test_a_proxy_that_is_not_there_is_named(
    configure: Configure, local: Local, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://me:hidden@127.0.0.1:9")
    await configure(base_url="http://models.example/v1")
    with pytest.raises(NotReady) as caught:
        await ask(local(), "hi")
    assert str(caught.value) == "local: http://models.example/v1 cannot be reached: the proxy: connection refused"


async def test_the_netrc_file_does_not_get_into_the_way_of_a_key(
    configure: Configure,
    local: Local,
    stub: Stub,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    netrc = tmp_path_factory.mktemp("home") / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password something\n")
    monkeypatch.setenv("NETRC", str(netrc))
    await stub.tell("config", {"api_key": KEY})
    await configure(api_key=KEY)
    assert text_of(await ask(local(), "hi")) == "pong"
