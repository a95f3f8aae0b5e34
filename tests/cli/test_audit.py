"""`nanobot audit`: what is open, where it stands and how to close it."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest

from nanobot.cli import audit
from nanobot.contracts.view import Access
from nanobot.lifecycle.audit import Opening, look
from nanobot.lifecycle.loader import Loader
from nanobot.storage.credentials import Credentials
from nanobot.util.dt import Clock

TOKEN = "123456789:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw_"


OPEN_WEBHOOK = """automation:
  - alias: Bell
    triggers: {{trigger: webhook, webhook_id: {id}, local_only: false}}
    actions: []
"""


def found(folder: Path, text: str = "{}", *, now: float | None = None) -> dict[str, Opening]:
    (folder / "configuration.yaml").write_text(text, "utf-8")
    folder.chmod(0o700)
    loader = Loader(folder)
    loader.mount()
    return {one.key: one for one in look(folder, loader, "en", now or time.time())}


def test_a_good_configuration_has_nothing_open(config_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert found(config_dir, "console:\nfiles:\n") == {}
    assert audit.run(config_dir) == 0
    assert capsys.readouterr().out == "Nothing is more open than it has to be.\n"


@pytest.mark.parametrize(
    ("text", "key", "severity", "line"),
    [
        ("http:\n  host: 0.0.0.0\n  allow_remote: true\n", "http.remote_plain", "error", 2),
        (
            "http:\n  trusted_networks:\n    - networks: 10.0.0.0/8\n      users: anna\n",
            "http.trusted_network",
            "warning",
            3,
        ),
        ("http:\n  ip_ban_enabled: false\n", "http.no_bans", "warning", 2),
        ("http:\n  trusted_proxies: 0.0.0.0/0\n", "http.any_proxy", "error", 2),
        ("telegram:\n  token: !secret t\n  allow:\n    - 42\n    - '*'\n", "telegram.everybody", "error", 5),
        (f"telegram:\n  token: {TOKEN}\n", "plain_secret", "warning", 2),
        ("files:\n  guests: write\n", "files.guests", "error", 2),
        ("files:\n  folder: /srv/notes\n", "files.outside", "warning", 2),
        ("shell:\n  sandbox: none\n", "shell.no_sandbox", "error", 2),
        ("shell:\n  guests: true\n", "shell.guests", "error", 2),
        ("shell:\n  network: true\n", "shell.network", "warning", 2),
        ("services:\n  guests: '*'\n", "services.guests", "error", 2),
        ("web:\n  private:\n    - nas.lan\n    - 10.0.0.9\n", "web.private", "warning", 4),
        ("openai_api:\n  share_sessions: true\n", "openai_api.share_sessions", "warning", 2),
        ("mcp_server:\n  tools:\n    deny: shell\n", "mcp_server.all_services", "info", 1),
        ("mcp_server:\n  services:\n    allow: light.*\n", "mcp_server.all_tools", "info", 1),
        ("recorder:\n  db_url: postgresql://me:hunter22@db.lan/history\n", "recorder.plain_database", "error", 2),
        (
            "recorder:\n  db_url: postgresql://me:hunter22@[fd00::7]/history?sslmode=prefer\n",
            "recorder.plain_database",
            "error",
            2,
        ),
        ("console:\n  allow: ['owner', '*']\n", "console.everybody", "error", 2),
        (OPEN_WEBHOOK.format(id="doorbell"), "automation.webhook_short", "error", 2),
        (OPEN_WEBHOOK.format(id="bd1f0c7a9e3d4b5c8a6e"), "automation.webhook_open", "warning", 2),
        ("policy:\n  rules:\n    - {tool: shell, owner: true, verdict: allow}\n", "policy.unasked", "warning", 3),
        ("policy:\n  rules:\n    - {tool: note, risk: write, verdict: allow}\n", "policy.guests", "error", 3),
        ("policy:\n  rules:\n    - {tainted: true, owner: true, verdict: allow}\n", "policy.tainted", "error", 3),
    ],
)
def test_what_is_open_is_told_with_its_line(config_dir: Path, text: str, key: str, severity: str, line: int) -> None:
    (config_dir / "secrets.yaml").write_text(f't: "{TOKEN}"\n', "utf-8")
    one = found(config_dir, text)[key]
    assert (one.severity, one.file, one.line) == (severity, "configuration.yaml", line)
    assert TOKEN not in one.text
    assert "hunter22" not in one.text


def test_a_secret_from_the_file_for_secrets_is_fine(config_dir: Path) -> None:
    (config_dir / "secrets.yaml").write_text(f't: "{TOKEN}"\n', "utf-8")
    assert "plain_secret" not in found(config_dir, "telegram:\n  token: !secret t\n")


@pytest.mark.parametrize(
    "text",
    [
        "web:\n  private: nas.lan\n  fetch: false\n",
        "openai_api:\n",
        "mcp_server:\n  tools: {allow: web_search}\n  services: {deny: 'shell.*'}\n",
        "recorder:\n",
        "recorder:\n  db_url: !secret here\n",
        "recorder:\n  db_url: !secret encrypted\n",
        "console:\n  allow: [anna]\n",
        OPEN_WEBHOOK.format(id="doorbell").replace("local_only: false", "local_only: true"),
    ],
)
def test_what_is_closed_is_not_told(config_dir: Path, text: str) -> None:
    (config_dir / "secrets.yaml").write_text(
        "here: postgresql://me:hunter22@localhost/history\n"
        "encrypted: postgresql://me:hunter22@db.lan/history?sslmode=verify-full\n",
        "utf-8",
    )
    assert found(config_dir, text) == {}


def test_rules_that_ask_or_deny_leave_nothing_open(config_dir: Path) -> None:
    rules = "policy:\n  rules:\n    - {tool: shell, verdict: ask}\n    - {risk: read, owner: true, verdict: allow}\n"
    assert found(config_dir, rules) == {}


def test_tokens_without_an_end_and_tokens_that_nothing_uses_are_told(config_dir: Path) -> None:
    known = Credentials(config_dir / ".storage", Clock())
    known.create("script", Access.ADMIN)
    known.create("display", Access.READ, days=400)
    fresh = found(config_dir)
    assert fresh["token_forever"].severity == "warning"
    assert "'script' (admin) never expires" in fresh["token_forever"].text
    assert "token_unused" not in fresh
    assert "token_unused" in found(config_dir, now=time.time() + 100 * 86400)


@pytest.mark.skipif(os.name != "posix", reason="modes of files are those of POSIX")
def test_files_that_others_can_read_or_change_are_told(config_dir: Path) -> None:
    secrets, automations = config_dir / "secrets.yaml", config_dir / "automations.yaml"
    secrets.write_text("a: b\n", "utf-8")
    automations.write_text("[]\n", "utf-8")
    secrets.chmod(0o644)
    automations.chmod(0o666)
    closed = found(config_dir)
    assert "others_read" not in closed
    config_dir.chmod(0o755)
    loader = Loader(config_dir)
    opened = {one.key: one for one in look(config_dir, loader, "en", time.time())}
    assert opened["others_read"].severity == "critical"
    assert opened["others_read"].text.endswith("chmod go-rwx secrets.yaml")
    assert opened["others_write"].file == "automations.yaml"


def test_code_that_nothing_uses_is_told(config_dir: Path) -> None:
    folder = config_dir / "integrations" / "lamp"
    folder.mkdir(parents=True)
    (folder / "manifest.json").write_text('{"domain": "lamp", "name": "Lamp"}', "utf-8")
    assert found(config_dir)["unused"].severity == "info"


def test_an_integration_that_cannot_say_what_it_leaves_open_hides_nothing(config_dir: Path) -> None:
    folder = config_dir / "integrations" / "lamp"
    folder.mkdir(parents=True)
    (folder / "manifest.json").write_text('{"domain": "lamp", "name": "Lamp", "documentation": "-"}', "utf-8")
    (folder / "__init__.py").write_text(
        "async def setup(hub, entry): ...\ndef audit(config): raise KeyError('open')\n", "utf-8"
    )
    assert "files.guests" in found(config_dir, "lamp:\nfiles:\n  guests: read\n")


@pytest.mark.parametrize(
    ("text", "code"),
    [("{}", 0), ("files:\n  guests: read\n", 1), ("files:\n  guests: write\n", 2), ("- no mapping\n", 2)],
)
def test_the_exit_code_says_how_bad_it_is(
    config_dir: Path, capsys: pytest.CaptureFixture[str], text: str, code: int
) -> None:
    found(config_dir, text)
    assert audit.run(config_dir, as_json=True) == code
    told = json.loads(capsys.readouterr().out)
    assert bool(told["findings"]) is bool(code)
