"""Tokens, sessions and one-time links: what is kept, who is let in, and how soon a change counts."""

from __future__ import annotations

import multiprocessing
import stat
import threading
from pathlib import Path

import orjson
import pytest

from nanobot.contracts.view import Access
from nanobot.errors import NanobotError, StorageError
from nanobot.storage.credentials import CLAIM_SECONDS, DAY, MAX_SESSIONS, SESSION_DAYS, Credentials, Kind
from nanobot.util.dt import Clock


class Time:
    """A clock's hand that a test moves."""

    def __init__(self) -> None:
        self.value = 1_800_000_000.0

    def __call__(self) -> float:
        return self.value


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def credentials(tmp_path: Path, time: Time) -> Credentials:
    return Credentials(tmp_path / ".storage", Clock(time))


@pytest.fixture
def elsewhere(tmp_path: Path, time: Time) -> Credentials:
    """The same file as another process sees it."""
    return Credentials(tmp_path / ".storage", Clock(time))


def test_asking_creates_no_file(credentials: Credentials, tmp_path: Path) -> None:
    assert credentials.identify("nb_unknown") is None
    assert not credentials.exist()
    assert not credentials.claimed
    assert credentials.owner_id == credentials.owner_id
    assert list(tmp_path.iterdir()) == []


def test_a_token_opens_what_its_record_says(credentials: Credentials) -> None:
    token = credentials.create("phone", Access.USER)
    identity = credentials.identify(token)
    assert identity is not None
    assert (identity.name, identity.kind, identity.user_id) == ("phone", Kind.TOKEN, credentials.owner_id)
    assert [access for access in Access if identity.may(access)] == [Access.PUBLIC, Access.READ, Access.USER]


def test_tokens_are_long_and_kept_as_hashes_for_the_owner_alone(credentials: Credentials, tmp_path: Path) -> None:
    token = credentials.create("phone")
    session = credentials.open_session("Firefox")
    code = credentials.claim_code()
    path = tmp_path / ".storage" / "auth.json"
    assert len(token) >= 40
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    text = path.read_text()
    assert not any(secret in text for secret in (token, session, code))
    assert not any(one.hash in repr(one) for one in credentials.known())


@pytest.mark.parametrize("wrong", ["", "nb_", "x" * 10_000, "nb_" + "A" * 43, "\ud800", "\x00"])
def test_a_wrong_token_is_nobody(credentials: Credentials, wrong: str) -> None:
    credentials.create("phone")
    assert credentials.identify(wrong) is None


def test_a_token_expires(credentials: Credentials, time: Time) -> None:
    token = credentials.create("guest", Access.READ, days=2)
    time.value += 2 * DAY - 1
    assert credentials.identify(token) is not None
    time.value += 1
    assert credentials.identify(token) is None
    assert not credentials.exist()
    assert [one.name for one in credentials.known()] == ["guest"]


def test_what_another_process_does_counts_at_once(credentials: Credentials, elsewhere: Credentials) -> None:
    token = elsewhere.create("phone")
    assert credentials.identify(token) is not None
    assert credentials.owner_id == elsewhere.owner_id
    renewed = elsewhere.rotate("phone")
    assert credentials.identify(token) is None
    assert credentials.identify(renewed) is not None
    elsewhere.revoke("phone")
    assert credentials.identify(renewed) is None


def test_watchers_hear_what_stopped_being_good(credentials: Credentials, elsewhere: Credentials, time: Time) -> None:
    for name in ("revoked", "rotated", "kept"):
        credentials.create(name)
    credentials.create("expired", days=1)
    ids = {one.name: one.id for one in credentials.known()}
    told: list[frozenset[str]] = []
    stop = credentials.watch(told.append)
    credentials.check()
    assert told == []
    elsewhere.revoke("revoked")
    elsewhere.rotate(ids["rotated"])
    credentials.check()
    time.value += DAY
    credentials.check()
    assert told == [frozenset({ids["revoked"], ids["rotated"]}), frozenset({ids["expired"]})]
    stop()
    elsewhere.revoke("kept")
    credentials.check()
    assert len(told) == 2


def test_a_deleted_file_lets_nobody_in(credentials: Credentials, tmp_path: Path) -> None:
    token = credentials.create("phone")
    (tmp_path / ".storage" / "auth.json").unlink()
    assert credentials.identify(token) is None


@pytest.mark.parametrize(
    "text",
    ["{", "[]", '{"version": 1}', '{"version": 1, "owner_id": 1, "claimed": 1, "credentials": [{}]}'],
)
def test_a_damaged_file_lets_nobody_in(
    credentials: Credentials, tmp_path: Path, text: str, caplog: pytest.LogCaptureFixture
) -> None:
    token = credentials.create("phone")
    (tmp_path / ".storage" / "auth.json").write_text(text)
    assert credentials.identify(token) is None
    assert "nobody is let in" in caplog.text


