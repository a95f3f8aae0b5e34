"""Tokens with lists of what they may do."""

from __future__ import annotations

from nanobot.contracts.view import Access
from nanobot.storage.credentials import Scope
from tests.integrations.openai_api.conftest import Api


async def test_a_token_for_some_services_only_cannot_talk_to_an_agent(api: Api) -> None:
    token = api.hub.credentials.create("narrow", Access.USER, scope=Scope(services=("light.*",)))
    reply = await api.says("hello", access=token)
    assert (reply.status, reply.data["error"]["type"]) == (403, "permission_error")
    assert (await api.ask("POST", "/v1/responses", {"model": "parrot", "input": "x"}, access=token)).status == 403
    assert api.parrot.turns == []
    assert (await api.ask("GET", "/v1/models", access=token)).data["data"][0]["id"] == "parrot"
