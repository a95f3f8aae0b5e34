"""What happens when the other system cannot be reached, refuses, falls silent, or is no longer configured."""

from __future__ import annotations

import asyncio
import logging
import ssl
import subprocess
from pathlib import Path

import pytest
from aiohttp import web

from integrations import home_assistant
from nanobot.errors import ServiceError
from nanobot.hub.entry import EntryState
from nanobot.hub.hub import Hub
from nanobot.testing.plugin import House
from tests.machine import need
from tests.servers._home_assistant import Scripted

from .conftest import Connect, Remote, state, until


async def test_a_server_that_restarts_is_away_and_then_current(connect: Connect, remote: Remote, house: House) -> None:
    await connect(remote)
    hub = house.hub
    await remote.stop()
    await until(lambda: state(hub, "input_boolean.lamp") == "unavailable")
    lamp = hub.states.get("input_boolean.lamp")
    assert lamp is not None
    assert lamp.name == "Desk lamp"
    assert "editable" not in lamp.attributes
    assert state(hub, "binary_sensor.home_assistant_home") == "off"
    await until(lambda: house.entry("home_assistant").state is EntryState.RETRYING)
    assert "cannot be reached" in str(house.entry("home_assistant").error) or "closed" in str(
        house.entry("home_assistant").error
    )
    with pytest.raises(ServiceError, match=r"cannot be called: the Home Assistant home is away \(.*tried again"):
        await hub.services.call("script", "greet", {"who": "Ann"})
    await remote.start()
    await remote.hub.services.call("input_boolean", "turn_on", target={"entity_id": ["input_boolean.lamp"]})
    await until(lambda: state(hub, "input_boolean.lamp") == "on")
    await until(lambda: house.entry("home_assistant").state is EntryState.LOADED)


async def test_a_server_that_is_away_at_the_start_is_waited_for(connect: Connect, remote: Remote, house: House) -> None:
    await remote.stop()
    await connect(remote)
    await until(lambda: house.entry("home_assistant").state is EntryState.RETRYING)
    assert "cannot be reached" in str(house.entry("home_assistant").error)
    await remote.start()
    await until(lambda: state(house.hub, "input_boolean.lamp") == "off")


async def test_a_wrong_token_is_an_issue_and_is_not_tried_again(scripted: Scripted, house: House) -> None:
    await house.apply(f"home_assistant:\n  url: {scripted.url}\n  token: canary-of-a-token\n")
    await until(lambda: house.entry("home_assistant").state is EntryState.FAILED)
    (issue,) = house.hub.issues
    assert "refuses the token. Make a new one there" in issue.text()
    await asyncio.sleep(0.3)
    assert scripted.connections == 1
    with pytest.raises(ServiceError, match=r"is away \(http.* refuses the token.*'token'\)$"):
        await house.hub.services.call("home_assistant", "call", {"service": "light.turn_on"})
    assert "canary" not in issue.text() + str([one.as_dict() for one in house.hub.states])
    await house.apply(f"home_assistant:\n  url: {scripted.url}\n  token: {scripted.token}\n")
    assert house.entry("home_assistant").state is EntryState.LOADED
    assert state(house.hub, "light.desk") == "off"
    assert not len(house.hub.issues)


async def test_a_token_that_is_revoked_ends_it(connect: Connect, remote: Remote, house: House) -> None:
    await connect(remote)
    remote.hub.credentials.revoke("mirror")
    await until(lambda: house.entry("home_assistant").state is EntryState.FAILED)
    assert state(house.hub, "input_boolean.lamp") == "unavailable"
    assert any("refuses the token" in issue.text() for issue in house.hub.issues)


async def test_a_call_that_is_cut_off_ends_with_a_sentence(connect: Connect, remote: Remote, hub: Hub) -> None:
    await connect(remote)
    began = asyncio.Event()
    remote.hub.bus.listen("slow_began", lambda event: began.set())
    calling = asyncio.create_task(hub.services.call("script", "slow"))
    await began.wait()
    await remote.stop()
    with pytest.raises(ServiceError, match=r"went away during script\.slow; whether it was done is not known"):
        await calling
    await remote.start()


async def test_a_call_has_an_end(connect: Connect, scripted: Scripted, hub: Hub) -> None:
    await connect(scripted, timeout=1)
    with pytest.raises(ServiceError, match=r"did not end light\.turn_on within 1 s; it may still be at it"):
        await hub.services.call("light", "turn_on", {"flash": "for ever"}, target={"entity_id": ["light.desk"]})


