"""Every way into a hub with everything in it: each asks the same questions, whatever somebody says about themselves."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import orjson
import pytest
from aiohttp import ClientSession, DummyCookieJar, WSServerHandshakeError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from yarl import URL

from nanobot.config.blueprint_source import _get, fetch
from nanobot.config.blueprints import BlueprintError
from nanobot.contracts.policy import Act, Judgement, Policy, Verdict
from nanobot.contracts.view import Access
from nanobot.hub.entry import Entry
from nanobot.testing.plugin import House
from tests.integrations.http.test_access import PUBLIC

CONFIG = """
nanobot:
  name: Test House
http:
  port: 0
api:
webchat:
openai_api:
mcp_server:
assist:
input_boolean:
  lamp: {initial: false, name: Lamp}
script:
  glow:
    sequence:
      - action: input_boolean.turn_on
        target: {entity_id: input_boolean.lamp}
webhook:
"""
LAMP = "input_boolean.lamp"
HANDSHAKE = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}},
}


class Ways:
    """A hub, a client that says what a test wants, and a token of each access."""

    def __init__(self, house: House, client: ClientSession) -> None:
        self.house = house
        self.hub = house.hub
        self.client = client
        accesses = (Access.READ, Access.USER, Access.ADMIN)
        self.tokens = {access.value: house.hub.credentials.create(access.value, access) for access in accesses}

    @property
    def url(self) -> str:
        return str(self.hub.run_info["url"])

    def bearer(self, who: str | None) -> dict[str, str]:
        return {} if who is None else {"Authorization": f"Bearer {self.tokens[who]}"}

    async def ask(
        self, method: str, path: str, who: str | None = None, body: Any = None, **headers: str
    ) -> tuple[int, str]:
        sent = {name.replace("_", "-"): value for name, value in headers.items()} | self.bearer(who)
        if body is not None:
            sent |= {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}
        data = None if body is None else orjson.dumps(body)
        url = URL(self.url + path, encoded=True)
        async with self.client.request(method, url, headers=sent, data=data, allow_redirects=False) as response:
            if session := response.headers.get("mcp-session-id"):
                return response.status, session
            return response.status, await response.text()

    async def say(self, who: str, *messages: dict[str, Any]) -> list[dict[str, Any]]:
        """The answers on a WebSocket of one's own."""
        answers = []
        async with self.client.ws_connect(f"{self.url}/api/websocket") as socket:
            await socket.send_json({"type": "auth", "access_token": self.tokens[who]})
            assert [(await socket.receive_json())["type"] for _ in range(2)] == ["auth_required", "auth_ok"]
            for number, message in enumerate(messages, 1):
                await socket.send_json({"id": number, **message})
                answers.append(await socket.receive_json())
        return answers

    def is_on(self) -> bool:
        state = self.hub.states.get(LAMP)
        assert state is not None
        return state.state == "on"


@pytest.fixture
async def ways(house: House) -> AsyncIterator[Ways]:
    await house.start(CONFIG)
    async with ClientSession(cookie_jar=DummyCookieJar()) as client:
        yield Ways(house, client)


def concrete(path: str) -> str:
    """An address that fits a route."""
    for name in ("{path:.*}", "{entry_id:.*}"):
        path = path.replace(name, "login.css")
    while "{" in path:
        path = path[: path.index("{")] + "some.thing" + path[path.index("}") + 1 :]
    return path


async def test_no_foreign_page_gets_anything_done_over_any_route(ways: Ways) -> None:
    for origin in ("https://evil.example", "null", "http://127.0.0.1:1"):
        tried = 0
        for view in ways.hub.views:
            for who in (None, "admin"):
                if view.websocket:
                    with pytest.raises(WSServerHandshakeError) as caught:
                        await ways.client.ws_connect(
                            ways.url + view.path, headers={"Origin": origin, **ways.bearer(who)}
                        )
                    assert caught.value.status == 403, view.key
                elif view.method not in ("GET", "HEAD"):
                    status, _ = await ways.ask(view.method, concrete(view.path), who, {}, Origin=origin)
                    assert status == 403, view.key
                tried += 1
        assert tried > 100
        assert not ways.is_on()


async def test_no_route_answers_to_a_foreign_or_malformed_host(ways: Ways) -> None:
    for host, refused in (("evil.example", 403), ("localhost/api", 400), ("localhost#x", 400)):
        for view in ways.hub.views:
            status, _ = await ways.ask(view.method, concrete(view.path), "admin", Host=host)
            assert status == refused, view.key


async def test_without_credentials_nothing_of_all_that_there_is_answers_but_the_way_in(ways: Ways) -> None:
    for view in ways.hub.views:
        if view.access is Access.PUBLIC:
            assert view.key in PUBLIC or view.path == "/api/webhook/{webhook_id}", view.key
        else:
            status, _ = await ways.ask(view.method, concrete(view.path), None, {} if view.method == "POST" else None)
            assert status == 401, view.key


