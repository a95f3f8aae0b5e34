"""Pictures that tools give, in a conversation: how many there is room for, and what becomes of them later."""

from __future__ import annotations

from typing import Any

import pytest

from nanobot.agent.models.order import arranged
from nanobot.agent.tool_files import ToolPictures, told
from nanobot.contracts.agent import Turn
from nanobot.contracts.model import Message, Request
from nanobot.contracts.tool import ToolResult
from nanobot.conversations.archive import said
from nanobot.conversations.restore import restored
from nanobot.hub.entry import Entry
from nanobot.hub.hub import Hub
from nanobot.testing.chat import Chat
from tests.agent.conftest import Begin, Noted, call
from tests.agent.test_pictures import png

ROOM = 128_000  # characters


class Eyes(Noted):
    """Gives five pictures and a text."""

    def __init__(self, hub: Hub) -> None:
        super().__init__("look")
        self.hub = hub

    async def call(self, arguments: Any, turn: Turn) -> ToolResult:
        keep = self.hub.media.keep
        pictures = [await keep("eyes", f"{side}.png", png(side, 3)) for side in range(4, 9)]
        return ToolResult("seen", files=(*pictures, await keep("eyes", "a.txt", b"hello")))


async def test_files_are_named_with_kind_and_size_and_too_many_pictures_are_told(hub: Hub, turn: Turn) -> None:
    result = await Eyes(hub).call({}, turn)
    text, paths = await told(hub, result.files)
    lines = text.split("\n")
    assert list(paths) == [file.path for file in result.files[:4]]
    assert lines[0] == f"[file: {paths[0]} (image/png, {result.files[0].size_bytes} B)]"
    assert lines[4].endswith("; not shown to you: only 4 pictures are shown at a time]")
    assert lines[5] == f"[file: {result.files[5].path} (text/plain, 5 B)]"


@pytest.mark.parametrize(("room", "shown"), [(ROOM, 4), (40_000, 2), (10_000, 0)])
async def test_a_model_with_less_room_is_shown_fewer(hub: Hub, turn: Turn, room: int, shown: int) -> None:
    _, paths = await told(hub, (await Eyes(hub).call({}, turn)).files)
    request = Request([Message("user", "look"), Message("tool", "seen", tool_call_id="1", files=paths)])
    images = (await ToolPictures(hub).shown(request, room)).messages[-1].images
    assert len(images) == shown


async def test_a_picture_that_is_gone_is_not_shown(hub: Hub) -> None:
    kept = await hub.media.keep("eyes", "a.png", png(4, 3))
    request = Request([Message("tool", "seen", tool_call_id="1", files=(kept.path, "media/../secrets.yaml"))])
    assert len((await ToolPictures(hub).shown(request, ROOM)).messages[0].images) == 1
    await hub.media.drop(kept)
    found = await ToolPictures(hub).shown(request, ROOM)
    assert found.messages[0].images == ()
    assert arranged(found, sees=True, strict=False).messages == found.messages


async def test_with_a_session_go_the_pictures_of_its_tools_but_none_that_another_has(
    begin: Begin, hub: Hub, entry: Entry, chat: Chat
) -> None:
    sent = await hub.media.keep("chat", "sent.png", png(9, 3))

    class Showing(Eyes):
        async def call(self, arguments: Any, turn: Turn) -> ToolResult:
            made = await self.hub.media.keep("eyes", "made.png", png(4, 3))
            return ToolResult("seen", files=(made, sent))

    entry.add(Showing(hub))
    begin("nice", [call("look")], "I see.")
    await chat.types("look at mine", chat="other", attachments=(sent,))
    await chat.types("look")
    [exchange] = await hub.conversations.transcript("chat:test")
    made = hub.config_dir / exchange.steps[1].files[0]
    assert made.is_file()
    assert await hub.conversations.delete("chat:test")
    assert not made.exists()
    assert hub.media.path_of(sent).is_file()
    assert await hub.conversations.delete("chat:other")
    assert not (hub.config_dir / sent.path).exists()


async def test_an_export_that_is_given_back_knows_the_pictures(
    begin: Begin, hub: Hub, entry: Entry, chat: Chat
) -> None:
    entry.add(Eyes(hub))
    begin([call("look")], "I see.")
    await chat.types("look")
    database = hub.conversations.database
    lines = await database.read(lambda connection: list(said(connection, "chat:test")))
    assert len(next(line for line in lines if line.get("role") == "tool")["files"]) == 4
    assert await database.write(lambda connection: restored(connection, "chat:test", lines)) == 0, "all is there"
    before = await hub.conversations.transcript("chat:test")
    await database.write(lambda connection: restored(connection, "chat:copy", lines))
    after = await hub.conversations.transcript("chat:copy")
    assert after[0].steps == before[0].steps
