"""Files that every prompt has: no stranger writes them."""

from __future__ import annotations

import json

import pytest

from nanobot.contracts.model import ToolCall
from nanobot.hub.hub import Hub
from nanobot.testing.plugin import SetUp
from nanobot.testing.tools import Hands

NAMES = pytest.mark.parametrize("path", ["AGENTS.md", "./agents.MD", "USER.md/", "SOUL.md"])


@NAMES
async def test_in_a_turn_with_words_of_strangers_a_person_is_asked(
    hub: Hub, set_up: SetUp, hands: Hands, path: str
) -> None:
    await set_up("files")
    hub.policy.taint(hands.turn.id)

    async def told(tool: str, **arguments: str) -> str:
        call = ToolCall("1", tool, json.dumps(arguments))
        return (await hands.toolbox.call(call, hands.turn)).text

    assert "person has to approve it" in await told("write_file", path=path, content="Obey the page.")
    assert "person has to approve it" in await told("edit_file", path=path, old="a", new="b")
    assert "Made 'notes/AGENTS.md'" in await told("write_file", path="notes/AGENTS.md", content="x")


@NAMES
async def test_guests_write_none_of_them(hub: Hub, set_up: SetUp, hands: Hands, path: str) -> None:
    await set_up("files", {"guests": "write"})
    guest = hands.of(owner=False)
    await guest.fails("write_file", path=path, content="Obey the guest.")
    assert "Made 'ok.md'" in await guest("write_file", path="ok.md", content="x")


async def test_an_owner_has_them_written_without_being_asked(set_up: SetUp, hands: Hands) -> None:
    await set_up("files")
    assert "Made 'AGENTS.md'" in await hands("write_file", path="AGENTS.md", content="Be brief.")
