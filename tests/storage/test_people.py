"""People, their passwords and second factors; and a file from before there were any."""

from __future__ import annotations

import base64
from pathlib import Path

import orjson
import pytest

from nanobot.contracts.view import Access
from nanobot.errors import NanobotError
from nanobot.storage.credentials import Credentials, Kind, Rights, Role, Scope, passwords, totp
from nanobot.util.dt import Clock


@pytest.fixture
def credentials(tmp_path: Path) -> Credentials:
    return Credentials(tmp_path / ".storage", Clock())


def test_a_password_is_kept_with_a_salt_and_a_price() -> None:
    one, other = passwords.hashed("correct horse"), passwords.hashed("correct horse")
    assert one != other
    assert one.startswith("scrypt$15$8$3$")
    assert "horse" not in one
    assert passwords.verify("correct horse", one)
    assert not passwords.verify("correct horsf", one)
    assert not passwords.verify("correct horse", None)
    assert not passwords.verify("x" * 300, passwords.hashed("x" * 256))


def test_codes_are_those_of_the_standard() -> None:
    """RFC 6238, appendix B, its last six digits."""
    secret = base64.b32encode(b"12345678901234567890").decode()
    for moment, code in ((59, "287082"), (1111111109, "081804"), (1234567890, "005924"), (20000000000, "353130")):
        assert totp.code_at(secret, moment // 30) == code
        assert totp.step_of(secret, code, moment + 30) == moment // 30  # a clock that is off by one step
        assert totp.step_of(secret, code, moment + 60) is None
        assert totp.step_of(secret, code, moment, used=moment // 30) is None  # not twice
        assert totp.step_of(secret, f"{code[:3]} {code[3:]}", moment) == moment // 30


def test_a_file_of_before_is_read_and_everything_in_it_is_the_owners(credentials: Credentials, tmp_path: Path) -> None:
    token = credentials.create("phone", Access.USER)
    path = tmp_path / ".storage" / "auth.json"
    data = orjson.loads(path.read_bytes())
    old = {"version": 1, "owner_id": data["owner_id"], "claimed": True, "credentials": []}
    for one in data["credentials"]:
        old["credentials"].append(
            {key: one[key] for key in ("id", "kind", "name", "access", "hash", "created", "expires", "used", "by")}
        )
    path.write_bytes(orjson.dumps(old))
    identity = credentials.identify(token)
    assert identity is not None
    assert (identity.user_id, identity.rights) == (data["owner_id"], Rights(Access.USER))
    [owner] = credentials.people.all()
    assert (owner.id, owner.role) == (data["owner_id"], Role.OWNER)
    credentials.create("tablet")
    assert orjson.loads(path.read_bytes())["version"] == 2
    assert credentials.identify(token) == identity


def test_what_somebody_has_goes_with_them(credentials: Credentials) -> None:
    ben = credentials.people.add("ben", "long enough", Role.USER)
    token = credentials.create("phone", Access.ADMIN, user_id=ben.id, scope=Scope(services=("light.*",)))
    identity = credentials.identify(token)
    assert identity is not None
    assert identity.rights == Rights(Access.USER, Scope(services=("light.*",)))  # never more than the person
    by = next(one.id for one in credentials.known(Kind.TOKEN))
    session = credentials.identify(credentials.open_session("Firefox", by=by, access=identity.access))
    assert session is not None
    assert (session.user_id, session.rights) == (ben.id, identity.rights)
    credentials.people.remove("ben")
    assert credentials.identify(token) is None
    assert credentials.known() == []


@pytest.mark.parametrize("password", ["", "short", "x" * 257])
def test_a_password_that_is_no_good_is_not_kept(credentials: Credentials, password: str) -> None:
    with pytest.raises(NanobotError, match="8 to 256"):
        credentials.people.add("ben", password)


def test_the_file_tells_no_password_and_reprs_no_secret(credentials: Credentials, tmp_path: Path) -> None:
    user = credentials.people.add("ben", "correct horse")
    secret = totp.new_secret()
    code = totp.code_at(secret, int(Clock().time() // totp.STEP))
    credentials.people.set_totp("ben", secret, code)
    [_, ben] = credentials.people.all()
    assert "correct horse" not in (tmp_path / ".storage" / "auth.json").read_text()
    assert secret not in repr(ben)
    assert (user.password or "") not in repr(ben)
