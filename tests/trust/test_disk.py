"""A disk that has no room left, seen from the chats: the platform keeps what comes, and it is answered once, later."""

from __future__ import annotations

import asyncio
import resource
import signal
import sys
from pathlib import Path

import pytest

from tests.trust.lives import Lives, lives

CHATS = 5
KINDS = ("hello", '[[tool:ledger {"line": "NUMBER"}]]', '[[seq:3 ledger {"line": "NUMBER"}]]', "photo")
FULL = (4096, resource.RLIM_INFINITY)  # bytes that a file may have: no page of a database fits into its journal
ROOM = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
LOOKS = 15  # at a platform that is to keep what it has


async def everybody_types(process: Lives) -> None:
    for kind in KINDS:
        for chat in process.people.chats:
            await process.people.types(chat, kind)


async def nothing_is_taken(process: Lives, pending: int) -> None:
    """For a while; what is read by then was answered before."""
    before = [await process.people.reads(chat) for chat in process.people.chats]
    for _ in range(LOOKS):
        assert await process.people.pending() == pending
        await asyncio.sleep(0.1)
    assert [await process.people.reads(chat) for chat in process.people.chats] == before


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="limits of another process can be set on Linux alone")
async def test_what_comes_while_the_disk_is_full_is_kept_by_the_platform_over_a_kill_and_answered_once(
    tmp_path: Path,
) -> None:
    async with lives(tmp_path / "config", CHATS) as process:
        await process.open()
        life = await process.begin()
        try:
            await everybody_types(process)
            await process.drain(life)

            resource.prlimit(life.pid, resource.RLIMIT_FSIZE, FULL)
            await everybody_types(process)
            pending = len(KINDS) * CHATS
            await nothing_is_taken(process, pending)

            life.send(signal.SIGKILL)
            await life.ended
            resource.prlimit(process.mother, resource.RLIMIT_FSIZE, FULL)  # what it forks starts on a full disk
            life = await process.begin()
            async with asyncio.timeout(30):
                while not process.is_up(life):
                    await asyncio.sleep(0.1)
            await nothing_is_taken(process, pending)

            resource.prlimit(life.pid, resource.RLIMIT_FSIZE, ROOM)
            await process.last(life)
        finally:
            life.send(signal.SIGKILL)
        complaints = await process.complaints()
        marked = [read.text for chat in process.people.chats for read in await process.people.reads(chat)]
    assert not complaints, "\n".join([*complaints, *process.log.read_text().splitlines()[-40:]])
    assert len(marked) == process.people.count, "each answer is there once"
