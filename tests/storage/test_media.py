"""Files of messages: kept whole or not at all, within limits, in one folder that nothing leads out of."""

from __future__ import annotations

import asyncio
import os
import stat
import threading
import tracemalloc
from collections.abc import AsyncIterator, Collection
from pathlib import Path
from typing import Any

import pytest

from nanobot.contracts.channel import Attachment
from nanobot.contracts.media import MediaLimits
from nanobot.errors import Refused, StorageError
from nanobot.paths import bundled
from nanobot.storage.media import Media, size_text
from nanobot.storage.shelf import Part, Place, Shelf
from nanobot.testing.plugin import House
from nanobot.util import translate
from nanobot.util.dt import Clock
from nanobot.util.file_kind import media_type_of, safe_name

PNG = b"\x89PNG\r\n\x1a\n" + bytes(100)
DAY = 86_400.0


class Time:
    """A clock's hand that a test moves. 2027-01-15, 08:00 UTC."""

    def __init__(self) -> None:
        self.value = 1_800_000_000.0

    def __call__(self) -> float:
        return self.value


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def media(tmp_path: Path, time: Time) -> Media:
    translate.mount([(None, bundled("translations"))])
    return Media(tmp_path, Clock(time))


def files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_dir())


async def nobody() -> Collection[str]:
    return ()


async def stream(*pieces: bytes) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece


# -- keeping ----------------------------------------------------------------------------------------


async def test_a_file_lies_under_its_source_and_day_and_is_open_to_nobody_else(media: Media, tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        kept = await media.keep("telegram work", "holiday.png", PNG)
    finally:
        os.umask(before)
    assert (kept.name, kept.media_type, kept.size_bytes) == ("holiday.png", "image/png", len(PNG))
    folder, source, day, file = kept.path.split("/")
    assert (folder, source, day) == ("media", "telegram_work", "2027-01-15")
    assert file.endswith("_holiday.png")
    path = media.path_of(kept)
    assert path == tmp_path / kept.path
    assert path.read_bytes() == PNG
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert {stat.S_IMODE(up.stat().st_mode) for up in path.parents[:3]} == {0o700}


async def test_a_media_folder_that_was_too_open_is_closed(media: Media, tmp_path: Path) -> None:
    (tmp_path / "media").mkdir()
    (tmp_path / "media").chmod(0o777)
    await media.keep("chat", "a.txt", b"hello")
    assert stat.S_IMODE((tmp_path / "media").stat().st_mode) == 0o700


async def test_a_stream_is_kept_as_it_was_sent(media: Media) -> None:
    pieces = [os.urandom(70_001) for _ in range(20)]
    kept = await media.keep("chat", "noise", stream(*pieces))
    assert media.path_of(kept).read_bytes() == b"".join(pieces)
    assert kept.size_bytes == 20 * 70_001


async def test_an_empty_file_is_a_file(media: Media) -> None:
    kept = await media.keep("chat", "empty.txt", b"")
    assert media.path_of(kept).read_bytes() == b""
    assert (kept.media_type, kept.size_bytes) == ("text/plain", 0)


async def test_the_same_name_at_the_same_time_is_two_files(media: Media) -> None:
    kept = await asyncio.gather(*[media.keep("chat", "a.txt", str(number).encode()) for number in range(50)])
    assert [media.path_of(one).read_bytes() for one in kept] == [str(number).encode() for number in range(50)]


async def test_files_are_never_touched_on_the_event_loop(media: Media, monkeypatch: pytest.MonkeyPatch) -> None:
    threads: set[int] = set()
    for name in ("open", "write", "fsync", "rename", "unlink", "mkdir", "scandir"):
        real = getattr(os, name)

        def watched(*args: Any, real: Any = real, **more: Any) -> Any:
            threads.add(threading.get_ident())
            return real(*args, **more)

        monkeypatch.setattr(os, name, watched)
    kept = await media.keep("chat", "a.bin", stream(*[bytes(100_000)] * 10))
    await media.drop(kept)
    await media.clean_up(2e9, nobody)
    assert threads
    assert threading.get_ident() not in threads


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("../../x", "x"),
        ("a/b", "b"),
        ("..\\..\\evil.exe", "evil.exe"),
        ("/etc/passwd", "passwd"),
        ("a\0b.txt", "a b.txt"),
        ("x" * 300, "x" * 100),
        ("y" * 300 + ".jpeg", "y" * 95 + ".jpeg"),
        ("😀" * 300 + ".png", "😀" * 24 + ".png"),
        ("smile 😀.png", "smile 😀.png"),
        (".", "file"),
        ("..", "file"),
        ("", "file"),
        ("\n\t ", "file"),
        ("CON", "CON"),
        (".bashrc", "bashrc"),
        ("-rf", "-rf"),
        ("half \ud83d.txt", "half.txt"),
        ("photo\u202egnp.exe", "photo gnp.exe"),
        ("\x1b[2Jwiped.txt", "[2Jwiped.txt"),
        ("Straße 京都.pdf", "Straße 京都.pdf"),
    ],
    ids=ascii,
)
async def test_whatever_a_name_says_the_file_lies_in_its_folder(
    media: Media, tmp_path: Path, name: str, shown: str
) -> None:
    kept = await media.keep("../../" + name, name, b"hello")
    assert kept.name == shown
    assert media.path_of(kept).read_bytes() == b"hello"
    assert len(media.path_of(kept).name.encode()) <= 143
    assert media.path_of(kept).parents[2] == tmp_path / "media"
    assert [path.name for path in tmp_path.iterdir()] == ["media"]
    assert len(files(tmp_path)) == 1


