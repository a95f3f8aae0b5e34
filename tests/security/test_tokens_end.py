"""A credential that was taken back opens nothing any more, in whatever it had been exchanged for."""

from __future__ import annotations

import pytest

from nanobot.contracts.view import Access
from nanobot.storage.credentials import tokens as module
from tests.integrations.http.conftest import Site


async def signed_in(site: Site, access: str) -> dict[str, str]:
    answer = await site.post("/auth/login", {"token": site.tokens[access]}, headers={"Origin": site.url})
    assert answer.status == 200
    return {name: morsel.value for name, morsel in answer.cookies.items()}


async def me(site: Site, cookies: dict[str, str]) -> int:
    return (await site.get("/auth/me", cookies=cookies)).status


async def test_a_browser_that_signed_in_with_a_token_leaves_with_it(site: Site) -> None:
    cookies = await signed_in(site, "user")
    assert await me(site, cookies) == 200
    site.hub.credentials.revoke("user")
    assert await me(site, cookies) == 401


async def test_a_rotated_token_ends_the_sessions_of_the_old_one(site: Site) -> None:
    cookies = await signed_in(site, "user")
    site.hub.credentials.rotate("user")
    assert await me(site, cookies) == 401


async def test_a_session_does_not_outlive_its_token(site: Site) -> None:
    site.tokens["short"] = site.hub.credentials.create("short", Access.USER, days=1)
    await signed_in(site, "short")
    (session,) = [one for one in site.hub.credentials.known() if one.by is not None]
    (token,) = [one for one in site.hub.credentials.known() if one.name == "short"]
    assert session.expires == pytest.approx(token.expires)


async def test_one_who_may_only_read_cannot_sign_others_out(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_SESSIONS", 3)
    owner = await site.session()
    for _ in range(6):
        await signed_in(site, "read")
    assert await me(site, owner) == 200
    assert len([one for one in site.hub.credentials.known() if one.by is not None]) == 3


async def test_a_session_cannot_be_exchanged_for_another(site: Site) -> None:
    (session,) = (await site.session()).values()
    answer = await site.post("/auth/login", {"token": session})
    assert answer.status == 401