def test_a_file_of_a_newer_version_is_not_written_over(credentials: Credentials, tmp_path: Path) -> None:
    path = tmp_path / ".storage" / "auth.json"
    path.parent.mkdir()
    path.write_text('{"version": 99, "new": "things"}')
    with pytest.raises(StorageError, match="written by another version"):
        credentials.create("phone")
    assert orjson.loads(path.read_bytes()) == {"version": 99, "new": "things"}


def test_a_link_works_once(credentials: Credentials) -> None:
    code = credentials.claim_code()
    assert credentials.identify(code) is None
    session = credentials.redeem(code, "Firefox")
    assert session is not None
    identity = credentials.identify(session)
    assert identity is not None
    assert (identity.kind, identity.access) == (Kind.SESSION, Access.ADMIN)
    assert credentials.redeem(code, "somebody else") is None
    assert credentials.claimed


def test_a_link_is_good_for_an_hour(credentials: Credentials, time: Time) -> None:
    code = credentials.claim_code()
    time.value += CLAIM_SECONDS
    assert credentials.redeem(code, "Firefox") is None
    assert not credentials.claimed


def test_two_browsers_that_race_for_a_link_get_one_session(credentials: Credentials, elsewhere: Credentials) -> None:
    code = credentials.claim_code()
    sessions: list[str | None] = []
    threads = [
        threading.Thread(target=lambda c=c: sessions.append(c.redeem(code, "x"))) for c in (credentials, elsewhere)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(session is not None for session in sessions) == 1


def test_the_link_of_a_start_replaces_the_one_before(credentials: Credentials) -> None:
    first, asked_for = credentials.claim_code("start"), credentials.claim_code()
    second = credentials.claim_code("start")
    assert credentials.redeem(first, "x") is None
    assert credentials.redeem(second, "x") is not None
    assert credentials.redeem(asked_for, "x") is not None


def test_a_session_lasts_as_long_as_it_is_visited(credentials: Credentials, time: Time) -> None:
    session = credentials.open_session("Firefox")
    for _ in range(3):
        time.value += (SESSION_DAYS - 1) * DAY
        assert credentials.identify(session) is not None
        assert credentials.has_unsaved_uses()
        credentials.save_uses()
        assert not credentials.has_unsaved_uses()
    time.value += SESSION_DAYS * DAY
    assert credentials.identify(session) is None


def test_the_last_use_is_shown_and_kept(credentials: Credentials, elsewhere: Credentials, time: Time) -> None:
    token = credentials.create("phone")
    assert credentials.known()[0].used is None
    credentials.identify(token)
    assert credentials.known()[0].used == time.value
    assert elsewhere.known()[0].used is None
    credentials.save_uses()
    assert elsewhere.known()[0].used == time.value


def test_the_oldest_session_makes_room(credentials: Credentials, time: Time) -> None:
    first = credentials.open_session("first")
    for number in range(MAX_SESSIONS):
        time.value += 1
        credentials.open_session(f"browser {number}")
    assert credentials.identify(first) is None
    assert len(credentials.known(Kind.SESSION)) == MAX_SESSIONS


@pytest.mark.parametrize(
    ("name", "access", "days", "text"),
    [
        ("", Access.USER, None, "a token needs a name of 1 to 64 characters, such as 'phone'"),
        ("a\nb", Access.USER, None, "a token needs a name of 1 to 64 characters, such as 'phone'"),
        ("phone", Access.PUBLIC, None, "a token has the access read, user or admin"),
        ("phone", Access.USER, 0, "a token lasts 1 to 36500 days, or for ever when no number is given"),
        ("taken", Access.USER, None,
         "there is already a token named 'taken'; choose another name, or revoke or rotate that one"),
    ],
)  # fmt: skip
def test_what_cannot_be_created_says_why(
    credentials: Credentials, name: str, access: Access, days: float | None, text: str
) -> None:
    credentials.create("taken")
    with pytest.raises(NanobotError) as caught:
        credentials.create(name, access, days=days)
    assert str(caught.value) == text


def test_a_name_that_several_sessions_share_asks_for_the_id(credentials: Credentials) -> None:
    credentials.open_session("Firefox")
    credentials.open_session("Firefox")
    with pytest.raises(NanobotError, match="there are 2 named 'Firefox'; say which by its id"):
        credentials.revoke("Firefox")
    credentials.revoke(credentials.known()[0].id)
    assert len(credentials.known()) == 1
    with pytest.raises(NanobotError, match="there is no token or session 'Opera'"):
        credentials.revoke("Opera")


def _create_many(folder: Path, prefix: str) -> None:
    credentials = Credentials(folder, Clock())
    for number in range(15):
        credentials.create(f"{prefix}{number}")


def test_processes_that_write_together_lose_nothing(tmp_path: Path) -> None:
    folder = tmp_path / ".storage"
    spawn = multiprocessing.get_context("spawn")
    processes = [spawn.Process(target=_create_many, args=(folder, prefix)) for prefix in "abc"]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    assert {one.name for one in Credentials(folder, Clock()).known()} == {f"{p}{n}" for p in "abc" for n in range(15)}