# -- what it is -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("head", "given", "name", "kind"),
    [
        (PNG, None, "", "image/png"),
        (b"\xff\xd8\xff\xe0", "text/html", "a.html", "image/jpeg"),
        (b"GIF89a", None, "", "image/gif"),
        (b"RIFF\0\0\0\0WEBPVP8 ", None, "", "image/webp"),
        (b"%PDF-1.7", None, "", "application/pdf"),
        (b"OggS" + bytes(24) + b"OpusHead", "audio/ogg; codecs=opus", "", "audio/ogg"),
        (b"ID3\x04", None, "", "audio/mpeg"),
        (b"\xff\xfb\x90\x00", None, "", "audio/mpeg"),
        (b"\0\0\0\x20ftypisom", None, "", "video/mp4"),
        (b"\0\0\0\x20ftypM4A ", None, "", "audio/mp4"),
        (b"PK\x03\x04", None, "", "application/zip"),
        (b"PK\x03\x04", None, "cv.docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
        (b"PK\x03\x04", "image/png", "a.png", "application/zip"),
        (b"\x7fELF", "image/png", "a.png", "application/x-executable"),
        (b"hello", "Text/Markdown; charset=utf-8", "a.bin", "text/markdown"),
        (b"hello", "application/octet-stream", "a.txt", "text/plain"),
        (b"hello", "../../etc", "a.txt", "text/plain"),
        (b"hello", None, "data:text/html,x", "application/octet-stream"),
        (b"<script>", "image/png", "a.png", "application/octet-stream"),
        (b"hello", None, "", "application/octet-stream"),
    ],
)
def test_a_file_is_what_its_bytes_say(head: bytes, given: str | None, name: str, kind: str) -> None:
    assert media_type_of(head, given, name) == kind


def test_a_name_is_made_safe_once_and_for_all() -> None:
    for name in ("a/b:c?.txt", "x" * 300, " . a . "):
        assert safe_name(safe_name(name)) == safe_name(name)


# -- what is refused --------------------------------------------------------------------------------


async def test_a_file_that_is_too_large_is_refused_with_the_limit(media: Media, tmp_path: Path) -> None:
    media.limits = MediaLimits(max_size=1000)
    with pytest.raises(Refused, match="^The file is too large; at most 1000 B are taken.$"):
        await media.keep("chat", "a", bytes(1001))
    with pytest.raises(Refused, match="^Die Datei ist zu groß; angenommen werden höchstens 1000 B.$"):
        await media.keep("chat", "a", bytes(1001), language="de")
    assert files(tmp_path) == []
    assert (await media.keep("chat", "a", bytes(1000))).size_bytes == 1000


async def test_a_stream_of_200_mb_stops_at_the_limit_and_never_fills_the_memory(media: Media, tmp_path: Path) -> None:
    sent = 0
    closed = False
    block = bytes(64 * 1024)

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent, closed
        try:
            while sent < 200 * 2**20:
                sent += len(block)
                yield block
        finally:
            closed = True

    tracemalloc.start()
    try:
        with pytest.raises(Refused, match="at most 20 MB"):
            await media.keep("chat", "a", endless())
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert sent == 20 * 2**20 + len(block)
    assert closed
    assert peak < 3 * 2**20
    assert files(tmp_path) == []


