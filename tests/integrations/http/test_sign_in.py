"""Signing in as Home Assistant's clients do it: step by step, to a code, to tokens; and what ends them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from importlib import import_module
from ipaddress import ip_network
from typing import Any
from urllib.parse import quote

import pytest
from aiohttp import FormData

from nanobot.contracts.view import Access
from nanobot.errors import NanobotError
from nanobot.hub.entry import Entry
from nanobot.hub.hub import Hub
from nanobot.storage.credentials import Kind, Role, passwords, totp
from nanobot.testing.plugin import SetUp

CLIENT = "https://app.example.org/"
BACK = "https://app.example.org/back?x=1"
SECRET = "correct horse"


@pytest.fixture(autouse=True)
def cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a password costs is tested with the passwords."""
    monkeypatch.setattr(passwords, "LOG_N", 4)
    monkeypatch.setattr(passwords, "_NOBODY", f"scrypt$4$8$1${'00' * 16}${'00' * 32}")


@pytest.fixture
def people(site: Any) -> Any:
    found = site.hub.credentials.people
    found.add("anna", SECRET, Role.OWNER, "Anna")
    found.add("ben", SECRET, Role.USER)
    found.add("rita", SECRET, Role.READ_ONLY)
    return found


async def begin(site: Any, client: str = CLIENT, back: str = BACK, handler: str = "homeassistant") -> Any:
    answer = await site.post(
        "/auth/login_flow", {"client_id": client, "handler": [handler, None], "redirect_uri": back}
    )
    return answer.status, await answer.json()


async def step(site: Any, flow: str, **data: str) -> tuple[int, Any]:
    answer = await site.post(f"/auth/login_flow/{flow}", {"client_id": CLIENT, **data})
    return answer.status, await answer.json()


async def code_for(site: Any, username: str, password: str = SECRET) -> str:
    _, form = await begin(site)
    _, told = await step(site, form["flow_id"], username=username, password=password)
    assert told["type"] == "create_entry", told
    return str(told["result"])


async def exchange(site: Any, *, multipart: bool = False, **fields: str) -> tuple[int, Any]:
    data = FormData(fields, default_to_multipart=multipart)
    answer = await site.ask("POST", "/auth/token", data=data)
    assert answer.headers["Cache-Control"] == "no-store"
    return answer.status, await answer.json()


async def signed_in(site: Any, username: str) -> Any:
    code = await code_for(site, username)
    status, tokens = await exchange(site, grant_type="authorization_code", code=code, client_id=CLIENT)
    assert status == 200
    return tokens


def bearer(tokens: Any) -> dict[str, str]:
    return {"Authorization": f"Bearer {tokens['access_token']}"}


async def test_the_ways_to_sign_in_are_told(site: Any) -> None:
    told = await (await site.get("/auth/providers")).json()
    assert told["providers"] == [{"name": "Home Assistant Local", "id": None, "type": "homeassistant"}]


async def test_a_form_asks_for_name_and_password(site: Any, people: Any) -> None:
    status, form = await begin(site)
    assert status == 200
    assert (form["type"], form["step_id"], form["handler"], form["errors"]) == (
        "form", "init", ["homeassistant", None], {},
    )  # fmt: skip
    assert [field["name"] for field in form["data_schema"]] == ["username", "password"]


@pytest.mark.parametrize(("username", "access"), [("anna", "admin"), ("ben", "user"), ("rita", "read")])
@pytest.mark.parametrize("multipart", [False, True], ids=["urlencoded", "multipart"])
async def test_somebody_signs_in_and_may_do_what_their_role_says(
    site: Any, people: Any, views: Entry, username: str, access: str, multipart: bool
) -> None:
    code = await code_for(site, username)
    status, tokens = await exchange(
        site, multipart=multipart, grant_type="authorization_code", code=code, client_id=CLIENT
    )
    assert (status, tokens["token_type"], tokens["expires_in"]) == (200, "Bearer", 1800)
    ranks = ["read", "user", "admin"]
    for wanted in ranks:
        allowed = ranks.index(wanted) <= ranks.index(access)
        assert (await site.get(f"/test/{wanted}", headers=bearer(tokens))).status == (200 if allowed else 403)
    # a refresh token is no access token
    refresh = {"Authorization": f"Bearer {tokens['refresh_token']}"}
    assert (await site.get("/test/read", headers=refresh)).status == 401
    status, again = await exchange(
        site, grant_type="refresh_token", refresh_token=tokens["refresh_token"], client_id=CLIENT
    )
    assert (status, set(again)) == (200, {"access_token", "token_type", "expires_in"})
    assert (await site.get("/test/read", headers=bearer(again))).status == 200


