"""Tasks with an owner."""

import asyncio
import logging
from contextvars import ContextVar, copy_context

import pytest

from nanobot.util.aio import EAGER, Tasks

WHO: ContextVar[str] = ContextVar("who", default="nobody")


@pytest.fixture
def tasks() -> Tasks:
    return Tasks("test")


async def test_what_waits_is_owned_until_it_is_done(tasks: Tasks) -> None:
    go, seen = asyncio.Event(), []

    async def work(word: str) -> None:
        await go.wait()
        seen.append(word)

    start = tasks.starter(work, "work")
    start("one")
    tasks.spawn(work("two"))
    assert len(tasks) == 2
    go.set()
    while len(tasks):
        await asyncio.sleep(0)
    assert seen == ["one", "two"]


async def test_what_need_not_wait_is_done_at_once(tasks: Tasks) -> None:
    seen = []

    async def work(word: str) -> None:
        seen.append(word)

    tasks.starter(work, "work")("one")
    if not EAGER:
        await asyncio.sleep(0)
    assert seen == ["one"]
    assert len(tasks) == 0 or not EAGER


@pytest.mark.parametrize("waits", [False, True])
async def test_a_failure_is_logged_and_harms_nobody(
    tasks: Tasks, caplog: pytest.LogCaptureFixture, waits: bool
) -> None:
    async def work(word: str) -> None:
        if waits:
            await asyncio.sleep(0)
        raise RuntimeError(word)

    with caplog.at_level(logging.ERROR):
        tasks.starter(work, "the work")("broken pipe")
        for _ in range(4):
            await asyncio.sleep(0)
    assert [record.getMessage() for record in caplog.records] == ["the work failed: broken pipe"]
    assert len(tasks) == 0


async def test_cancel_ends_what_is_left(tasks: Tasks) -> None:
    async def work(_: None) -> None:
        await asyncio.Event().wait()

    tasks.starter(work, "work")(None)
    await asyncio.sleep(0)
    assert await tasks.cancel() == []
    assert len(tasks) == 0


async def test_tasks_start_in_the_context_of_their_owner() -> None:
    context = copy_context()
    context.run(WHO.set, "owner")
    tasks, seen = Tasks("test", context=context), []

    async def work(_: None) -> None:
        seen.append(WHO.get())
        WHO.set("somebody else")

    start = tasks.starter(work, "work")
    start(None)
    start(None)
    await tasks.spawn(work(None))
    assert seen == ["owner", "owner", "owner"]
    assert WHO.get() == "nobody"