async def test_only_types_on_the_list_are_taken_and_a_false_claim_does_not_help(media: Media, tmp_path: Path) -> None:
    media.limits = MediaLimits(types=("image/*", "application/pdf"))
    kept = await media.keep("chat", "whatever.exe", PNG)
    assert kept.media_type == "image/png"
    await media.keep("chat", "a.pdf", b"%PDF-1.7")
    with pytest.raises(Refused) as refused:
        await media.keep("chat", "a.png", b"#!/bin/sh", "image/png")
    assert str(refused.value) == (
        "Files of the type application/octet-stream are not taken here; these are: image/*, application/pdf."
    )
    assert len(files(tmp_path)) == 2


async def test_a_folder_that_is_full_takes_no_more_until_there_is_room(media: Media, tmp_path: Path) -> None:
    media.limits = MediaLimits(max_total=1000)
    first = await media.keep("chat", "a", bytes(600))
    with pytest.raises(Refused, match="^There is no room for more files: together they may have 1000 B.$"):
        await media.keep("chat", "b", stream(bytes(200), bytes(201)))
    await media.keep("chat", "c", bytes(400))
    await media.drop(first)
    await media.keep("chat", "d", bytes(600))
    assert sum(path.stat().st_size for path in tmp_path.rglob("*") if path.is_file()) == 1000


async def test_many_at_once_cannot_slip_past_the_quota(media: Media, tmp_path: Path) -> None:
    media.limits = MediaLimits(max_total=10_000)
    results = await asyncio.gather(
        *[media.keep("chat", "a", stream(*[bytes(100)] * 10)) for _ in range(30)], return_exceptions=True
    )
    kept = [result for result in results if isinstance(result, Attachment)]
    assert all(isinstance(result, Refused) for result in results if result not in kept)
    assert 0 < len(kept) <= 10
    assert sum(path.stat().st_size for path in tmp_path.rglob("*") if path.is_file()) == len(kept) * 1000
    await asyncio.gather(*[media.keep("chat", "a", bytes(1000)) for _ in range(10 - len(kept))])


async def test_what_was_there_before_the_start_counts(media: Media, tmp_path: Path) -> None:
    await media.keep("chat", "a", bytes(600))
    again = Media(tmp_path)
    again.limits = MediaLimits(max_total=1000)
    with pytest.raises(Refused):
        await again.keep("chat", "b", bytes(500))


async def test_room_that_somebody_made_by_hand_is_found(media: Media, monkeypatch: pytest.MonkeyPatch) -> None:
    media.limits = MediaLimits(max_total=1000)
    media.path_of(await media.keep("chat", "a", bytes(1000))).unlink()
    with pytest.raises(Refused):
        await media.keep("chat", "b", bytes(1000))
    monkeypatch.setattr("nanobot.storage.media.RECOUNT_AFTER", -1.0)
    await media.keep("chat", "b", bytes(1000))


# -- nothing half done ------------------------------------------------------------------------------


async def test_a_cancel_in_the_middle_leaves_nothing(media: Media, tmp_path: Path) -> None:
    begun = asyncio.Event()

    async def slow() -> AsyncIterator[bytes]:
        yield bytes(300_000)
        begun.set()
        await asyncio.Event().wait()

    keeping = asyncio.ensure_future(media.keep("chat", "a", slow()))
    await begun.wait()
    [part] = files(tmp_path)
    assert part.endswith(".part")
    keeping.cancel()
    with pytest.raises(asyncio.CancelledError):
        await keeping
    assert files(tmp_path) == []


async def test_a_cancel_at_any_moment_leaves_all_or_nothing(media: Media, tmp_path: Path) -> None:
    """Also one that comes while a thread is writing, or has just finished the file."""
    for waits in range(60):
        keeping = asyncio.ensure_future(media.keep("chat", "a", stream(*[bytes(300_000)] * 3)))
        for _ in range(waits):
            await asyncio.sleep(0)
        if waits % 3 == 0:
            await asyncio.sleep(0.0002 * waits)
        keeping.cancel()
        try:
            kept = await keeping
        except asyncio.CancelledError:
            assert files(tmp_path) == []
        else:
            assert files(tmp_path) == [kept.path]
            await media.drop(kept)
    assert media._writing == {}


def test_a_thread_that_comes_too_late_to_write_makes_nothing(tmp_path: Path) -> None:
    part = Part(Shelf(tmp_path), Place("chat", "2027-01-15"), "01HZZZZZZZZZZZZZZZZZZZZZZZ", "a")
    part.abandon()
    part.write(b"hello")
    part.finish(b"", 0)
    assert files(tmp_path) == []


