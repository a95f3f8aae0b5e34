"""Where it listens, how it moves, what it serves from folders, and that views come and go while it runs."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientConnectorError, ClientSession, web

from nanobot.contracts.view import Access, View
from nanobot.hub.entry import Entry, EntryState
from nanobot.hub.hub import Hub, Phase
from nanobot.hub.web import StaticFolder, json_response
from nanobot.testing.plugin import House, SetUp
from tests.machine import need

Make = Callable[..., Awaitable[Any]]


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


async def test_health_is_public_and_small(site: Any) -> None:
    answer = await site.get("/health")
    assert (answer.status, await answer.json()) == (200, {"status": "ok"})
    assert (await site.get("/health/ready")).status == 200
    site.hub.phase = Phase.STARTING
    assert (await site.get("/health/ready")).status == 503
    assert (await site.ask("HEAD", "/health")).status == 200


async def test_the_address_is_told_to_other_processes(site: Any) -> None:
    assert site.hub.run_info["url"] == f"http://127.0.0.1:{site.port}"


async def test_the_command_line_chooses_the_port(hub: Hub, set_up: SetUp) -> None:
    hub.port_override = free_port()
    entry = await set_up("http", {"port": 1})
    assert entry.data.port == hub.port_override


async def test_a_port_in_use_is_said_and_tried_again(house: House) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        await house.start(f"http:\n  port: {port}\n")
        entry = house.entry("http")
        assert entry.state is EntryState.RETRYING
        assert entry.error == (
            f"port {port} on 127.0.0.1 is in use by another program; stop that one, or choose another port with "
            "http > port or --port"
        )


REMOTE = "http > host 0.0.0.0 would open this hub to the network."


@pytest.mark.parametrize(
    ("host", "allowed", "credentials", "error"),
    [
        ("127.0.0.1", False, False, None),
        ("localhost", False, False, None),
        ("127.0.0.1", True, True, None),
        ("0.0.0.0", False, False, REMOTE),
        ("0.0.0.0", False, True, REMOTE),
        ("0.0.0.0", True, False, "http > host 0.0.0.0 opens this hub to the network, but nobody can sign in yet."),
        ("0.0.0.0", True, True, None),
    ],
)
async def test_it_opens_to_the_network_only_when_that_is_meant_and_safe(
    house: House, host: str, allowed: bool, credentials: bool, error: str | None
) -> None:
    if credentials:
        house.hub.credentials.create("phone")
    await house.start(f"http:\n  port: 0\n  host: {host}\n  allow_remote: {str(allowed).lower()}\n")
    entry = house.entry("http")
    if error is None:
        assert entry.state is EntryState.LOADED
        assert ("http.unencrypted" in house.hub.issues) is (host == "0.0.0.0")
        return
    assert entry.state is EntryState.FAILED
    assert (entry.error or "").startswith(error)
    assert "http.setup_failed" in house.hub.issues


async def test_lists_change_without_anybody_noticing(
    make_site: Make, views: Entry, set_up: SetUp, house: House
) -> None:
    site = await make_site()
    async with site.client.ws_connect(f"{site.url}/test/read/ws", headers=site.bearer("read")) as open_socket:
        headers = {"Host": "hub.example", **site.bearer("read")}
        assert (await site.get("/test/read", headers=headers)).status == 403
        entry = await set_up("http", {"port": 0, "trusted_hosts": ["hub.example"]})
        assert entry is site.entry
        assert (await site.get("/test/read", headers=headers)).status == 200
        await open_socket.send_str("a")
        assert await open_socket.receive_str() == "heard a"


async def test_it_moves_to_another_port_and_keeps_who_is_connected(
    make_site: Make, views: Entry, set_up: SetUp
) -> None:
    site = await make_site()
    old = site.url
    async with site.client.ws_connect(f"{old}/test/read/ws", headers=site.bearer("read")) as open_socket:
        port = free_port()
        entry = await set_up("http", {"port": port})
        assert entry is site.entry
        assert site.url == f"http://127.0.0.1:{port}" == site.hub.run_info["url"]
        assert (await site.get("/health")).status == 200
        with pytest.raises(ClientConnectorError):
            await site.client.get(f"{old}/health")
        await open_socket.send_str("a")
        assert await open_socket.receive_str() == "heard a"


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has all of 127.0.0.0/8")
async def test_the_same_port_can_be_opened_to_the_network_and_closed_again(
    make_site: Make, views: Entry, set_up: SetUp, house: House
) -> None:
    site = await make_site()
    port = site.port
    async with site.client.ws_connect(f"{site.url}/test/read/ws", headers=site.bearer("read")) as open_socket:
        await set_up("http", {"port": port})
        assert "http.edit_refused" not in house.hub.issues
        await set_up("http", {"port": port, "host": "0.0.0.0", "allow_remote": True})
        assert (await site.get("/health")).status == 200
        await set_up("http", {"port": port, "host": ["127.0.0.1", "127.0.0.2"]})
        assert (await site.client.get(f"http://127.0.0.2:{port}/health")).status == 200
        await house.apply(f"http:\n  port: {port}\n  host: 203.0.113.7\n  allow_remote: true\n")
        assert "http.edit_refused" in house.hub.issues
        assert (await site.client.get(f"http://127.0.0.2:{port}/health")).status == 200
        await open_socket.send_str("a")
        assert await open_socket.receive_str() == "heard a"


async def test_a_move_to_a_port_in_use_changes_nothing(make_site: Make, house: House) -> None:
    site = await make_site()
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        await house.apply(f"http:\n  port: {other.getsockname()[1]}\n")
        assert (await site.get("/health")).status == 200
        assert "http.edit_refused" in house.hub.issues


async def test_unloading_closes_everything(make_site: Make, views: Entry, house: House) -> None:
    site = await make_site()
    url = site.url
    async with site.client.ws_connect(f"{url}/test/read/ws", headers=site.bearer("read")) as open_socket:
        goodbye = asyncio.create_task(open_socket.receive())
        await house.apply("")
        async with asyncio.timeout(2):
            await goodbye
        assert open_socket.close_code == 1012
    with pytest.raises(ClientConnectorError):
        await site.client.get(f"{url}/health")
    assert {view.key for view in house.hub.views} == {view.key for view in house.hub.views if "/test/" in view.key}


async def test_views_come_and_go_while_it_runs(site: Any, entry: Entry) -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        return json_response(dict(request.match_info))

    headers = site.bearer("read")
    assert (await site.get("/new/thing", headers=headers)).status == 404
    remove = entry.add(View("GET", "/new/{name}", Access.READ, handler))
    assert await (await site.get("/new/thing%20two", headers=headers)).json() == {"name": "thing two"}
    assert (await site.get("/new/a/b", headers=headers)).status == 404
    entry.add(View("GET", "/new/{rest:.*}", Access.READ, handler))
    assert await (await site.get("/new/thing", headers=headers)).json() == {"name": "thing"}
    assert await (await site.get("/new/a/b", headers=headers)).json() == {"rest": "a/b"}
    remove()
    assert await (await site.get("/new/thing", headers=headers)).json() == {"rest": "thing"}


@pytest.fixture
def folder(tmp_path: Path, entry: Entry) -> Path:
    folder = tmp_path / "www"
    (folder / "data").mkdir(parents=True)
    (tmp_path / "secret.txt").write_text("secret")
    (tmp_path / "www-private").mkdir()
    (tmp_path / "www-private" / "x.txt").write_text("secret")
    (folder / "app.js").write_text("let a = 1;")
    (folder / "page.html").write_text("<!doctype html>")
    (folder / "data" / "x.json").write_text("{}")
    (folder / ".hidden").write_text("secret")
    (folder / "out.txt").symlink_to(tmp_path / "secret.txt")
    (folder / "up").symlink_to(tmp_path)
    (folder / "inside.js").symlink_to(folder / "app.js")
    os.mkfifo(folder / "pipe.txt")
    entry.add(StaticFolder(folder).view("/files", Access.READ))
    return folder


@pytest.mark.parametrize(
    "path",
    ["/../secret.txt", "/%2e%2e/secret.txt", "/..%2fsecret.txt", "/%2e%2e%2fsecret.txt", "/data/../../secret.txt",
     "/..%5csecret.txt", "/data/..%2f..%2fsecret.txt", "/%252e%252e/secret.txt", "//etc/passwd", "/%2fetc%2fpasswd",
     "/out.txt", "/up/secret.txt", "/.hidden", "/data/.%2fx.json", "/", "", "/data", "/data/", "/app.js/",
     "/app.js%00", "/%00", "/pipe.txt", "/../www-private/x.txt", "/nothing.js", "/C:%5csecret.txt",
     "/" + "a" * 5000, "/" + "a/" * 900 + "b", "/%ff%fe", "/data%2f..%2f.hidden"])  # fmt: skip
async def test_nothing_outside_of_the_folder_is_served(site: Any, folder: Path, path: str) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", site.port)
    token = site.tokens["read"]
    writer.write(
        f"GET /files{path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n"
        "Connection: close\r\n\r\n".encode()
    )
    async with asyncio.timeout(5):
        answer = await reader.read()
    writer.close()
    assert answer.startswith((b"HTTP/1.1 404", b"HTTP/1.1 400")), answer[:200]
    assert b"secret" not in answer


async def test_files_have_their_type_and_are_not_sent_twice(site: Any, folder: Path) -> None:
    headers = site.bearer("read")
    answer = await site.get("/files/app.js", headers=headers)
    assert (await answer.text(), answer.content_type) == ("let a = 1;", "text/javascript")
    assert answer.headers["Cache-Control"] == "no-cache"
    again = await site.get("/files/app.js", headers={**headers, "If-None-Match": answer.headers["ETag"]})
    assert (again.status, await again.text()) == (304, "")
    (folder / "app.js").write_text("let a = 2;")
    again = await site.get("/files/app.js", headers={**headers, "If-None-Match": answer.headers["ETag"]})
    assert (again.status, await again.text()) == (200, "let a = 2;")
    assert (await site.get("/files/page.html", headers=headers)).headers["Cache-Control"] == "no-store"
    assert (await site.get("/files/data/x.json", headers=headers)).content_type == "application/json"
    assert (await site.get("/files/inside.js", headers=headers)).status == 200
    head = await site.ask("HEAD", "/files/app.js", headers=headers)
    assert (head.status, head.headers["Content-Length"]) == (200, "10")


async def test_it_speaks_tls_with_a_certificate(hub: Hub, house: House, config_dir: Path) -> None:
    need("openssl")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
         "-keyout", "key.pem", "-out", "cert.pem", "-subj", "/CN=localhost",
         "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"],
        cwd=config_dir, check=True, capture_output=True,
    )  # fmt: skip
    await house.start("http:\n  port: 0\n  ssl_certificate: cert.pem\n  ssl_key: key.pem\n")
    url = house.entry("http").data.url
    assert url.startswith("https://")
    trust = ssl.create_default_context(cafile=config_dir / "cert.pem")
    code = await asyncio.to_thread(hub.credentials.claim_code)
    async with ClientSession() as client, client.post(f"{url}/auth/claim", json={"code": code}, ssl=trust) as answer:
        [cookie] = answer.cookies.values()
        assert cookie["secure"]


async def test_a_certificate_that_is_missing_is_said(house: House) -> None:
    await house.start("http:\n  port: 0\n  ssl_certificate: cert.pem\n  ssl_key: key.pem\n")
    assert house.entry("http").error == "the certificate cert.pem cannot be used: No such file or directory"