async def test_the_configuration_is_written_by_administrators_alone(ways: Ways) -> None:
    for who in ("read", "user"):
        before = (ways.house.config_dir / "configuration.yaml").read_bytes()
        admin = [view for view in ways.hub.views if view.access is Access.ADMIN]
        assert {"POST /api/config/{domain}/config/{item_id}", "POST /api/config/reload"} <= {view.key for view in admin}
        for view in admin:
            assert (await ways.ask(view.method, concrete(view.path), who, {"a": 1}))[0] == 403, view.key
        commands = [command.type for command in ways.hub.socket_commands if command.access is Access.ADMIN]
        assert {"fire_event", "execute_script", "input_boolean/create"} <= set(commands)
        answers = await ways.say(who, *({"type": kind} for kind in commands))
        assert {answer["error"]["code"] for answer in answers} == {"unauthorized"}
        assert (ways.house.config_dir / "configuration.yaml").read_bytes() == before


async def test_services_that_read_the_configuration_again_or_forget_the_past_take_an_administrator(
    house: House,
) -> None:
    await house.start(CONFIG + "recorder:\ntimer:\nscene:\nautomation:\n")
    async with ClientSession(cookie_jar=DummyCookieJar()) as client:
        ways = Ways(house, client)
        closed = [f"{domain}/reload" for domain in ("automation", "input_boolean", "scene", "timer")]
        closed += [f"recorder/{name}" for name in ("purge", "purge_entities", "disable", "enable")]
        for name in closed:
            assert (await ways.ask("POST", f"/api/services/{name}", "user", {}))[0] == 403, name
        purge = "/api/services/recorder/purge_entities"
        status, text = await ways.ask("POST", purge, "admin", {})
        assert (status, "needs entity_id, domains or entity_globs" in text) == (400, True)


async def test_over_the_api_nobody_writes_what_is_executed_or_who_gets_in(ways: Ways) -> None:
    for domain in ("telegram", "http", "nanobot", "shell", "mcp_server", "litellm", "..", "secrets"):
        before = {path: path.read_bytes() for path in ways.house.config_dir.glob("*.yaml")}
        for item in ("main", "host", "%2e%2e%2fsecrets", "command"):
            for body in ({"command": "id"}, {"host": "0.0.0.0", "allow_remote": True}, {"token": "x"}, {}):
                status, _ = await ways.ask("POST", f"/api/config/{domain}/config/{item}", "admin", body)
                assert status in (400, 404, 409), (domain, item)
        assert {path: path.read_bytes() for path in ways.house.config_dir.glob("*.yaml")} == before


