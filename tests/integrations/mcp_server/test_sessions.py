"""How a session begins and ends, who it belongs to, and where its limits are."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from integrations.mcp_server import endpoint, sessions
from nanobot.hub.entry import Entry
from nanobot.hub.hub import Hub
from nanobot.testing.plugin import House

from .conftest import INITIALIZE, LIST, Mcp, names, open_server

HOLD = {"jsonrpc": "2.0", "id": 3, "method": "tools/call", "params": {"name": "hold", "arguments": {}}}


async def within_a_second(waiting: Any) -> Any:
    async with asyncio.timeout(1.0):
        return await waiting


async def test_nobody_gets_in_without_a_good_token(mcp: Mcp) -> None:
    for who in (None, "nb_wrong"):
        answer = await mcp.ask(INITIALIZE, who)
        assert answer.status == 401
        assert answer.headers["www-authenticate"] == "Bearer"
        assert answer.data["error"]["message"]
        assert "mcp-session-id" not in answer.headers


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1:1"])
async def test_another_site_gets_nothing_done(mcp: Mcp, origin: str) -> None:
    answer = await mcp.ask(INITIALIZE, Origin=origin)
    assert answer.status == 403
    assert (await mcp.ask(INITIALIZE, Host="evil.example")).status == 403


@pytest.mark.parametrize("taken_back", ["revoke", "rotate"])
async def test_sessions_and_what_they_do_end_with_the_token(mcp: Mcp, hub: Hub, taken_back: str) -> None:
    session = await mcp.begin("user")
    work = asyncio.create_task(mcp.ask(HOLD, "user", Mcp_Session_Id=session))
    hold = mcp.tools["hold"]
    await hold.held.wait()
    getattr(hub.credentials, taken_back)("user")
    await within_a_second(hold.ended.wait())
    await within_a_second(asyncio.wait({work}))
    assert work.exception() is not None or work.result().status >= 400
    assert (await mcp.ask(LIST, "user", Mcp_Session_Id=session)).status == 401
    other = await mcp.begin("admin")
    assert (await mcp.ask(LIST, "admin", Mcp_Session_Id=other)).status == 200


async def test_a_session_is_nobody_elses(mcp: Mcp) -> None:
    session = await mcp.begin("user")
    assert (await mcp.ask(LIST, "admin", Mcp_Session_Id=session)).status == 404
    assert (await mcp.ask(None, "admin", "DELETE", Mcp_Session_Id=session)).status == 404
    assert (await mcp.ask(LIST, "user", Mcp_Session_Id=session)).status == 200


async def test_delete_ends_a_session(mcp: Mcp) -> None:
    session = await mcp.begin()
    assert (await mcp.ask(None, method="DELETE", Mcp_Session_Id=session)).status == 200
    assert (await mcp.ask(LIST, Mcp_Session_Id=session)).status == 404


async def test_a_session_that_is_not_used_ends(house: House, entry: Entry, http: Any) -> None:
    mcp = await open_server(house, entry, http, "{session_timeout: 1}")
    session = await mcp.begin()
    async with asyncio.timeout(10):
        while (await mcp.ask(LIST, Mcp_Session_Id=session)).status != 404:
            await asyncio.sleep(1.2)  # each question makes it longer


async def test_there_is_an_end_to_sessions(house: House, entry: Entry, http: Any) -> None:
    mcp = await open_server(house, entry, http, "{max_sessions: 2}")
    session, _ = await mcp.begin("user"), await mcp.begin("user")
    assert (await mcp.ask(INITIALIZE, "user")).status == 503
    await mcp.begin("admin")  # each token has its own
    await mcp.ask(None, "user", "DELETE", Mcp_Session_Id=session)
    await mcp.begin("user")


async def test_there_is_an_end_to_what_goes_on_at_a_time(house: House, entry: Entry, http: Any) -> None:
    mcp = await open_server(house, entry, http, "{concurrent: 1}")
    session = await mcp.begin("user")
    work = asyncio.create_task(mcp.ask(HOLD, "user", Mcp_Session_Id=session))
    await mcp.tools["hold"].held.wait()
    assert (await mcp.ask(LIST, "user", Mcp_Session_Id=session)).status == 429
    await mcp.begin("admin")
    work.cancel()


async def test_tokens_whose_sessions_are_over_make_room(mcp: Mcp, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions, "MAX_CREDENTIALS", 1)
    await mcp.begin("user")
    assert (await mcp.ask(INITIALIZE, "admin")).status == 429
    _sessions(hub)._by_credential[_user(hub)].last -= 3600
    await mcp.begin("admin")


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b"{", {}, 400),
        (b"\xff", {}, 400),
        (b"[]", {}, 400),
        (b'"hello"', {}, 400),
        (b'{"jsonrpc": "1.0", "id": 1, "method": "ping"}', {}, 400),
        (b"x" * (endpoint.MAX_BODY + 1), {}, 413),
        (LIST, {}, 400),
        (INITIALIZE, {"Content_Type": "text/plain"}, 400),
        (INITIALIZE, {"Accept": "text/html"}, 406),
        (LIST, {"Mcp_Session_Id": "made-up"}, 404),
        (LIST, {"MCP_Protocol_Version": "1999-01-01"}, 400),
    ],
    ids=["half", "no text", "a batch", "a word", "other version", "too large", "no session", "not JSON", "not wanted",
         "made up", "unknown protocol"],
)  # fmt: skip
async def test_what_makes_no_sense_is_refused(mcp: Mcp, body: Any, headers: dict[str, str], status: int) -> None:
    answer = await mcp.ask(body, **headers)
    assert answer.status == status
    assert b"Traceback" not in str(answer.data).encode()
    await mcp.begin()


async def test_there_is_no_stream_without_a_session_that_has_begun(mcp: Mcp) -> None:
    answer = await mcp.ask(None, method="GET")
    assert answer.status == 405
    assert "POST" in answer.headers["allow"]
    assert (await mcp.ask(None, method="GET", Mcp_Session_Id="made-up")).status == 404
    session = await mcp.begin()
    answer = await mcp.ask(None, method="GET", Mcp_Session_Id=session)
    assert (answer.status, answer.data["error"]["message"]) == (400, "send notifications/initialized first")
    assert (await mcp.ask(None, "user", "GET", Mcp_Session_Id=session)).status == 404


async def test_an_edit_or_an_unload_ends_all_sessions_and_a_client_begins_anew(mcp: Mcp, house: House) -> None:
    session = await mcp.begin()
    await house.edits.wait(house.edits.request(restart=["mcp_server"]))
    assert (await mcp.ask(LIST, Mcp_Session_Id=session)).status == 404
    async with mcp.session() as client:
        assert "look" in await names(client)


async def test_no_token_is_written_to_the_log(mcp: Mcp, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    async with mcp.session("user") as session:
        await session.call_tool("look", {})
    ours = [record.getMessage() for record in caplog.records if record.name.startswith(("mcp.server", "nanobot"))]
    assert ours
    assert not [text for text in ours if mcp.tokens["user"] in text]


def _user(hub: Hub) -> str:
    return next(one.id for one in hub.credentials.known() if one.name == "user")


def _sessions(hub: Hub) -> Any:
    view = hub.views.get("POST /mcp")
    assert view is not None
    serve: Callable[..., Any] = view.handler
    return serve.__self__._sessions  # type: ignore[attr-defined]