async def test_a_server_that_falls_silent_is_given_up(
    connect: Connect, scripted: Scripted, house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("integrations.home_assistant.connection.ASKED_EVERY", 0.1)
    monkeypatch.setattr("integrations.home_assistant.connection.ALIVE_WITHIN", 0.7)
    await connect(scripted)
    await asyncio.sleep(0.3)
    assert scripted.connections == 1
    scripted.is_silent = True
    await until(lambda: state(house.hub, "light.desk") == "unavailable")
    assert "no sign of life" in str(house.entry("home_assistant").error)
    scripted.is_silent = False
    await until(lambda: state(house.hub, "light.desk") == "off")


@pytest.mark.parametrize(
    ("status", "headers", "said"),
    [
        (404, {}, "there is no Home Assistant at"),
        (403, {}, "it may stand in ip_bans.yaml"),
        (302, {"Location": "http://127.0.0.1:1/api/websocket"}, "leads on to http://127.0.0.1:1/api/websocket"),
    ],
)
async def test_what_is_no_home_assistant_gets_no_token(
    house: House, status: int, headers: dict[str, str], said: str
) -> None:
    async def answer(request: web.Request) -> web.Response:
        return web.Response(status=status, headers=headers)

    app = web.Application()
    app.router.add_get("/api/websocket", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = site._server.sockets[0].getsockname()[1]  # type: ignore[union-attr]
    await house.apply(f"home_assistant:\n  url: http://127.0.0.1:{port}\n  token: x\n")
    await until(lambda: house.entry("home_assistant").state is EntryState.RETRYING)
    assert said in str(house.entry("home_assistant").error)
    await runner.cleanup()


async def test_a_certificate_that_nobody_vouches_for_is_taken_only_when_asked_to(
    connect: Connect, hub: Hub, house: House, tmp_path: Path
) -> None:
    need("openssl")
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    names = ["-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run([*command, *names, "-keyout", str(key), "-out", str(cert)], check=True, capture_output=True)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(cert, key)
    server = Scripted()
    await server.start(tls=tls)
    await connect(server)
    await until(lambda: house.entry("home_assistant").state is EntryState.RETRYING)
    assert "is not valid; 'verify_ssl: false' takes it as it is" in str(house.entry("home_assistant").error)
    assert server.connections == 0
    await connect(server, verify_ssl=False)
    await until(lambda: state(hub, "light.desk") == "off")
    await server.stop()


async def test_an_edit_connects_only_what_is_other_than_before(
    connect: Connect, remote: Remote, scripted: Scripted, hub: Hub
) -> None:
    await connect(scripted, remote)
    await connect(scripted, remote, and_also="input_number:\n  own: {min: 0, max: 1}\n")
    assert scripted.connections == 1
    await connect(scripted, remote, prefix="far_")
    assert scripted.connections == 2
    assert "light.desk" not in hub.states
    await until(lambda: state(hub, "light.far_desk") == "off")
    await connect(scripted)
    assert scripted.connections == 3
    assert "input_boolean.lamp" not in hub.states
    assert not hub.services.has("script", "greet")
    assert hub.services.has("light", "turn_on")


async def test_it_says_so_as_long_as_one_of_several_is_away(
    connect: Connect, remote: Remote, scripted: Scripted, house: House
) -> None:
    await connect(scripted, remote)
    await remote.stop()
    await scripted.stop()
    hub = house.hub
    connected = {"binary_sensor.home_assistant_home": "off", "binary_sensor.home_assistant_home1": "off"}
    await until(lambda: {one: state(hub, one) for one in connected} == connected)
    await scripted.start()
    await until(lambda: state(hub, "binary_sensor.home_assistant_home") == "on")
    assert state(hub, "integration.home_assistant") == "retrying"
    await connect(scripted)
    assert state(hub, "integration.home_assistant") == "loaded"
    await remote.start()


async def test_nothing_is_left_and_no_secret_is_told(
    connect: Connect, remote: Remote, house: House, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    before = {service.domain for service in house.hub.services}
    await connect(remote)
    token = remote.token
    await until(lambda: "input_boolean.lamp" in house.hub.states)
    await remote.stop()
    await until(lambda: house.entry("home_assistant").state is EntryState.RETRYING)
    await house.apply("input_boolean:\n  lamp:\n")
    assert [one.entity_id for one in house.hub.entities] == ["input_boolean.lamp"]
    assert {service.domain for service in house.hub.services} - before == {"input_boolean"}
    assert not len(house.hub.issues)
    assert token not in caplog.text
    await remote.start()


async def test_a_configuration_that_makes_no_sense_is_refused(house: House) -> None:
    applied = await house.apply(
        "home_assistant:\n"
        "  - {url: 'http://ann:secret@house.lan:8123', token: x}\n"
        "  - {url: 'http://house.lan:8123', tokn: x}\n"
    )
    told = "\n".join(map(str, applied.problems))
    assert "has a name or password in it; what signs in is 'token'" in told
    assert "did you mean 'token'?" in told
    assert "secret" not in told
    applied = await house.apply(
        "home_assistant:\n  - {url: 'http://a.lan', token: x}\n  - {url: 'http://b.lan', token: x}\n"
    )
    assert "there are two servers named 'home'" in "\n".join(map(str, applied.problems))


def test_the_audit_tells_of_tokens_that_others_can_read() -> None:
    urls = ("http://127.0.0.1:8123", "http://house.lan:8123", "http://house.example.com", "https://house.example.com")
    config = home_assistant.CONFIG_SCHEMA(
        [{"name": f"n{i}", "url": url, "token": "x", "verify_ssl": i != 3} for i, url in enumerate(urls)]
    )
    found = [(one.key, one.severity, one.path) for one in home_assistant.audit(config)]
    assert found == [
        ("plain", "warning", (1, "url")),
        ("plain", "error", (2, "url")),
        ("unverified", "warning", (3, "verify_ssl")),
    ]
    assert "the services * of the Home Assistant n0 are called" in home_assistant.rights(config)