async def test_what_a_client_says_it_may_do_changes_nothing(site: Any, people: Any, views: Entry) -> None:
    claims = {"scope": "admin", "access": "admin", "role": "owner", "user_id": site.hub.credentials.owner_id}
    _, form = await begin(site)
    _, told = await step(site, form["flow_id"], username="rita", password=SECRET, **claims)
    fields: Any = {"grant_type": "authorization_code", "code": told["result"], "client_id": CLIENT, **claims}
    _, tokens = await exchange(site, **fields)
    headers = {**bearer(tokens), "X-Scope": "admin", "X-User": "anna"}
    assert (await site.get("/test/user?scope=admin&access=admin", headers=headers)).status == 403
    assert (await site.get("/test/read", headers=headers)).status == 200


async def test_the_first_owner_is_the_one_that_the_hub_belongs_to(site: Any, people: Any) -> None:
    assert people.named("anna").id == site.hub.credentials.owner_id
    with pytest.raises(NanobotError, match="cannot be removed"):
        people.remove("anna")
    with pytest.raises(NanobotError, match="stays its owner"):
        people.set_role("anna", Role.USER)


async def test_a_wrong_name_and_a_wrong_password_look_alike(site: Any, people: Any) -> None:
    answers = []
    for username, password in (("anna", "wrong password"), ("nobody", SECRET), ("", ""), ("owner", SECRET)):
        _, form = await begin(site)
        status, told = await step(site, form["flow_id"], username=username, password=password)
        answers.append((status, told["type"], told["errors"]))
    assert answers == [(200, "form", {"base": "invalid_auth"})] * 4


@pytest.mark.parametrize(
    ("client", "back"),
    [
        ("https://app.example.org/", "https://evil.example.org/back"),
        ("https://app.example.org/", "https://app.example.org:8443/"),
        ("https://app.example.org/", "http://app.example.org/"),
        ("https://app.example.org/", "https://app.example.org@evil.example.org/"),
        ("https://app.example.org/", "https://app.example.org\\@evil.example.org/"),
        ("https://app.example.org/", "javascript:alert(1)"),
        ("javascript:alert(1)", "javascript:alert(1)"),
        ("https://user:x@app.example.org/", "https://user:x@app.example.org/"),
        ("https://app.example.org/#x", "https://app.example.org/#x"),
        ("https://93.184.216.34/", "https://93.184.216.34/"),
        ("app.example.org", "app.example.org"),
        ("", ""),
        ("https://home-assistant.io/android", "homeassistant://evil"),
    ],
)
async def test_a_client_is_only_sent_back_to_itself(site: Any, people: Any, client: str, back: str) -> None:
    status, _ = await begin(site, client, back)
    assert status == 403
    address = (
        f"/auth/authorize?response_type=code&client_id={quote(client, safe='')}&redirect_uri={quote(back, safe='')}"
    )
    assert (await site.get(address)).status == 400


async def test_the_page_to_sign_in_for_a_client_may_not_be_framed_and_runs_no_foreign_script(site: Any) -> None:
    answer = await site.get(f"/auth/authorize?response_type=code&client_id={quote(CLIENT)}&redirect_uri={quote(BACK)}")
    assert answer.status == 200
    policy = answer.headers["Content-Security-Policy"]
    assert "script-src 'self';" in policy
    assert "frame-ancestors 'none'" in policy
    text = await answer.text()
    assert text.count("<script") == text.count('<script type="module" src="/auth/www/authorize.js">') == 1
    assert "example.org" not in text


async def test_the_apps_of_home_assistant_come_back_by_their_own_address(site: Any, people: Any) -> None:
    status, form = await begin(site, "https://home-assistant.io/android", "homeassistant://auth-callback")
    assert (status, form["type"]) == (200, "form")


async def test_a_foreign_page_cannot_sign_anybody_in(site: Any, people: Any) -> None:
    body = {"client_id": CLIENT, "handler": ["homeassistant", None], "redirect_uri": BACK}
    answer = await site.post("/auth/login_flow", body, headers={"Origin": "https://evil.example.org"})
    assert answer.status == 403


