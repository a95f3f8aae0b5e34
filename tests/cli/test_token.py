"""`nanobot token`: beside a hub that runs, or before there was one."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from nanobot.cli import main
from nanobot.contracts.view import Access
from nanobot.storage.credentials import Credentials
from nanobot.util.dt import Clock


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LANG", "C.UTF-8")
    for name in ("LC_ALL", "LC_MESSAGES"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NANOBOT_CONFIG", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "160")
    return tmp_path


@pytest.fixture
def credentials(folder: Path) -> Credentials:
    """What the hub sees."""
    return Credentials(folder / ".storage", Clock())


def test_quiet_prints_the_token_alone(
    folder: Path, credentials: Credentials, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["token", "create", "--name", "phone", "--days", "30", "--access", "admin", "--quiet"]) == 0
    output = capsys.readouterr()
    assert output.err == ""
    assert re.fullmatch(r"\S{40,}\n", output.out)
    identity = credentials.identify(output.out.strip())
    assert identity is not None
    assert (identity.name, identity.access) == ("phone", Access.ADMIN)
    [known] = credentials.known()
    assert known.expires is not None
    assert round((known.expires - known.created) / 86400) == 30


def test_the_token_goes_to_standard_output_and_the_words_do_not(
    folder: Path, credentials: Credentials, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["token", "create", "--name", "phone"]) == 0
    output = capsys.readouterr()
    assert output.err == "This is the token 'phone'. It is shown only now:\n"
    identity = credentials.identify(output.out.strip())
    assert identity is not None
    assert identity.access is Access.ADMIN


def test_a_name_that_is_taken_gets_a_number(
    folder: Path, credentials: Credentials, capsys: pytest.CaptureFixture[str]
) -> None:
    tokens = []
    for _ in range(3):
        assert main(["token", "create", "--name", "t", "--quiet"]) == 0
        tokens.append(capsys.readouterr().out.strip())
    assert [credentials.identify(token).name for token in tokens] == ["t", "t 2", "t 3"]  # type: ignore[union-attr]


def test_list_shows_everything_but_the_secret(
    folder: Path, credentials: Credentials, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["token", "list"]) == 0
    assert capsys.readouterr().out.startswith("Nobody can sign in yet.")
    token = credentials.create("phone", Access.READ, days=2)
    session = credentials.open_session("Firefox on Linux")
    assert main(["token", "list"]) == 0
    text = capsys.readouterr().out
    assert re.search(r"phone +token +read +[0-9] s ago +never +in 1 d 23 h", text)
    assert re.search(r"Firefox on Linux +browser +admin", text)
    assert token not in text
    assert session not in text


def test_rotate_and_revoke_take_effect_at_once(
    folder: Path, credentials: Credentials, capsys: pytest.CaptureFixture[str]
) -> None:
    token = credentials.create("phone")
    assert main(["token", "rotate", "phone", "-q"]) == 0
    renewed = capsys.readouterr().out.strip()
    assert credentials.identify(token) is None
    assert credentials.identify(renewed) is not None
    assert main(["token", "revoke", "phone"]) == 0
    assert capsys.readouterr().out == "'phone' does not work any more.\n"
    assert credentials.identify(renewed) is None


def test_a_link_leads_to_the_hub_that_runs(
    folder: Path, credentials: Credentials, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / ".storage").mkdir()
    (folder / ".storage" / "run.json").write_text('{"url": "http://127.0.0.1:4711"}')
    assert main(["token", "link", "--quiet"]) == 0
    url, _, code = capsys.readouterr().out.strip().partition("#")
    assert url == "http://127.0.0.1:4711/claim"
    assert credentials.redeem(code, "browser") is not None


def test_mistakes_are_sentences(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["token", "revoke", "nobody"]) == 1
    assert capsys.readouterr().err == (
        "nanobot: there is no token or session 'nobody'; 'nanobot token list' shows them all\n"
    )
    assert main(["token", "create", "--name", "x", "-c", str(folder / "nowhere")]) == 1
    assert "does not exist" in capsys.readouterr().err
    assert main(["token", "create", "--name", "x", "--access", "root"]) == 2
