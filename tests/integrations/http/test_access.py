"""Who gets what: credentials, access levels, sign-in, and how soon a revoked credential is worth nothing."""

from __future__ import annotations

import asyncio
from importlib import import_module
from typing import Any

import pytest
from aiohttp import WSServerHandshakeError

from nanobot.contracts.view import Access
from nanobot.hub.entry import Entry
from nanobot.hub.hub import Hub
from nanobot.testing.plugin import SetUp

PUBLIC = {
    "GET /health",
    "GET /health/ready",
    "GET /login",
    "GET /claim",
    "GET /auth/texts",
    "GET /auth/www/{path:.*}",
    "GET /api/websocket",
    "POST /auth/claim",
    "POST /auth/login",
    "POST /auth/logout",
    "GET /auth/providers",
    "GET /auth/authorize",
    "POST /auth/login_flow",
    "POST /auth/login_flow/{flow_id}",
    "DELETE /auth/login_flow/{flow_id}",
    "POST /auth/token",
    "POST /auth/revoke",
}


async def test_without_credentials_only_liveness_and_sign_in_answer(site: Any, set_up: SetUp) -> None:
    for domain in ("webchat", "websocket_api", "api", "conversation", "webhook"):
        await set_up(domain)
    webhooks = {view.key for view in site.hub.views if view.path == "/api/webhook/{webhook_id}"}
    assert {view.key for view in site.hub.views if view.access is Access.PUBLIC} == PUBLIC | webhooks
    for view in site.hub.views:
        path = view.path.replace("{path:.*}", "login.css")
        response = await site.ask(view.method, path)
        if view.access is Access.PUBLIC:
            # 415: it wants JSON or a form; 400: a WebSocket, or who wants to sign in; 404: no such sign-in
            assert response.status in (200, 400, 415) or (response.status == 404 and "{flow_id}" in view.path), view.key
        else:
            assert response.status == 401, view.key


@pytest.mark.parametrize("token", ["none", "read", "user", "admin"])
@pytest.mark.parametrize("access", ["public", "read", "user", "admin"])
async def test_access_is_what_the_record_of_the_token_says(site: Any, views: Entry, token: str, access: str) -> None:
    rank = ["none", "read", "user", "admin"]
    headers = {} if token == "none" else site.bearer(token)
    # what a client says about itself changes nothing
    headers |= {"X-Access": "admin", "X-Scopes": "admin", "X-User": "owner", "X-Forwarded-For": "127.0.0.1"}
    response = await site.get(f"/test/{access}?access=admin&scope=admin", headers=headers)
    if access == "public":
        assert response.status == 200
    elif token == "none":
        assert response.status == 401
    else:
        assert response.status == (200 if rank.index(token) >= rank.index(access) else 403)
    if response.status == 200 and token != "none":
        assert (await response.json())["name"] == token


@pytest.mark.parametrize("header", ["Bearer", "Bearer ", "Bearer wrong", "Basic {}", "{}", "bearer  x {}", "Token {}"])
async def test_a_wrong_header_is_401(site: Any, views: Entry, header: str) -> None:
    response = await site.get("/test/read", headers={"Authorization": header.format(site.tokens["admin"])})
    assert response.status == 401
    assert set(await response.json()) == {"message"}


async def test_a_token_in_the_address_is_nothing(site: Any, views: Entry) -> None:
    token = site.tokens["admin"]
    for query in ("token", "access_token", "api_password", "auth", "authSig"):
        assert (await site.get(f"/test/read?{query}={token}")).status == 401


async def test_a_wrong_header_counts_also_beside_a_good_cookie(site: Any, views: Entry) -> None:
    cookies = await site.session()
    assert (await site.get("/test/admin", cookies=cookies)).status == 200
    for _ in range(10):
        response = await site.get("/test/admin", cookies=cookies, headers={"Authorization": "Bearer wrong"})
        assert response.status == 401
    assert (await site.get("/test/admin", cookies=cookies)).status == 429


