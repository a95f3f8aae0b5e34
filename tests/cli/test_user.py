"""`nanobot user` and the limits of `nanobot token`: beside a hub that runs, or before there was one."""

from __future__ import annotations

import io
import re
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from nanobot.cli import main
from nanobot.contracts.view import Access
from nanobot.storage.credentials import Credentials, Role, Scope, passwords, totp
from nanobot.util.dt import Clock

Output = pytest.CaptureFixture[str]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LANG", "C.UTF-8")
    for name in ("LC_ALL", "LC_MESSAGES"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NANOBOT_CONFIG", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setattr(passwords, "LOG_N", 4)
    return tmp_path


@pytest.fixture
def hub(folder: Path) -> Credentials:
    """What the hub sees."""
    return Credentials(folder / ".storage", Clock())


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str, typed: str = "") -> int:
    monkeypatch.setattr("sys.stdin", io.StringIO(typed))
    return main(list(arguments))


def test_somebody_is_added_listed_changed_and_removed(
    hub: Credentials, monkeypatch: pytest.MonkeyPatch, capsys: Output
) -> None:
    assert run(monkeypatch, "user", "add", "Anna", "--role", "owner", "--name", "Anna B", typed="secret-1\n") == 0
    assert run(monkeypatch, "user", "add", "ben", typed="secret-2\n") == 0
    assert "secret" not in capsys.readouterr().out
    anna, ben = hub.people.all()
    assert (anna.id, anna.username, anna.role, ben.role) == (hub.owner_id, "anna", Role.OWNER, Role.USER)
    assert hub.people.with_password("ben", "secret-2") == ben
    assert run(monkeypatch, "user", "passwd", "ben", typed="secret-3\n") == 0
    assert hub.people.with_password("ben", "secret-2") is None
    assert run(monkeypatch, "user", "role", "ben", "read-only") == 0
    assert hub.people.named("ben").role is Role.READ_ONLY
    capsys.readouterr()
    assert run(monkeypatch, "user", "list") == 0
    assert re.search(r"ben +ben +read-only +no", capsys.readouterr().out)
    assert run(monkeypatch, "user", "remove", "ben") == 0
    assert [one.username for one in hub.people.all()] == ["anna"]


@pytest.mark.parametrize(
    ("arguments", "typed", "told"),
    [
        (("add", "ben"), "short\n", "8 to 256 characters"),
        (("add", "ben"), "", "nothing to read"),
        (("add", "b n"), "long enough\n", "small letters"),
        (("passwd", "nobody"), "long enough\n", "there is no user 'nobody'"),
        (("remove", "nobody"), "", "there is no user 'nobody'"),
        (("unban", "192.0.2.1"), "", "192.0.2.1 is not banned"),
    ],
)
def test_what_cannot_be_done_is_said(
    hub: Credentials,
    monkeypatch: pytest.MonkeyPatch,
    capsys: Output,
    arguments: tuple[str, ...],
    typed: str,
    told: str,
) -> None:
    assert run(monkeypatch, "user", *arguments, typed=typed) == 1
    assert told in capsys.readouterr().err


def test_a_second_factor_is_on_once_the_app_shows_a_code(
    hub: Credentials, monkeypatch: pytest.MonkeyPatch, capsys: Output
) -> None:
    secret = totp.new_secret()
    monkeypatch.setattr(totp, "new_secret", lambda: secret)
    run(monkeypatch, "user", "add", "ben", typed="secret-2\n")
    assert run(monkeypatch, "user", "totp", "ben", typed="000000x\n") == 1
    assert hub.people.named("ben").totp is None
    code = totp.code_at(secret, int(Clock().time() // totp.STEP))
    capsys.readouterr()
    assert run(monkeypatch, "user", "totp", "ben", typed=f"{code}\n") == 0
    [uri] = [line for line in capsys.readouterr().out.splitlines() if line.startswith("otpauth://")]
    assert parse_qs(urlsplit(uri).query)["secret"] == [secret]
    assert hub.people.named("ben").totp == secret
    assert not hub.people.use_code(hub.people.named("ben").id, code)  # it was used to turn it on
    assert run(monkeypatch, "user", "totp", "ben", "--off") == 0
    assert hub.people.named("ben").totp is None


def test_a_banned_address_is_listed_and_let_in_again(
    hub: Credentials, monkeypatch: pytest.MonkeyPatch, capsys: Output
) -> None:
    hub.bans.add("192.0.2.1")
    run(monkeypatch, "user", "list")
    assert "192.0.2.1" in capsys.readouterr().out
    assert run(monkeypatch, "user", "unban", "192.0.2.1") == 0
    assert hub.bans.all() == []


def test_a_token_is_made_for_some_services_events_and_entities(
    hub: Credentials, monkeypatch: pytest.MonkeyPatch, capsys: Output
) -> None:
    arguments = ["token", "create", "--name", "button", "--access", "user", "--days", "3", "--quiet"]
    limits = ["--services", "light.*,Switch", "--events", "my_*", "--entities", "light.a", "--entities", "*.b"]
    assert run(monkeypatch, *arguments, *limits) == 0
    identity = hub.identify(capsys.readouterr().out.strip())
    assert identity is not None
    assert identity.access is Access.USER
    assert identity.rights.scope == Scope(("light.*", "switch.*"), ("my_*",), ("light.a", "*.b"))
    run(monkeypatch, "token", "list")
    assert "services: light.*, switch.*; events: my_*; entities: light.a, *.b" in capsys.readouterr().out


def test_a_limit_that_is_no_pattern_makes_no_token(
    hub: Credentials, monkeypatch: pytest.MonkeyPatch, capsys: Output
) -> None:
    assert run(monkeypatch, "token", "create", "--name", "x", "--services", "light turn on") == 1
    assert "is no service" in capsys.readouterr().err
    assert hub.known() == []


def test_a_token_of_somebody_is_never_more_than_they_may(
    hub: Credentials, monkeypatch: pytest.MonkeyPatch, capsys: Output
) -> None:
    run(monkeypatch, "user", "add", "rita", "--role", "read-only", typed="secret-2\n")
    capsys.readouterr()
    assert run(monkeypatch, "token", "create", "--name", "x", "--user", "rita", "--quiet") == 0
    identity = hub.identify(capsys.readouterr().out.strip())
    assert identity is not None
    assert (identity.access, identity.user_id) == (Access.READ, hub.people.named("rita").id)