async def test_a_sender_that_breaks_off_leaves_nothing(media: Media, tmp_path: Path) -> None:
    async def breaks() -> AsyncIterator[bytes]:
        yield bytes(300_000)
        raise ConnectionResetError("gone")

    with pytest.raises(ConnectionResetError):
        await media.keep("chat", "a", breaks())
    assert files(tmp_path) == []
    media.limits = MediaLimits(max_total=1000)
    await media.keep("chat", "b", bytes(1000))


@pytest.mark.parametrize("call", ["write", "fsync", "rename"])
async def test_a_full_disk_is_a_storage_error_and_leaves_nothing(
    media: Media, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    def full(*args: Any, **more: Any) -> Any:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, call, full)
        with pytest.raises(StorageError, match="^files in media/ cannot be kept: the disk is full$"):
            await media.keep("chat", "a", bytes(300_000))
    assert files(tmp_path) == []
    await media.keep("chat", "a", bytes(300_000))


@pytest.mark.bound
async def test_a_folder_that_cannot_be_written_is_a_storage_error(media: Media, tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(StorageError, match="Permission denied"):
            await media.keep("chat", "a", b"hello")
    finally:
        tmp_path.chmod(0o700)
    await media.keep("chat", "a", b"hello")


# -- links ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("planted", ["media", "media/chat", "media/chat/2027-01-15"])
async def test_a_planted_link_leads_nothing_out(media: Media, tmp_path: Path, planted: str) -> None:
    elsewhere = tmp_path / "elsewhere"
    (elsewhere / "chat" / "2027-01-15").mkdir(parents=True)
    link = tmp_path / planted
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(elsewhere)
    with pytest.raises(StorageError, match=f"'{link.name}' is a link or no folder; remove it"):
        await media.keep("chat", "a", b"hello")
    assert files(elsewhere) == []
    link.unlink()
    await media.keep("chat", "a", b"hello")


@pytest.mark.parametrize(
    "path",
    [
        "../secrets.yaml",
        "media/../secrets.yaml",
        "media/./../secrets.yaml",
        "secrets.yaml",
        "/etc/passwd",
        "media",
        "media/",
        "media//a",
        "media/chat",
        "media/link",
        "media/links/a",
        "media/pipe",
        "media/no\0body",
        "media/" + "x" * 300,
        "",
    ],
    ids=ascii,
)
async def test_nothing_but_a_plain_file_in_the_folder_has_a_path(media: Media, tmp_path: Path, path: str) -> None:
    (tmp_path / "secrets.yaml").write_text("secret")
    (tmp_path / "media" / "chat").mkdir(parents=True)
    (tmp_path / "media" / "link").symlink_to(tmp_path / "secrets.yaml")
    (tmp_path / "media" / "links").symlink_to(tmp_path / "media")
    (tmp_path / "media" / "a").write_text("a")
    os.mkfifo(tmp_path / "media" / "pipe")
    assert media.path_of(Attachment("media/a", "a")).read_text() == "a"
    with pytest.raises(Refused):
        media.path_of(Attachment(path, "a"))


# -- cleaning up ------------------------------------------------------------------------------------


async def test_what_is_old_goes_and_what_is_needed_stays(media: Media, tmp_path: Path, time: Time) -> None:
    old = [await media.keep("chat", f"{number}.txt", b"old") for number in range(5)]
    await media.keep("voice", "only.ogg", b"old")
    time.value += 31 * DAY
    new = await media.keep("chat", "new.txt", b"new")

    async def in_use() -> Collection[str]:
        return {old[2].path}

    assert await media.clean_up(time.value, in_use) == 5
    assert files(tmp_path) == sorted([old[2].path, new.path])
    assert [path.name for path in (tmp_path / "media").iterdir()] == ["chat"]
    assert await media.clean_up(time.value, nobody) == 1
    assert [path.name for path in (tmp_path / "media" / "chat").iterdir()] == ["2027-02-15"]
    media.limits = MediaLimits(max_total=3 + 1000)
    await media.keep("chat", "b", bytes(1000))


async def test_an_edit_of_the_age_counts_at_once(media: Media, time: Time) -> None:
    await media.keep("chat", "a", b"a")
    time.value += 2 * DAY
    assert await media.clean_up(time.value, nobody) == 0
    media.limits = MediaLimits(keep_days=1)
    assert await media.clean_up(time.value, nobody) == 1


async def test_only_what_was_made_here_is_ever_deleted(media: Media, tmp_path: Path, time: Time) -> None:
    kept = await media.keep("chat", "a.txt", b"mine")
    day = media.path_of(kept).parent
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / media.path_of(kept).name).write_text("not mine")
    (day / "01HZZZZZZZZZZZZZZZZZZZZZZZ_link").symlink_to(outside / media.path_of(kept).name)
    (day.parent / "2020-01-01").symlink_to(outside)
    (tmp_path / "media" / "linked").symlink_to(tmp_path / "outside")
    (tmp_path / "media" / "by hand.txt").write_text("yours")
    (day / "notes.txt").write_text("yours")
    (tmp_path / "media" / "Album").mkdir()
    (tmp_path / "media" / "Album" / "old.txt").write_text("yours")
    for path in tmp_path.rglob("*"):
        os.utime(path, (0, 0), follow_symlinks=False)
    before = files(tmp_path)
    assert await media.clean_up(time.value, nobody) == 1
    assert set(before) - set(files(tmp_path)) == {kept.path}


