"""Files that come with messages are kept, or named; albums are one message; nothing waits for ever."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from nanobot.hub.hub import Hub
from nanobot.testing.plugin import House
from tests.integrations.telegram.conftest import (
    ANNA,
    BERT,
    BERTS,
    Listener,
    Platform,
    Telegram,
    configured,
)

PNG = b"\x89PNG\r\n\x1a\n" + bytes(100)


@pytest.mark.parametrize(
    ("kind", "data", "more", "name", "media_type"),
    [
        ("photo", b"\xff\xd8\xff\xe0" + bytes(20), {}, "photo-1.jpg", "image/jpeg"),
        (
            "document",
            b"%PDF-1.7 abc",
            {"name": "a plan #1?.pdf", "mime": "application/pdf"},
            "a plan #1.pdf",
            "application/pdf",
        ),
        ("voice", b"OggS" + bytes(20), {"mime": "audio/ogg"}, "voice-1.ogg", "audio/ogg"),
        ("audio", b"ID3" + bytes(20), {"name": "song.mp3", "mime": "audio/mpeg"}, "song.mp3", "audio/mpeg"),
        (
            "video",
            bytes(4) + b"ftypisom" + bytes(9),
            {"name": "clip.mp4", "mime": "video/mp4"},
            "clip.mp4",
            "video/mp4",
        ),
        ("video_note", bytes(4) + b"ftypisom" + bytes(9), {}, "video-1.mp4", "video/mp4"),
        (
            "animation",
            bytes(4) + b"ftypisom" + bytes(9),
            {"name": "cat.mp4", "mime": "video/mp4"},
            "cat.mp4",
            "video/mp4",
        ),
    ],
)
async def test_a_file_comes_with_its_message(
    telegram: Telegram,
    platform: Platform,
    agent: Listener,
    hub: Hub,
    kind: str,
    data: bytes,
    more: dict[str, Any],
    name: str,
    media_type: str,
) -> None:
    await telegram()
    await platform.sends(kind, data, caption="look", **more)
    (turn,) = await agent.until(1)
    (file,) = turn.attachments
    assert turn.text == "look"
    assert file.media_type == media_type
    assert hub.media.path_of(file).read_bytes() == data
    assert file.name == name


async def test_the_largest_photo_is_taken(telegram: Telegram, platform: Platform, agent: Listener, hub: Hub) -> None:
    await telegram()
    small = await platform.sends("photo", b"small", chat=BERT)
    large = await platform.sends("photo", b"\xff\xd8\xfflarge", chat=BERT)
    sizes = [{**large["photo"][0], "width": 900}, small["photo"][0]]
    await platform.sends("photo", b"x", more={"photo": sizes})
    (turn,) = await agent.until(1)
    assert hub.media.path_of(turn.attachments[0]).read_bytes() == b"\xff\xd8\xfflarge"


async def test_a_file_that_telegram_does_not_give_is_named(
    telegram: Telegram, platform: Platform, agent: Listener
) -> None:
    await telegram()
    await platform.sends("document", size=21 * 1024 * 1024, name="film.mkv", caption="watch this")
    (turn,) = await agent.until(1)
    assert turn.text == "watch this\n[film.mkv is missing: Telegram gives bots no files of more than 20 MB]"
    assert turn.attachments == ()


async def test_a_file_that_telegram_would_not_give_is_not_asked_for(
    telegram: Telegram, platform: Platform, agent: Listener
) -> None:
    entry = await telegram()
    entry.data.intake.downloads._connection.own_server = False
    await platform.sends("document", size=21 * 1024 * 1024, name="film.mkv")
    (turn,) = await agent.until(1)
    assert turn.text == "[film.mkv is missing: Telegram gives bots no files of more than 20 MB]"
    assert await platform.calls("getFile") == []


async def test_a_server_on_this_machine_has_its_files_on_the_disk(
    telegram: Telegram, platform: Platform, agent: Listener, hub: Hub, tmp_path: Path
) -> None:
    await telegram()
    (tmp_path / "file_1").write_bytes(b"abc" * 200_000)
    result = {"file_id": "1", "file_unique_id": "1", "file_path": str(tmp_path / "file_1")}
    await platform.fault("getFile", times=1, body=json.dumps({"ok": True, "result": result}))
    await platform.sends("document", b"x", name="a.txt")
    (turn,) = await agent.until(1)
    assert hub.media.path_of(turn.attachments[0]).read_bytes() == b"abc" * 200_000


@pytest.mark.parametrize("case", ["a server elsewhere", "a file of nanobot", "a file of nanobot, the long way"])
async def test_a_server_does_not_choose_which_file_of_this_disk_is_read(
    telegram: Telegram, platform: Platform, agent: Listener, hub: Hub, tmp_path: Path, case: str
) -> None:
    entry = await telegram()
    place = tmp_path if case == "a server elsewhere" else hub.config_dir
    (place / "secrets.yaml").write_text("door: 4711")
    named = f"{tmp_path}/../{tmp_path.name}/config/secrets.yaml" if "long" in case else f"{place}/secrets.yaml"
    if case == "a server elsewhere":
        entry.data.intake.downloads._is_near = False
    result = {"file_id": "1", "file_unique_id": "1", "file_path": named}
    await platform.fault("getFile", times=1, body=json.dumps({"ok": True, "result": result}))
    await platform.sends("document", b"x", name="a.txt", caption="look")
    (turn,) = await agent.until(1)
    assert turn.text == "look\n[a.txt is missing: it could not be fetched from Telegram]"
    assert turn.attachments == ()


async def test_a_file_that_nanobot_does_not_take_is_named(
    telegram: Telegram, platform: Platform, house: House, agent: Listener
) -> None:
    await house.apply(f"nanobot:\n  media:\n    max_size: 1 kB\n{configured(platform.base_url)}")
    await platform.sends(
        "document", bytes(5000), name="big.bin", more={"from": {**BERTS, "id": ANNA, "language_code": "de"}}
    )
    (turn,) = await agent.until(1)
    assert turn.text == "[big.bin fehlt: Die Datei ist zu groß; angenommen werden höchstens 1 kB.]"
    assert not list(Path(house.config_dir, "media").rglob("*big.bin"))


async def test_a_file_that_cannot_be_fetched_in_time_is_named_and_holds_up_nothing(
    telegram: Telegram, platform: Platform, agent: Listener
) -> None:
    entry = await telegram()
    entry.data.intake.downloads.limit = 0.3
    await platform.fault("file", times=1, delay=3)
    await platform.sends("document", b"abc", name="a.txt")
    await platform.writes("next")
    await agent.until(2)
    assert agent.heard == ["[a.txt is missing: it could not be fetched from Telegram]", "next"]
    assert await platform.unread() == []


@pytest.mark.filterwarnings("ignore:Deprecated since version v22.2")  # the library, of its own error
@pytest.mark.parametrize(
    "fault",
    [
        {"method": "file", "drop": True},
        {"method": "file", "status": 502},
        {"method": "getFile", "status": 500},
        {"method": "getFile", "drop": True},
        {"method": "getFile", "status": 429, "retry_after": 1, "description": "Too Many Requests: retry after 1"},
    ],
    ids=["file dropped", "file 502", "500", "dropped", "429"],
)
async def test_a_file_is_fetched_again_where_that_may_help(
    telegram: Telegram, platform: Platform, agent: Listener, fault: dict[str, Any]
) -> None:
    entry = await telegram()
    entry.data.intake.downloads.backoff = type(entry.data).backoff
    await platform.fault(**fault, times=1)
    await platform.sends("document", b"abc", name="a.txt")
    (turn,) = await agent.until(1)
    assert [file.size_bytes for file in turn.attachments] == [3]


async def test_a_file_that_is_gone_is_not_asked_for_again(
    telegram: Telegram, platform: Platform, agent: Listener
) -> None:
    await telegram()
    await platform.fault("file", times=1, status=404)
    await platform.sends("document", b"abc", name="a.txt", caption="see")
    (turn,) = await agent.until(1)
    assert turn.text == "see\n[a.txt is missing: it could not be fetched from Telegram]"


async def test_nothing_of_a_stranger_is_fetched(telegram: Telegram, platform: Platform, hub: Hub) -> None:
    await telegram(pairing=False)
    await platform.sends("document", b"abc", chat=BERT)
    await platform.unread()
    assert await platform.calls("getFile") == []
    assert not Path(hub.config_dir, "media").exists()


async def test_the_pictures_of_an_album_are_one_message(
    telegram: Telegram, platform: Platform, agent: Listener, hub: Hub
) -> None:
    for number in range(3):
        caption = "look" if number == 1 else None
        await platform.sends("photo", b"\xff\xd8\xff" + bytes([number]), caption=caption, more={"media_group_id": "7"})
    await platform.writes("and now?")
    await telegram()
    await agent.until(2)
    album, text = agent.turns
    assert album.text == "look"
    assert [hub.media.path_of(file).read_bytes()[3] for file in album.attachments] == [0, 1, 2]
    assert (text.text, text.attachments) == ("and now?", ())
    assert await platform.unread() == []


async def test_the_rest_of_an_album_is_waited_for(
    telegram: Telegram, platform: Platform, agent: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("integrations.telegram.polling.ALBUM_REST", 0.3)
    await telegram()
    for _ in range(4):
        await platform.sends("photo", b"\xff\xd8\xff", more={"media_group_id": "7"})
        await asyncio.sleep(0.05)
    await agent.until(1)
    assert len(agent.turns[0].attachments) == 4


async def test_albums_of_two_chats_do_not_mix(telegram: Telegram, platform: Platform, agent: Listener) -> None:
    for chat in (ANNA, BERT, ANNA, BERT):
        await platform.sends("photo", b"\xff\xd8\xff", chat=chat, more={"media_group_id": "7"})
    await telegram(allow="*")
    await agent.until(2)
    assert sorted((turn.chat, len(turn.attachments)) for turn in agent.turns) == [("42", 2), ("43", 2)]


async def test_a_file_that_takes_long_holds_up_its_own_chat_alone(
    telegram: Telegram, platform: Platform, agent: Listener
) -> None:
    await telegram(allow="*")
    await platform.fault("file", times=1, delay=2)
    await platform.sends("document", b"abc", name="a.txt", caption="slow")
    await platform.writes("after it")
    for text in ("one", "two", "three"):
        await platform.writes(text, chat=BERT)
        await platform.reads(1, chat=BERT)
    assert await platform.reads(3, chat=BERT) == ["you said one", "you said two", "you said three"]
    assert [turn.chat for turn in agent.turns] == ["43"] * 3
    assert await platform.unread() == []
    await agent.until(5)
    assert agent.heard[3:] == ["slow", "after it"]