async def test_a_code_works_once_for_its_client_and_ten_minutes(
    site: Any, people: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad = (400, {"error": "invalid_request", "error_description": "Invalid code"})
    code = await code_for(site, "ben")
    assert (await exchange(site, grant_type="authorization_code", code=code, client_id="https://other.org/")) == bad
    assert (await exchange(site, grant_type="authorization_code", code=code, client_id=CLIENT)) == bad
    code = await code_for(site, "ben")
    assert (await exchange(site, grant_type="authorization_code", code=code, client_id=CLIENT))[0] == 200
    assert (await exchange(site, grant_type="authorization_code", code=code, client_id=CLIENT)) == bad
    flows = import_module(type(site.entry.data.dispatcher).__module__.replace("dispatch", "flows"))
    assert flows.LASTS == 600
    code = await code_for(site, "ben")
    now = asyncio.get_running_loop().time
    monkeypatch.setattr(flows.Flows, "_now", lambda self: now() + 601)
    assert (await exchange(site, grant_type="authorization_code", code=code, client_id=CLIENT)) == bad


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({}, {"error": "unsupported_grant_type"}),
        ({"grant_type": "password"}, {"error": "unsupported_grant_type"}),
        (
            {"grant_type": "authorization_code", "code": "x"},
            {"error": "invalid_request", "error_description": "Invalid client id"},
        ),
        (
            {"grant_type": "authorization_code", "client_id": CLIENT},
            {"error": "invalid_request", "error_description": "Invalid code"},
        ),
        ({"grant_type": "refresh_token", "client_id": CLIENT}, {"error": "invalid_request"}),
        ({"grant_type": "refresh_token", "refresh_token": "x", "client_id": CLIENT}, {"error": "invalid_grant"}),
    ],
)
async def test_what_makes_no_token_says_why(site: Any, fields: dict[str, str], error: Any) -> None:
    assert await exchange(site, multipart=bool(fields), **fields) == (400, error)


async def test_a_body_that_is_not_what_it_says_is_refused(site: Any) -> None:
    for headers, status in (
        ({"Content-Type": "multipart/form-data; boundary=x"}, 400),
        ({"Content-Type": "multipart/form-data"}, 400),
        ({"Content-Type": "application/json"}, 415),
        ({"Content-Type": "application/octet-stream"}, 415),
    ):
        answer = await site.ask("POST", "/auth/token", data=b'{"grant_type": "refresh_token"}', headers=headers)
        assert answer.status == status, headers
    answer = await site.ask("POST", "/auth/token", data={"grant_type": "x" * 5000})
    assert answer.status == 413
    answer = await site.ask(
        "POST", "/auth/login_flow", data=b"{}", headers={"Content-Type": "multipart/form-data; boundary=x"}
    )
    assert answer.status == 415


@pytest.mark.parametrize(
    "line", [b"no header", b"\x00: y", b'Content-Disposition: form-data; name="\x00"', b"x" * 9000]
)
@pytest.mark.parametrize("path", ["/auth/token", "/auth/revoke"])
async def test_a_broken_form_is_refused_and_no_fault(
    site: Any, caplog: pytest.LogCaptureFixture, path: str, line: bytes
) -> None:
    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    answer = await site.ask("POST", path, data=b"--x\r\n" + line + b"\r\n\r\nvalue\r\n--x--\r\n", headers=headers)
    assert answer.status in (400, 413)
    assert "Traceback" not in caplog.text


async def test_a_refresh_token_is_for_its_client_alone(site: Any, people: Any) -> None:
    tokens = await signed_in(site, "ben")
    answer = await exchange(
        site, grant_type="refresh_token", refresh_token=tokens["refresh_token"], client_id="https://other.org/"
    )
    assert answer == (400, {"error": "invalid_request"})