@pytest.mark.parametrize("how", ["header", "cookie", "both", "signature", "login", "claim"])
async def test_who_guesses_is_slowed_down_on_loopback_too(site: Any, views: Entry, how: str) -> None:
    cookie = f"nanobot_session_{site.port}"

    async def guess(number: int) -> int:
        match how:
            case "header":
                answer = await site.get("/test/read", headers={"Authorization": f"Bearer guess{number}"})
            case "cookie":
                answer = await site.get("/test/read", cookies={cookie: f"guess{number}"})
            case "both":
                headers = {"Authorization": f"Bearer guess{number}"}
                answer = await site.get("/test/read", headers=headers, cookies={cookie: f"other{number}"})
            case "signature":
                answer = await site.get(f"/test/read?authSig=guess{number}")
            case "login":
                answer = await site.post("/auth/login", {"token": f"guess{number}"})
            case _:
                answer = await site.post("/auth/claim", {"code": f"guess{number}"})
        return int(answer.status)

    assert [await guess(number) for number in range(10)] == [401] * 10
    assert await guess(11) == 429
    # whatever is tried next, with whatever credential
    answer = await site.get("/test/read", headers=site.bearer("admin"))
    assert answer.status == 429
    assert 1 <= int(answer.headers["Retry-After"]) <= 60
    assert (await site.post("/auth/login", {"token": site.tokens["admin"]})).status == 429
    assert (await site.get("/health")).status == 200


async def test_a_public_route_tells_a_guesser_nothing(site: Any, views: Entry) -> None:
    for number in range(10):
        answer = await site.get("/test/public", headers={"Authorization": f"Bearer guess{number}"})
        assert (answer.status, (await answer.json())["name"]) == (200, None)
    answer = await site.get("/test/public", headers=site.bearer("admin"))
    assert (answer.status, (await answer.json())["name"]) == (200, None)


async def test_a_link_signs_a_browser_in_once(site: Any, views: Entry) -> None:
    code = site.hub.credentials.claim_code()
    response = await site.post("/auth/claim", {"code": code}, headers={"User-Agent": "X (Linux) Firefox/140"})
    assert response.status == 200
    [cookie] = response.cookies.values()
    assert cookie["httponly"]
    assert cookie["samesite"] == "Strict"
    assert cookie["path"] == "/"
    me = await (await site.get("/auth/me", cookies={cookie.key: cookie.value})).json()
    assert me == {"name": "Firefox on Linux", "access": "admin", "kind": "session"}
    again = await site.post("/auth/claim", {"code": code})
    assert again.status == 401
    assert not again.cookies


async def test_a_token_signs_a_browser_in_with_its_own_access(site: Any) -> None:
    response = await site.post("/auth/login", {"token": f"  {site.tokens['read']} "})
    [cookie] = response.cookies.values()
    me = await (await site.get("/auth/me", cookies={cookie.key: cookie.value})).json()
    assert me["access"] == "read"
    assert me["name"].endswith("(read)")


async def test_a_session_is_no_token_to_sign_in_with(site: Any) -> None:
    [session] = (await site.session()).values()
    assert (await site.post("/auth/login", {"token": session})).status == 401


async def test_signing_out_ends_the_session(site: Any, views: Entry) -> None:
    cookies = await site.session()
    origin = {"Origin": site.url}
    response = await site.post("/auth/logout", cookies=cookies, headers=origin)
    assert response.status == 200
    [cookie] = response.cookies.values()
    assert cookie.value == ""
    assert (await site.get("/test/read", cookies=cookies)).status == 401


async def test_the_local_address_alone_opens_nothing(site: Any) -> None:
    for code in ("", "0", "start", site.hub.credentials.owner_id):
        assert (await site.post("/auth/claim", {"code": code})).status == 401