async def test_drop_deletes_nothing_but_files_of_messages(media: Media, tmp_path: Path) -> None:
    (tmp_path / "secrets.yaml").write_text("secret")
    kept = await media.keep("chat", "a.txt", b"hello")
    await media.drop(
        Attachment("secrets.yaml", "a"),
        Attachment("media/../secrets.yaml", "a"),
        Attachment("media/chat", "a"),
        Attachment(f"{kept.path}\0", "a"),
        kept,
    )
    assert files(tmp_path) == ["secrets.yaml"]
    await media.drop(kept)


async def test_what_a_crash_left_half_written_goes_and_what_is_being_written_stays(
    media: Media, tmp_path: Path
) -> None:
    kept = await media.keep("chat", "a", b"hello")
    left = media.path_of(kept).parent / ".01HZZZZZZZZZZZZZZZZZZZZZZZ.part"
    left.write_bytes(bytes(1000))
    go, begun = asyncio.Event(), asyncio.Event()

    async def slow() -> AsyncIterator[bytes]:
        yield bytes(300_000)
        begun.set()
        await go.wait()
        yield b"end"

    keeping = asyncio.ensure_future(media.keep("chat", "b", slow()))
    await begun.wait()
    await media.clean_up(0, nobody)
    assert not left.exists()
    go.set()
    assert media.path_of(await keeping).stat().st_size == 300_003


async def test_keeping_while_empty_folders_are_tidied_away_always_works(media: Media, tmp_path: Path) -> None:
    over = False

    async def tidies() -> None:
        while not over:
            await media.clean_up(0, nobody)

    tidying = asyncio.ensure_future(tidies())
    try:
        for _ in range(50):
            await media.drop(await media.keep("chat", "a", b"hello"))
    finally:
        over = True
        await tidying
    assert media._kept == 0


async def test_when_nobody_can_tell_what_is_needed_nothing_is_deleted(media: Media, tmp_path: Path, time: Time) -> None:
    await media.keep("chat", "a", b"hello")
    time.value += 31 * DAY

    async def in_use() -> Collection[str]:
        raise StorageError("hub.db cannot be read")

    with pytest.raises(StorageError):
        await media.clean_up(time.value, in_use)
    assert len(files(tmp_path)) == 1


# -- configuration ----------------------------------------------------------------------------------


async def test_an_edit_of_the_limits_counts_from_the_next_file_on(house: House) -> None:
    await house.start("nanobot:\n  media: {max_size: 1 kB}\n")
    with pytest.raises(Refused, match="at most 1 kB"):
        await house.hub.media.keep("chat", "a", bytes(1025))
    await house.apply("nanobot:\n  media: {max_size: 2 kB, types: ['image/*', 'text/*']}\n")
    await house.hub.media.keep("chat", "a.txt", bytes(1025))
    with pytest.raises(Refused, match="image/\\*, text/\\*"):
        await house.hub.media.keep("chat", "a", bytes(1025))
    await house.apply("nanobot:\n")
    assert house.hub.media.limits == MediaLimits()


@pytest.mark.parametrize(
    ("size", "text"), [(0, "0 B"), (1023, "1023 B"), (1024, "1 kB"), (20 * 2**20, "20 MB"), (3 * 2**29, "1.5 GB")]
)
def test_sizes_are_told_as_people_write_them(size: int, text: str) -> None:
    assert size_text(size) == text