async def test_an_access_token_ends_after_half_an_hour(
    site: Any, people: Any, views: Entry, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokens = await signed_in(site, "ben")
    now = site.hub.clock.time
    monkeypatch.setattr(site.hub.clock, "time", lambda: now() + 1799)
    assert (await site.get("/test/read", headers=bearer(tokens))).status == 200
    monkeypatch.setattr(site.hub.clock, "time", lambda: now() + 1801)
    assert (await site.get("/test/read", headers=bearer(tokens))).status == 401


async def test_a_sign_in_ends_after_ninety_days_without_use(
    site: Any, people: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokens = await signed_in(site, "ben")
    fields = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"], "client_id": CLIENT}
    real, moved = site.hub.clock.time, 0.0
    monkeypatch.setattr(site.hub.clock, "time", lambda: real() + moved)
    for _ in range(2):
        moved += 89 * 86400.0
        assert (await exchange(site, **fields))[0] == 200
        await asyncio.to_thread(site.hub.credentials.save_uses)
    moved += 91 * 86400.0
    assert (await exchange(site, **fields)) == (400, {"error": "invalid_grant"})


async def test_a_changed_access_token_is_nobody(site: Any, people: Any, views: Entry) -> None:
    tokens = await signed_in(site, "rita")
    name, until, mac = tokens["access_token"].split(".")
    other = next(one.id for one in site.hub.credentials.known() if one.name == "admin")
    for wrong in (
        f"{name}.{int(until) + 1000}.{mac}",
        f"nba_{other}.{until}.{mac}",
        f"{name}.{until}.",
        f"{name}.{until}",
        f"{name}.{'9' * 400}.{mac}",
        f"{name}.{until}.é",
    ):
        headers = {"Authorization": f"Bearer {wrong}".encode().decode("latin-1")}
        assert (await site.get("/test/read", headers=headers)).status == 401


@pytest.mark.parametrize("how", ["revoke", "remove", "role", "password"])
async def test_what_is_taken_back_ends_open_sockets_within_a_second(
    site: Any, people: Any, views: Entry, how: str
) -> None:
    tokens = await signed_in(site, "ben")
    async with site.client.ws_connect(f"{site.url}/test/read/ws", headers=bearer(tokens)) as socket:
        await socket.send_str("a")
        assert await socket.receive_str() == "heard a"
        if how == "revoke":
            answer = await site.ask("POST", "/auth/revoke", data={"token": tokens["refresh_token"]})
            assert (answer.status, answer.headers["Content-Length"]) == (200, "0")
        else:
            elsewhere = type(site.hub.credentials)(site.hub.config_dir / ".storage", site.hub.clock).people
            change = {
                "remove": lambda: elsewhere.remove("ben"),
                "role": lambda: elsewhere.set_role("ben", Role.READ_ONLY),
                "password": lambda: elsewhere.set_password("ben", "another password"),
            }[how]
            await asyncio.to_thread(change)
        async with asyncio.timeout(1.0):
            await socket.receive()
        assert socket.close_code == 4401
    expected = 403 if how == "role" else 401
    assert (await site.get("/test/user", headers=bearer(tokens))).status == expected


async def test_revoking_what_is_unknown_says_nothing(site: Any) -> None:
    assert (await site.ask("POST", "/auth/revoke", data={"token": "x"})).status == 200


async def test_a_second_factor_is_asked_for_and_works_once(site: Any, people: Any) -> None:
    secret = totp.new_secret()
    now = site.hub.clock.time()
    people.set_totp("ben", secret, totp.code_at(secret, int(now // totp.STEP) - 1))
    used: list[str] = []
    for _ in range(2):
        _, form = await begin(site)
        _, form = await step(site, form["flow_id"], username="ben", password=SECRET)
        assert (form["type"], form["step_id"], form["errors"]) == ("form", "mfa", {})
        assert form["data_schema"] == [{"type": "string", "name": "code", "required": True}]
        for code in used:
            _, told = await step(site, form["flow_id"], code=code)
            assert told["errors"] == {"base": "invalid_code"}
        code = totp.code_at(secret, int(now // totp.STEP) + len(used))
        _, told = await step(site, form["flow_id"], code=code)
        assert told["type"] == "create_entry"
        used.append(code)


async def test_a_new_password_ends_what_was_begun_with_the_old_one(site: Any, people: Any) -> None:
    code = await code_for(site, "ben")
    await asyncio.to_thread(people.set_password, "ben", "another password")
    status, told = await exchange(site, grant_type="authorization_code", code=code, client_id=CLIENT)
    assert (status, told["error"]) == (400, "invalid_request")
    assert site.hub.credentials.known(Kind.REFRESH) == []


async def test_three_wrong_codes_end_the_sign_in(site: Any, people: Any) -> None:
    secret = totp.new_secret()
    now = site.hub.clock.time()
    people.set_totp("ben", secret, totp.code_at(secret, int(now // totp.STEP)))
    _, form = await begin(site)
    await step(site, form["flow_id"], username="ben", password=SECRET)
    told = [(await step(site, form["flow_id"], code=code))[1]["type"] for code in ("000000", "x", "")]
    assert told == ["form", "form", "abort"]
    assert (await step(site, form["flow_id"], code="000000"))[0] == 404


async def test_passwords_guessed_at_once_count_each(site: Any, people: Any) -> None:
    forms = [(await begin(site))[1]["flow_id"] for _ in range(16)]
    answers = await asyncio.gather(
        *(step(site, flow, username="anna", password=f"guess number {n}") for n, flow in enumerate(forms))
    )
    assert sum(1 for status, _ in answers if status == 200) <= 10
    assert {status for status, _ in answers} <= {200, 429}
    left = 10 - sum(1 for status, _ in answers if status == 200)
    for _ in range(left):
        assert (await step(site, forms[-1], username="anna", password="wrong"))[0] == 200
    assert (await step(site, forms[-1], username="anna", password=SECRET))[0] == 429


async def test_a_right_password_costs_no_guess(site: Any, people: Any) -> None:
    for _ in range(12):
        await code_for(site, "ben")


async def test_refresh_tokens_are_guessed_as_slowly_as_everything_else(site: Any) -> None:
    fields: Any = {"grant_type": "refresh_token", "client_id": CLIENT}
    for number in range(10):
        assert (await exchange(site, refresh_token=f"nbr_{number}", **fields))[0] == 400
    assert (await exchange(site, refresh_token="nbr_11", **fields))[0] == 429
    assert (await site.get("/auth/me", headers=site.bearer("admin"))).status == 429


async def test_our_own_pages_take_the_code_for_a_session_and_no_other_clients_code(site: Any, people: Any) -> None:
    own = f"{site.url}/"
    origin = {"Origin": site.url}
    for client, back, status in ((own, f"{site.url}/login", 200), (CLIENT, BACK, 401)):
        _, form = await begin(site, client, back)
        answer = await site.post(
            f"/auth/login_flow/{form['flow_id']}", {"client_id": client, "username": "rita", "password": SECRET}
        )
        code = (await answer.json())["result"]
        answer = await site.post("/auth/login", {"code": code, "client_id": client}, headers=origin)
        assert answer.status == status
        if status == 200:
            [cookie] = answer.cookies.values()
            me = await (await site.get("/auth/me", cookies={cookie.key: cookie.value})).json()
            assert me["access"] == "read"


# -- addresses --------------------------------------------------------------------------------------


async def test_a_signed_path_opens_itself_and_nothing_else(
    site: Any, views: Entry, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = next(one for one in site.hub.credentials.known() if one.name == "read")
    sign = site.hub.credentials.sign_path
    signature = sign(token.id, "/test/read?x=1", 60)
    assert (await site.get(f"/test/read?x=1&authSig={signature}")).status == 200
    assert (await site.get(f"/test/%72ead?authSig={signature}&x=1")).status == 200
    for path in ("/test/read", "/test/read?x=2", "/test/read?x=1&y=2", "/test/user?x=1", "/test/public/../read?x=1"):
        joined = f"{path}{'&' if '?' in path else '?'}authSig={signature}"
        assert (await site.get(joined)).status in (400, 401, 404), path
    assert (await site.post(f"/test/read?x=1&authSig={signature}")).status == 401
    narrow = sign(token.id, "/test/user", 60)
    assert (await site.get(f"/test/user?authSig={narrow}")).status == 403  # it opens what the credential does
    now = site.hub.clock.time
    monkeypatch.setattr(site.hub.clock, "time", lambda: now() + 61)
    assert (await site.get(f"/test/read?x=1&authSig={signature}")).status == 401


async def test_what_a_revoked_credential_has_signed_ends_with_it(site: Any, views: Entry) -> None:
    token = next(one for one in site.hub.credentials.known() if one.name == "read")
    signature = site.hub.credentials.sign_path(token.id, "/test/read", 60)
    site.hub.credentials.rotate("read")
    assert (await site.get(f"/test/read?authSig={signature}")).status == 401


async def test_who_guesses_again_and_again_is_banned_until_somebody_lifts_it(
    make_site: Callable[..., Awaitable[Any]], views: Entry, hub: Hub
) -> None:
    site = await make_site(login_attempts_threshold=3)
    for _ in range(3):
        assert (await site.get("/test/read", headers={"Authorization": "Bearer wrong"})).status == 401
    async with asyncio.timeout(2.0):
        while (issue := hub.issues.get("http.banned")) is None:
            await asyncio.sleep(0.02)
    assert "127.0.0.1" in str(issue.as_dict("en"))
    assert (await site.get("/test/read", headers=site.bearer("admin"))).status == 403
    assert (await site.get("/health")).status == 403
    elsewhere = type(hub.credentials)(hub.config_dir / ".storage", hub.clock)
    assert [one.network for one in elsewhere.bans.all()] == ["127.0.0.1"]
    await asyncio.to_thread(elsewhere.bans.lift, "127.0.0.1")
    assert (await site.get("/test/read", headers=site.bearer("admin"))).status == 200
    async with asyncio.timeout(2.0):
        while hub.issues.get("http.banned"):
            await asyncio.sleep(0.02)


async def test_nobody_is_banned_unless_it_is_asked_for(site: Any, views: Entry) -> None:
    for number in range(10):
        await site.get("/test/read", headers={"Authorization": f"Bearer wrong{number}"})
    assert site.hub.credentials.bans.all() == []


@pytest.mark.parametrize("trusted", [True, False])
async def test_a_forwarded_address_counts_only_from_a_proxy_that_is_named(
    make_site: Callable[..., Awaitable[Any]], views: Entry, trusted: bool
) -> None:
    site = await make_site(trusted_proxies=["127.0.0.1"] if trusted else ["192.0.2.1"])
    for number in range(10):
        headers = {"Authorization": "Bearer wrong", "X-Forwarded-For": "10.9.9.9, 198.51.100.7"}
        assert (await site.get("/test/read", headers=headers)).status == 401, number
    same = {**site.bearer("admin"), "X-Forwarded-For": "198.51.100.7"}
    other = {**site.bearer("admin"), "X-Forwarded-For": "198.51.100.8"}
    assert (await site.get("/test/read", headers=same)).status == 429
    assert (await site.get("/test/read", headers=other)).status == (200 if trusted else 429)


async def test_nobody_is_trusted_by_address_unless_the_networks_and_people_are_named(
    make_site: Callable[..., Awaitable[Any]], hub: Hub
) -> None:
    people = hub.credentials.people
    people.add("ben", SECRET, Role.USER)
    tablet = {"users": ["ben", "gone"]}
    site = await make_site(trusted_networks=[{"networks": ["0.0.0.0/0", "::/0"], **tablet}])
    assert len((await (await site.get("/auth/providers")).json())["providers"]) == 1  # this computer is not meant
    assert (await begin(site, handler="trusted_networks"))[0] == 403
    site.entry.data.dispatcher.trust = type(site.entry.data.dispatcher.trust).of(
        [{"networks": [ip_network("127.0.0.0/8")], **tablet}]
    )
    _, form = await begin(site, handler="trusted_networks")
    assert form["data_schema"] == [{"type": "select", "options": [["ben", "ben"]], "name": "user", "required": True}]
    _, told = await step(site, form["flow_id"], user="anna")
    assert told["errors"] == {"base": "invalid_auth"}
    _, told = await step(site, form["flow_id"], user="ben")
    _, tokens = await exchange(site, grant_type="authorization_code", code=told["result"], client_id=CLIENT)
    [client] = hub.credentials.known(Kind.REFRESH)
    assert (client.access, client.provider) == (Access.USER, "trusted_networks")
    # behind a proxy that is not named, the address is nobody's
    for name in ("X-Forwarded-For", "Forwarded", "Via", "X-Real-IP"):
        answer = await site.get("/auth/providers", headers={name: "127.0.0.1"})
        assert len((await answer.json())["providers"]) == 1
    _, form = await begin(site, handler="trusted_networks")
    site.entry.data.dispatcher.trust = type(site.entry.data.dispatcher.trust)()
    fields = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"], "client_id": CLIENT}
    assert (await exchange(site, **fields))[0] == 403  # trusted no longer
    assert (await step(site, form["flow_id"], user="ben"))[1]["errors"] == {"base": "invalid_auth"}


async def test_a_network_that_is_none_is_named(set_up: SetUp) -> None:
    with pytest.raises(Exception, match="is no network"):
        await set_up("http", {"port": 0, "trusted_proxies": ["office"]})
