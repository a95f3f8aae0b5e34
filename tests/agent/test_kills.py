"""A real process is killed around a tool that must not work twice: what waited still waits, and what nobody can know is
said to be unknown."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]


class Child:
    """A process, and what it has told so far."""

    def __init__(self, process: asyncio.subprocess.Process, ids: Callable[[], str]) -> None:
        self.process = process
        self._ids = ids

    def types(self, text: str, chat: str = "test") -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps({"id": self._ids(), "chat": chat, "text": text}).encode() + b"\n")

    async def until(self, kind: str, *parts: str) -> str:
        """Until it has told something of this kind with each of these in it, in any order; gives the last one."""
        assert self.process.stdout is not None
        told: list[Any] = []
        missing = list(parts)
        try:
            async with asyncio.timeout(40):
                while line := await self.process.stdout.readline():
                    told.append(json.loads(line))
                    text = str(told[-1].get(kind, ""))
                    missing = [part for part in missing if part not in text]
                    if not missing:
                        return text
        except TimeoutError:
            pass
        raise AssertionError(f"{missing} was not told, but {told}")


Living = Callable[[str], Any]


@pytest.fixture
def living(tmp_path: Path) -> Living:
    """``async with living(hold) as child``: it is killed at the end."""
    numbers = count()

    @asynccontextmanager
    async def living(hold: str) -> AsyncIterator[Child]:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "tests.agent.killed_child", str(tmp_path), hold),
            cwd=ROOT,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        try:
            yield Child(process, lambda: f"m{next(numbers)}")
        finally:
            process.kill()
            await process.communicate()

    return living


def done(folder: Path) -> list[str]:
    file = folder / "done.txt"
    return file.read_text().split() if file.exists() else []


@pytest.mark.slow
async def test_what_a_tool_does_is_done_once_whenever_the_process_dies(living: Living, tmp_path: Path) -> None:
    """``blow`` has to be approved, ``note`` is called in its turn, in another chat."""
    async with living("-") as child:
        child.types("use blow")
        await child.until("said", "/approve 1")
    async with living("without") as child:  # killed while it waits
        child.types("/approvals")
        assert "blow" in await child.until("said", "Approval 1")
        child.types("/approve 1")
        await child.until("at", "approved")
    async with living("before") as child:  # killed between the yes and the call, which is made now
        await child.until("at", "before blow")
        child.types("use note", chat="other")
        await child.until("at", "before note")
    assert done(tmp_path) == []
    async with living("after") as child:  # killed between what is written down of a call, and its work
        await child.until("said", "it is not known whether it was carried out", "It is not known whether this was")
        child.types("use blow")
        await child.until("said", "/approve 2")
        child.types("/approve 2")
        await child.until("at", "after blow")
        child.types("use note", chat="other")
        await child.until("at", "after note")
    assert done(tmp_path) == ["blow", "note"]
    async with living("-") as child:  # killed right after its work
        await child.until("said", "it is not known whether it was carried out", "It is not known whether this was")
        child.types("use blow")
        await child.until("said", "/approve 3")
        child.types("/approve 3")
        await child.until("said", "it is done")
    assert done(tmp_path) == ["blow", "note", "blow"]