async def test_a_revoked_session_is_taken_from_the_browser(site: Any, views: Entry) -> None:
    cookies = await site.session()
    site.hub.credentials.revoke(next(one.id for one in site.hub.credentials.known() if one.kind == "session"))
    response = await site.get("/test/read", cookies=cookies)
    assert response.status == 401
    [cookie] = response.cookies.values()
    assert cookie.value == ""


@pytest.mark.parametrize("how", ["revoke", "rotate"])
async def test_what_is_revoked_loses_its_open_sockets_within_a_second(
    site: Any, views: Entry, hub: Hub, how: str
) -> None:
    headers = site.bearer("user")
    async with (
        site.client.ws_connect(f"{site.url}/test/read/ws", headers=headers) as socket,
        site.client.ws_connect(f"{site.url}/test/read/ws", headers=site.bearer("admin")) as other,
    ):
        await socket.send_str("a")
        assert await socket.receive_str() == "heard a"
        elsewhere = type(hub.credentials)(hub.config_dir / ".storage", hub.clock)  # another process
        getattr(elsewhere, how)("user")
        assert (await site.get("/test/read", headers=headers)).status == 401  # at once
        async with asyncio.timeout(1.0):
            await socket.receive()
        assert socket.close_code == 4401
        await other.send_str("b")
        assert await other.receive_str() == "heard b"


async def test_one_token_cannot_take_every_connection(site: Any, views: Entry, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(import_module(type(site.entry.data.dispatcher.live).__module__), "MAX_OF_ONE", 2)
    address, headers = f"{site.url}/test/read/ws", site.bearer("user")
    sockets = [await site.client.ws_connect(address, headers=headers) for _ in range(2)]
    with pytest.raises(WSServerHandshakeError) as caught:
        await site.client.ws_connect(address, headers=headers)
    assert caught.value.status == 429
    assert (await site.get("/test/read", headers=site.bearer("admin"))).status == 200
    await asyncio.gather(*(socket.close() for socket in sockets))
    assert (await site.get("/test/read", headers=headers)).status == 200


async def test_a_socket_needs_credentials(site: Any, views: Entry) -> None:
    for headers, status in (({}, 401), (site.bearer("read"), 403)):
        with pytest.raises(WSServerHandshakeError) as caught:
            async with site.client.ws_connect(f"{site.url}/test/user/ws", headers=headers):
                pass
        assert caught.value.status == status


async def test_a_person_without_credentials_is_shown_how_to_sign_in(site: Any, set_up: SetUp) -> None:
    await set_up("webchat")
    response = await site.get("/", headers={"Accept": "text/html,*/*"})
    assert response.status == 401
    assert "/auth/www/login.js" in await response.text()
    assert (await site.get("/", headers={"Accept": "text/html", "Sec-Fetch-Mode": "cors"})).content_type == (
        "application/json"
    )


async def test_the_first_start_tells_the_terminal_a_link_and_later_ones_do_not(hub: Hub, set_up: SetUp) -> None:
    told: list[str] = []
    hub.announce = told.append
    entry = await set_up("http", {"port": 0})
    [text] = told
    link = text.split()[-1]
    assert link.startswith(f"{entry.data.url}/claim#")
    code = link.partition("#")[2]
    assert await asyncio.to_thread(hub.credentials.redeem, code, "x") is not None
    await set_up("http", {"port": 0, "max_body_mb": 2})
    assert len(told) == 1


async def test_while_nobody_can_be_known_a_good_token_is_no_guess(make_site: Any, views: Entry, hub: Hub) -> None:
    site = await make_site(ip_ban_enabled=True, login_attempts_threshold=3)
    path = hub.config_dir / ".storage" / "auth.json"
    good = path.read_bytes()
    path.write_text("{", encoding="utf-8")
    for _ in range(12):
        answer = await site.get("/test/read", headers=site.bearer("read"))
        assert (answer.status, "list of tokens" in await answer.text()) == (503, True)
    path.write_bytes(good)
    assert (await site.get("/test/read", headers=site.bearer("read"))).status == 200