_WORD = st.text("abcdefghijklmnopqrstuvwxyz-", min_size=1, max_size=12).map(lambda text: f"x-{text.strip('-') or 'a'}")
_CLAIMS = st.sampled_from(["admin", "owner", "*", "read,user,admin", "true", "1", "root", "127.0.0.1"])
_NAMES = _WORD | st.sampled_from(
    ["X-Scopes", "X-Access", "X-Role", "X-User", "X-Real-IP", "X-Forwarded-For", "X-Forwarded-User", "Remote-User"]
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(headers=st.dictionaries(_NAMES, _CLAIMS, max_size=6), query=st.dictionaries(_WORD, _CLAIMS, max_size=3))
async def test_nothing_that_a_client_says_of_itself_is_a_right(
    ways: Ways, headers: dict[str, str], query: dict[str, str]
) -> None:
    asked = "&".join(f"{name}={value}" for name, value in query.items())
    assert (await ways.ask("GET", f"/api/error_log?{asked}", "user", **headers))[0] == 403
    assert (await ways.ask("POST", f"/api/services/input_boolean/turn_on?{asked}", "read", {}, **headers))[0] == 403
    assert (await ways.ask("GET", f"/api/states?{asked}", None, **headers))[0] == 401


async def test_a_token_cannot_be_presented_together_with_a_claim(ways: Ways) -> None:
    for claim in ("scope", "scopes", "role", "device_token", "is_admin"):
        async with ways.client.ws_connect(f"{ways.url}/api/websocket") as socket:
            await socket.receive_json()
            await socket.send_json({"type": "auth", "access_token": ways.tokens["read"], claim: "admin"})
            assert (await socket.receive_json())["type"] == "auth_invalid"


class Dark(Policy):
    """Nobody turns the lamp on."""

    actors = frozenset({"agent", "token", "user"})

    def __init__(self) -> None:
        super().__init__("dark")
        self.acts: list[Act] = []

    def judge(self, act: Act) -> Judgement | None:
        if act.what != "input_boolean.turn_on":
            return None
        self.acts.append(act)
        return Judgement(Verdict.DENY, "it stays dark")


async def by_rest(ways: Ways) -> Any:
    return await ways.ask("POST", "/api/services/input_boolean/turn_on", "admin", {"entity_id": LAMP})


async def by_socket(ways: Ways) -> Any:
    call = {"type": "call_service", "domain": "input_boolean", "service": "turn_on", "target": {"entity_id": LAMP}}
    return await ways.say("admin", call)


async def by_script_of_a_client(ways: Ways) -> Any:
    step = {"action": "input_boolean.turn_on", "target": {"entity_id": LAMP}}
    return await ways.say("admin", {"type": "execute_script", "sequence": [step]})


async def by_mcp(ways: Ways) -> Any:
    _, session = await ways.ask("POST", "/mcp", "admin", HANDSHAKE)
    call = {"name": "input_boolean__turn_on", "arguments": {"entity_id": LAMP}}
    message = {"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": call}
    return await ways.ask("POST", "/mcp", "admin", message, Mcp_Session_Id=session)


WAYS = [by_rest, by_socket, by_script_of_a_client, by_mcp]


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
async def test_every_way_to_act_passes_the_policies(ways: Ways, entry: Entry, way: Any) -> None:
    policy = Dark()
    remove = entry.add(policy)
    await way(ways)
    assert policy.acts
    assert not ways.is_on()
    remove()
    await way(ways)
    assert ways.is_on(), "without the rule it works"


async def test_what_belongs_to_one_person_is_not_there_for_another(ways: Ways) -> None:
    people = ways.hub.credentials.people
    for name in ("anna", "ben"):
        user = people.add(name, "correct horse battery")
        ways.tokens[name] = ways.hub.credentials.create(name, Access.USER, user_id=user.id)
    await ways.say("anna", {"type": "frontend/set_user_data", "key": "diary", "value": "dear diary"})
    (own,) = await ways.say("anna", {"type": "frontend/get_user_data", "key": "diary"})
    (other,) = await ways.say("ben", {"type": "frontend/get_user_data", "key": "diary"})
    assert (own["result"]["value"], other["result"]["value"]) == ("dear diary", None)
    (listed,) = await ways.say("ben", {"type": "auth/refresh_tokens"})
    assert "anna" not in str(listed)
    anna = next(one.id for one in ways.hub.credentials.known() if one.name == "anna")
    (ended,) = await ways.say("ben", {"type": "auth/delete_refresh_token", "refresh_token_id": anna})
    assert not ended["success"]
    _, session = await ways.ask("POST", "/mcp", "anna", HANDSHAKE)
    assert (await ways.ask("DELETE", "/mcp", "ben", Mcp_Session_Id=session))[0] == 404


# -- what the hub fetches for somebody --------------------------------------------------------------


class Leads:
    """An answer of the net that leads somewhere else."""

    status = 302

    def __init__(self, where: str) -> None:
        self.headers = {"Location": where}

    async def __aenter__(self) -> Leads:
        return self

    async def __aexit__(self, *why: object) -> None:
        pass


class Net:
    """Leads from the first address to ``where``; notes what is asked."""

    def __init__(self, where: str) -> None:
        self.where = where
        self.asked: list[str] = []

    def get(self, url: str, **more: Any) -> Leads:
        self.asked.append(url)
        return Leads(self.where)


@pytest.mark.parametrize(
    "where",
    ["http://169.254.169.254/latest/meta-data", "https://127.0.0.1:18790/", "https://[::ffff:10.0.0.1]/x",
     "https://[64:ff9b::7f00:1]/x", "file:///etc/passwd", "https://192.168.1.1/x"],
)  # fmt: skip
async def test_a_blueprint_that_leads_into_the_own_network_is_not_followed(where: str) -> None:
    net = Net(where)
    with pytest.raises(BlueprintError):
        await _get(net, "https://example.com/blueprint.yaml", allow_local=False)
    assert net.asked == ["https://example.com/blueprint.yaml"]


async def test_a_blueprint_that_leads_from_one_place_to_the_next_is_given_up() -> None:
    net = Net("https://example.com/blueprint.yaml")
    with pytest.raises(BlueprintError, match="without end"):
        await _get(net, "https://example.com/blueprint.yaml", allow_local=False)


async def test_a_public_name_with_a_private_address_is_not_connected_to(monkeypatch: pytest.MonkeyPatch) -> None:
    async def resolve(self: Any, host: str, port: int = 0, family: Any = 0) -> list[dict[str, Any]]:
        here = {"hostname": host, "host": "127.0.0.1", "port": port, "family": 2, "proto": 6, "flags": 0}
        return [here, {**here, "host": "169.254.169.254"}]

    monkeypatch.setattr("aiohttp.ThreadedResolver.resolve", resolve)
    with pytest.raises(BlueprintError, match="is not a public address"):
        await fetch("https://rebinding.example/blueprint.yaml")
