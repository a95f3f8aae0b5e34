"""The chat at a terminal: what grows above the prompt, and what keys do."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sys
import threading
from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest
from prompt_toolkit.completion import CompleteEvent
from prompt_toolkit.data_structures import Size
from prompt_toolkit.document import Document
from prompt_toolkit.input import PipeInput, create_pipe_input
from prompt_toolkit.output import DummyOutput

from nanobot.lifecycle.logs import PROMPT_MARK as LOG_MARK
from nanobot.util.terminal import PROMPT_MARK, Flow, Names, Terminal

WORDS = {"yes": "y", "stop_question": "Stop? "}


class Paper(DummyOutput):
    """Remembers what is written."""

    def __init__(self) -> None:
        self.text = ""

    def write(self, data: str) -> None:
        self.text += data

    def write_raw(self, data: str) -> None:
        self.text += data

    def get_size(self) -> Size:
        return Size(rows=40, columns=40)


class Partner:
    """The other side of the talk."""

    def __init__(self) -> None:
        self.heard: list[str] = []
        self.stopped = 0
        self.events: asyncio.Queue[Mapping[str, Any] | None] = asyncio.Queue()
        self.error: Exception | None = None
        self.told = asyncio.Event()

    async def say(self, text: str) -> None:
        if self.error is not None:
            error, self.error = self.error, None
            raise error
        self.heard.append(text)
        self.told.set()

    async def stop(self) -> bool:
        self.stopped += 1
        self.told.set()
        return True

    async def next(self) -> Mapping[str, Any]:
        event = await self.events.get()
        if event is None:
            raise EOFError
        return event

    async def words(self) -> Mapping[str, str]:
        return {"Desk lamp": "light.desk"}


class Stage:
    """A terminal that runs, with hands on its keyboard and eyes on its paper."""

    def __init__(self, keys: PipeInput, leave: str) -> None:
        self.keys = keys
        self.paper = Paper()
        self.partner = Partner()
        self.terminal = Terminal(
            self.partner,
            history=None,
            text=lambda key, **values: WORDS.get(key, f"<{key}>"),
            leave=leave,
            input=keys,
            output=self.paper,
        )
        self.run = asyncio.create_task(self.terminal.run())

    async def shows(self, text: str) -> None:
        async with asyncio.timeout(10):
            while text not in self.paper.text:
                await asyncio.sleep(0.01)

    async def event(self, **event: Any) -> None:
        await self.partner.events.put(event)

    async def heard(self) -> None:
        async with asyncio.timeout(10):
            await self.partner.told.wait()
        self.partner.told.clear()

    async def ends(self) -> bool:
        async with asyncio.timeout(10):
            return await self.run


@contextlib.asynccontextmanager
async def staged(leave: str = "quit") -> AsyncIterator[Stage]:
    with create_pipe_input() as keys:
        stage = Stage(keys, leave)
        await stage.shows(f"<welcome_{leave}>")
        async with asyncio.timeout(10):
            while not stage.terminal._app.is_running:
                await asyncio.sleep(0.01)
        yield stage
        stage.run.cancel()
        await asyncio.wait([stage.run])


@pytest.fixture(params=["quit"])
async def stage(request: pytest.FixtureRequest) -> AsyncIterator[Stage]:
    async with staged(request.param) as stage:
        yield stage


in_the_hub = pytest.mark.parametrize("stage", ["stop"], indirect=True)


async def test_a_line_is_said_and_shown(stage: Stage) -> None:
    stage.keys.send_text("hello there\r")
    await stage.heard()
    assert stage.partner.heard == ["hello there"]
    await stage.shows("hello there")


async def test_an_answer_that_was_read_as_it_came_is_not_printed_again(stage: Stage) -> None:
    await stage.event(kind="turn", turn="1", state="started")
    await stage.event(kind="text", turn="1", text="first line\nsecond ")
    await stage.event(kind="text", turn="1", text="line")
    await stage.event(kind="turn", turn="1", state="finished")
    await stage.event(kind="message", text="first line\nsecond line", answers="m")
    await stage.event(kind="note", text="over")
    await stage.shows("· over")
    assert stage.paper.text.count("first line") == 1


async def test_a_remark_that_is_no_part_of_the_answer_disappears(stage: Stage) -> None:
    await stage.event(kind="turn", turn="1", state="started")
    await stage.event(kind="text", turn="1", text="Let me see")
    await stage.event(kind="retract", turn="1", text="")
    await stage.event(kind="tool", turn="1", text="clock")
    await stage.event(kind="text", turn="1", text="Noon.")
    await stage.event(kind="message", text="Noon.", answers="m")
    await stage.event(kind="note", text="over")
    await stage.shows("· over")
    printed = stage.paper.text.split("· clock")[1]
    assert "Let me see" not in printed
    assert "<retracted>" not in stage.paper.text
    assert stage.terminal._flow.tail == ""


async def test_lines_that_stand_above_already_are_said_to_be_void_and_the_answer_is_printed_whole(
    stage: Stage,
) -> None:
    await stage.event(kind="turn", turn="1", state="started")
    await stage.event(kind="text", turn="1", text="It is one\nor rather")
    await stage.event(kind="retract", turn="1", text="")
    await stage.event(kind="retract", turn="1", text="")
    await stage.event(kind="message", text="It is two", answers="m")
    await stage.shows("It is two")
    assert stage.paper.text.count("<retracted>") == 1
    assert stage.paper.text.index("It is one") < stage.paper.text.index("<retracted>")


async def test_the_end_that_was_not_read_yet_is_printed(stage: Stage) -> None:
    await stage.event(kind="turn", turn="1", state="started")
    await stage.event(kind="text", turn="1", text="I begin")
    await stage.event(kind="message", text="I begin\n\nbut it failed", answers="m")
    await stage.shows("but it failed")
    assert "I begin" in stage.paper.text.split("but it failed")[0]


async def test_an_answer_cannot_steer_the_terminal(stage: Stage) -> None:
    await stage.event(kind="message", text="a\x1b[2Jb\x07c\x9b1m", answers="m")
    await stage.shows("a[2Jbc1m")


async def test_what_could_not_be_said_comes_back(stage: Stage) -> None:
    stage.partner.error = RuntimeError("the queue is full")
    stage.keys.send_text("hello\r")
    await stage.shows("! the queue is full")
    stage.keys.send_text(" again\r")
    await stage.heard()
    assert stage.partner.heard == ["hello again"]


async def test_control_c_forgets_the_line_then_stops_the_answer_then_leaves(stage: Stage) -> None:
    stage.keys.send_text("half a line\x03whole\r")
    await stage.heard()
    assert stage.partner.heard == ["whole"]
    await stage.event(kind="turn", turn="1", state="started")
    await stage.event(kind="note", text="ready")
    await stage.shows("· ready")
    stage.keys.send_text("\x03")
    await stage.heard()
    assert stage.partner.stopped == 1
    await stage.event(kind="turn", turn="1", state="finished")
    await stage.event(kind="note", text="calm")
    await stage.shows("· calm")
    stage.keys.send_text("\x03")
    await stage.shows("<again_quit>")
    stage.keys.send_text("\x03")
    assert await stage.ends() is True


@in_the_hub
async def test_leaving_the_hub_is_asked_first(stage: Stage) -> None:
    stage.keys.send_text("\x04")
    await stage.shows("Stop? ")
    stage.keys.send_text("n\rhello\r")
    await stage.heard()
    assert stage.partner.heard == ["hello"]
    stage.keys.send_text("/quit\r")
    await asyncio.sleep(0)
    async with asyncio.timeout(10):
        while not stage.terminal._asking:
            await asyncio.sleep(0.01)
    stage.keys.send_text("y\r")
    assert await stage.ends() is True


async def test_it_ends_when_the_other_side_is_gone_for_good(stage: Stage) -> None:
    await stage.partner.events.put(None)
    assert await stage.ends() is False


async def test_a_paste_of_lines_is_one_message(stage: Stage) -> None:
    stage.keys.send_text("\x1b[200~one\ntwo\x1b[201~\r")
    await stage.heard()
    assert stage.partner.heard == ["one\ntwo"]


async def test_what_is_printed_and_logged_meanwhile_appears_above_in_whole_lines() -> None:
    before = sys.stdout, sys.stderr
    async with staged() as stage:  # not the fixture: pytest changes sys.stdout between fixture and test
        print("half ", end="")
        print("a line")
        handler = logging.StreamHandler(sys.stderr)
        record = logging.LogRecord("x", logging.WARNING, "", 0, "from a thread", None, None)
        thread = threading.Thread(target=handler.handle, args=(record,))
        thread.start()
        thread.join()
        await stage.shows("half a line\n")
        await stage.shows("from a thread\n")
        assert getattr(sys.stderr, LOG_MARK) is True
        assert LOG_MARK == PROMPT_MARK
        stage.keys.send_text("\x04")
        assert await stage.ends() is True
    assert (sys.stdout, sys.stderr) == before


async def test_help_is_local(stage: Stage) -> None:
    stage.keys.send_text("/help\r")
    await stage.shows("<help>")
    assert stage.partner.heard == []


def test_lines_are_folded_at_words() -> None:
    flow = Flow(lambda: 25)
    assert flow.feed("one two three four five six") == ["one two three four five"]
    assert flow.tail == "six"
    assert flow.feed(" seven\neight") == ["six seven"]
    assert flow.rest() == ["eight"]
    assert flow.tail == ""


def test_a_word_longer_than_the_line_is_cut_at_its_end() -> None:
    flow = Flow(lambda: 25)
    assert flow.feed("x" * 60 + "\n") == ["x" * 24, "x" * 24, "x" * 12]


def test_wide_letters_count_twice() -> None:
    flow = Flow(lambda: 25)
    assert flow.feed("中" * 20 + "\n") == ["中" * 12, "中" * 8]


@pytest.mark.parametrize(
    ("typed", "completed"),
    [
        ("turn on the de", ["turn on the Desk lamp"]),
        ("desk l", ["Desk lamp"]),
        ("turn on DESK LA", ["turn on Desk lamp"]),
        ("light.d", ["light.desk"]),
        ("d", []),
        ("xde", []),
        ("/he", ["/help"]),
        ("/", ["/help", "/stop", "/clear", "/quit"]),
        ("say /he", []),
    ],
)
def test_names_are_completed_anywhere_and_commands_at_the_beginning(typed: str, completed: list[str]) -> None:
    names = Names()
    names.known = {"Desk lamp": "light.desk", "light.desk": "Desk lamp"}
    found = names.get_completions(Document(typed), CompleteEvent())
    assert [typed[: len(typed) + one.start_position] + one.text for one in found] == completed
