"""A chat at a terminal: a prompt below, answers that grow above it, and whatever else is printed in between.

Knows nothing of what it talks to: see ``Talk``. Imported only where somebody sits at a terminal.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Protocol

from prompt_toolkit import PromptSession, print_formatted_text
from prompt_toolkit.application import get_app_or_none, run_in_terminal
from prompt_toolkit.auto_suggest import AutoSuggestFromHistory
from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document
from prompt_toolkit.formatted_text import FormattedText, StyleAndTextTuples
from prompt_toolkit.history import FileHistory, History, InMemoryHistory
from prompt_toolkit.input import Input
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.output import Output
from prompt_toolkit.patch_stdout import patch_stdout
from prompt_toolkit.styles import Style
from prompt_toolkit.utils import get_cwidth

COMMANDS = ("/help", "/stop", "/clear", "/quit")
AGAIN = 2.0  # s between two Ctrl-C that mean: leave
PATIENCE = 0.5  # s without a word of the answer, and the prompt shows that it is on its way
SHORTEST = 2  # letters before a name is offered

PROMPT_MARK = "below_is_a_prompt"  # attribute of sys.stderr while it is one: the log then leaves out small talk

STYLE = Style.from_dict(
    {
        "prompt": "ansicyan bold",
        "said": "bold",
        "dim": "#888888",
        "problem": "ansired",
        "auto-suggestion": "#777777",
    }
)

# Answers are foreign text: they must not steer the terminal.
_CLEAN = {code: None for code in (*range(32), *range(127, 160)) if code not in (9, 10)}


class Talk(Protocol):
    """What a terminal talks to. ``say`` and ``next`` may raise anything whose text is a sentence."""

    async def say(self, text: str) -> None:
        """Hand over what was typed."""

    async def stop(self) -> bool:
        """Stop the answer that is on its way; whether there was one."""

    async def next(self) -> Mapping[str, Any]:
        """The next event, see ``Terminal.show``. Raises ``EOFError`` when there will be none any more."""

    async def words(self) -> Mapping[str, str]:
        """Names to complete, and what they are the name of."""


class Terminal:
    """``text(key, **placeholders)`` gives the words; ``leave`` says what leaving means: "stop" the hub (it is asked
    first) or "quit" the chat."""

    def __init__(
        self,
        talk: Talk,
        *,
        history: Path | None,
        text: Callable[..., str],
        leave: str = "quit",
        input: Input | None = None,  # noqa: A002 - prompt_toolkit's word
        output: Output | None = None,
    ) -> None:
        self._talk = talk
        self._text = text
        self._leave = leave
        self._names = Names()
        self._flow = Flow(self._width)
        self._turn: str | None = None
        self._turn_since = 0.0
        self._streamed = ""
        self._draft = ""
        self._interrupted = 0.0
        self._session: PromptSession[str | None] = PromptSession(
            message=self._prompt,
            multiline=True,  # a paste of several lines stays one message; Enter sends
            history=_history(history),
            auto_suggest=AutoSuggestFromHistory(),
            completer=self._names,
            complete_while_typing=False,
            key_bindings=self._keys(),
            style=STYLE,
            erase_when_done=True,
            prompt_continuation="  ",
            input=input,
            output=output,
        )

    async def run(self) -> bool:
        """Chat until the person wants to leave (True) or the terminal is gone (False)."""
        with patch_stdout(raw=True):
            setattr(sys.stderr, PROMPT_MARK, True)
            # After patch_stdout, so that what is printed here and what is logged share one way out.
            shower = asyncio.create_task(self._show_all(), name="terminal")
            try:
                return await self._ask(shower)
            finally:
                shower.cancel()
                await asyncio.wait([shower])

    async def show(self, event: Mapping[str, Any]) -> None:
        """Print an event: ``kind`` is turn, text, thinking, tool, message, note or problem."""
        text = str(event.get("text") or "").translate(_CLEAN)
        match event.get("kind"):
            case "turn":
                await self._show_turn(event)
            case "text":
                self._streamed += text
                await self._print([[("", line)] for line in self._flow.feed(text)])
            case "tool":
                await self._print([*self._rest(), [("class:dim", f"  · {text}")]])
            case "message":
                await self._show_message(event, text)
            case "note":
                await self._print([*self._rest(), [("class:dim", f"· {text}")]])
            case "problem":
                await self._print([*self._rest(), [("class:problem", f"! {text}")]])
        self._redraw()

    # -- the person -----------------------------------------------------------------------------

    async def _ask(self, shower: asyncio.Task[None]) -> bool:
        await self._print([[("class:dim", self._text(f"welcome_{self._leave}"))], []])
        while not shower.done():
            with contextlib.suppress(Exception):  # names are a convenience
                self._names.known = await self._talk.words()
            try:
                draft, self._draft = self._draft, ""
                line = await self._session.prompt_async(default=draft, handle_sigint=False)
            except EOFError:  # the terminal was closed, or the other side is gone
                return False
            except KeyboardInterrupt:
                return True
            if line is None:
                if self._leave == "quit" or await self._is_sure():
                    return True
            elif line.strip() and await self._take(line.strip()):
                return self._leave == "quit" or await self._is_sure()
        return False

    async def _take(self, line: str) -> bool:
        """Do what was typed; True to leave."""
        first, *more = line.split("\n")
        said: list[StyleAndTextTuples] = [[("class:prompt", "› "), ("class:said", first.translate(_CLEAN))]]
        said += [[("class:said", f"  {part.translate(_CLEAN)}")] for part in more]
        await self._print(said)
        match line:
            case "/quit" | "/exit":
                return True
            case "/help":
                await self._print([[("class:dim", part)] for part in self._text("help").splitlines()] + [[]])
            case "/clear":
                await run_in_terminal(self._session.app.renderer.clear)
            case "/stop":
                await self._stop()
            case _:
                try:
                    await self._talk.say(line)
                except Exception as error:  # refused, busy, gone: it is told, and the person may try again
                    self._draft = line
                    await self._print([[("class:problem", f"! {error}")]])
        return False

    async def _stop(self) -> None:
        try:
            stopped = await self._talk.stop()
        except Exception as error:  # as for say
            await self._print([[("class:problem", f"! {error}")]])
            return
        await self._print([[("class:dim", self._text("stopped_now" if stopped else "nothing_to_stop"))], []])

    async def _is_sure(self) -> bool:
        session: PromptSession[str] = PromptSession(
            [("class:problem", self._text("stop_question"))],
            style=STYLE,
            input=self._session.input,
            output=self._session.output,
        )
        try:
            answer = await session.prompt_async(handle_sigint=False)
        except EOFError:
            return True
        except KeyboardInterrupt:
            return False
        return answer.strip().casefold()[:1] in self._text("yes").split()

    def _keys(self) -> KeyBindings:
        keys = KeyBindings()

        @keys.add("enter")
        def send(event: KeyPressEvent) -> None:
            event.current_buffer.validate_and_handle()

        @keys.add("escape", "enter")
        @keys.add("c-j")
        def new_line(event: KeyPressEvent) -> None:
            event.current_buffer.insert_text("\n")

        @keys.add("c-d")
        def leave(event: KeyPressEvent) -> None:
            if event.current_buffer.text:
                event.current_buffer.delete()
            else:
                event.app.exit(result=None)

        @keys.add("c-c")
        def cancel(event: KeyPressEvent) -> None:
            now = time.monotonic()
            if event.current_buffer.text:
                event.current_buffer.reset()
            elif self._turn is not None:
                event.app.create_background_task(self._stop())
            elif now - self._interrupted < AGAIN:
                event.app.exit(exception=KeyboardInterrupt)
            else:
                self._interrupted = now
                hint = self._text(f"again_{self._leave}")
                event.app.create_background_task(self._print([[("class:dim", hint)]]))

        return keys

    def _prompt(self) -> StyleAndTextTuples:
        above: StyleAndTextTuples = []
        if self._flow.tail:
            above = [("", self._flow.tail + "\n")]
        elif self._turn is not None and time.monotonic() - self._turn_since >= PATIENCE:
            above = [("class:dim", self._text("working") + "\n")]
        return [*above, ("class:prompt", "› ")]

    # -- what is shown --------------------------------------------------------------------------

    async def _show_all(self) -> None:
        while True:
            try:
                event = await self._talk.next()
            except EOFError:
                break
            await self.show(event)
        if (app := get_app_or_none()) is not None and app.is_running:
            app.exit(exception=EOFError)

    async def _show_turn(self, event: Mapping[str, Any]) -> None:
        if event.get("state") == "started":
            await self._print(self._rest())
            self._streamed = ""
            self._turn, self._turn_since = str(event.get("turn")), time.monotonic()
            asyncio.get_running_loop().call_later(PATIENCE + 0.05, self._redraw)
        else:
            self._turn = None

    async def _show_message(self, event: Mapping[str, Any], text: str) -> None:
        streamed, self._streamed = self._streamed.strip(), ""
        if streamed and text.strip().startswith(streamed):  # it was read already, save perhaps for an end
            text = text.strip()[len(streamed) :]
            if not text:
                await self._print([*self._rest(), []])
                return
        lines = self._rest()
        flow = Flow(self._width)
        shown = [*flow.feed(text.rstrip() + "\n"), *flow.rest()]
        if event.get("repeated"):
            lines.append([("class:dim", self._text("repeated"))])
        lines += [[("", line)] for line in shown]
        lines += [[("class:dim", f"  + {path}")] for path in event.get("attachments") or ()]
        await self._print([*lines, []])

    def _rest(self) -> list[StyleAndTextTuples]:
        return [[("", line)] for line in self._flow.rest()]

    async def _print(self, lines: list[StyleAndTextTuples]) -> None:
        if not lines:
            return

        def write() -> None:
            for line in lines:
                print_formatted_text(FormattedText(line), style=STYLE, output=self._session.output)

        await run_in_terminal(write)

    def _redraw(self) -> None:
        self._session.app.invalidate()

    def _width(self) -> int:
        return self._session.output.get_size().columns


class Flow:
    """Text that arrives in pieces, as lines that fit; ``tail`` is the line that is not full yet."""

    def __init__(self, width: Callable[[], int]) -> None:
        self._width = width
        self.tail = ""

    def feed(self, text: str) -> list[str]:
        """The lines that are complete now."""
        *complete, self.tail = (self.tail + text.expandtabs(4)).split("\n")
        lines = [piece for line in complete for piece in self._folded(line)]
        *more, self.tail = self._folded(self.tail)
        return lines + more

    def rest(self) -> list[str]:
        """The line that was begun, if any: nothing more comes for it."""
        tail, self.tail = self.tail, ""
        return [tail] if tail else []

    def _folded(self, line: str) -> list[str]:
        width = max(20, self._width() - 1)
        folded = []
        while get_cwidth(line) > width:
            end = _fitting(line, width)
            space = line.rfind(" ", 1, end + 1)
            if space > 0 and line[:space].strip():
                folded.append(line[:space])
                line = line[space + 1 :]
            else:
                folded.append(line[:end])
                line = line[end:]
        return [*folded, line]


def _fitting(line: str, width: int) -> int:
    """How many characters of a line fit into so many columns."""
    used = 0
    for number, character in enumerate(line):
        used += get_cwidth(character)
        if used > width:
            return max(1, number)
    return len(line)


class Names(Completer):
    """Completes commands at the beginning, and names of several words anywhere."""

    def __init__(self) -> None:
        self.known: Mapping[str, str] = {}

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterable[Completion]:
        before = document.text_before_cursor
        if before.startswith("/"):
            for command in COMMANDS:
                if command.startswith(before):
                    yield Completion(command, start_position=-len(before))
            return
        starts = [0, *(number + 1 for number, character in enumerate(before) if character in " \n")]
        typed = [before[start:].casefold() for start in starts if len(before) - start >= SHORTEST]
        for name, meaning in self.known.items():
            begin = next((begin for begin in typed if name.casefold().startswith(begin)), None)
            if begin is not None:
                yield Completion(name, start_position=-len(begin), display_meta=meaning)


def _history(path: Path | None) -> History:
    """Kept in a file that its owner alone may read, else in memory."""
    if path is None:
        return InMemoryHistory()
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600))
    except OSError:
        return InMemoryHistory()
    return FileHistory(path)
