"""A chat at a terminal: a prompt below, answers that grow above it, and whatever else is printed in between.

Knows nothing of what it talks to: see ``Talk``. Imported only where somebody sits at a terminal.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, TextIO, cast

from prompt_toolkit import PromptSession
from prompt_toolkit.auto_suggest import AutoSuggestFromHistory
from prompt_toolkit.buffer import Buffer
from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document
from prompt_toolkit.formatted_text import FormattedText, StyleAndTextTuples
from prompt_toolkit.history import FileHistory, History, InMemoryHistory
from prompt_toolkit.input import Input
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.output import Output
from prompt_toolkit.renderer import print_formatted_text
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
    first) or "quit" the chat.

    One prompt runs from beginning to end, and everything is printed above it without leaving raw mode: Ctrl-C is
    a key all the time, and never a signal that would end the process.
    """

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
        self._lines: asyncio.Queue[str] = asyncio.Queue()
        self._turn: str | None = None
        self._turn_since = 0.0
        self._streamed = ""
        self._above = False
        """Whether lines of what was streamed stand above the prompt, where nothing can be taken back."""
        self._interrupted = float("-inf")
        self._asking = False
        self._session: PromptSession[bool] = PromptSession(
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
        self._app = self._session.app
        self._session.default_buffer.accept_handler = self._accept

    async def run(self) -> bool:
        """Chat until the person wants to leave (True) or the terminal is gone (False)."""
        with _above(self._write):
            self._print([[("class:dim", self._text(f"welcome_{self._leave}"))], []])
            await self._learn()
            tasks = [
                asyncio.create_task(self._show_all(), name="terminal: show"),
                asyncio.create_task(self._take_all(), name="terminal: take"),
            ]
            try:
                return await self._session.prompt_async(handle_sigint=False)
            except EOFError:  # the terminal was closed, or the other side is gone for good
                return False
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.wait(tasks)

    def show(self, event: Mapping[str, Any]) -> None:
        """Print an event: ``kind`` is turn, text, retract, thinking, tool, message, note or problem."""
        text = str(event.get("text") or "").translate(_CLEAN)
        match event.get("kind"):
            case "turn":
                self._show_turn(event)
            case "text":
                self._streamed += text
                lines = self._flow.feed(text)
                self._above = self._above or bool(lines)
                self._print([[("", line)] for line in lines])
            case "retract":
                self._retract()
            case "tool":
                self._print([*self._rest(), [("class:dim", f"  · {text}")]])
            case "message":
                self._show_message(event, text)
            case "note":
                self._print([*self._rest(), [("class:dim", f"· {text}")]])
            case "problem":
                self._print([*self._rest(), [("class:problem", f"! {text}")]])
        self._app.invalidate()

    # -- the person -----------------------------------------------------------------------------

    def _accept(self, buffer: Buffer) -> bool:
        self._lines.put_nowait(buffer.text.strip())
        return False  # the line is emptied for the next one

    async def _take_all(self) -> None:
        while True:
            line = await self._lines.get()
            if line:
                await self._take(line)

    async def _take(self, line: str) -> None:
        first, *more = line.translate(_CLEAN).split("\n")
        said: list[StyleAndTextTuples] = [[("class:prompt", "› "), ("class:said", first)]]
        said += [[("class:said", f"  {part}")] for part in more]
        self._print(said)
        match line:
            case "/quit" | "/exit":
                self._want_to_leave()
            case "/help":
                help_text: list[StyleAndTextTuples] = [
                    [("class:dim", part)] for part in self._text("help").splitlines()
                ]
                self._print([*help_text, []])
            case "/clear":
                self._app.renderer.clear()
            case "/stop":
                await self._stop()
            case _:
                await self._say(line)

    async def _say(self, line: str) -> None:
        try:
            await self._talk.say(line)
        except Exception as error:  # refused, busy, gone: it is told, and the line comes back to be sent again
            self._print([[("class:problem", f"! {error}")]])
            if not self._session.default_buffer.text:
                self._session.default_buffer.insert_text(line)
            return
        await self._learn()

    async def _stop(self) -> None:
        try:
            stopped = await self._talk.stop()
        except Exception as error:  # as for say
            self._print([[("class:problem", f"! {error}")]])
        else:
            self._print([[("class:dim", self._text("stopped_now" if stopped else "nothing_to_stop"))], []])

    async def _learn(self) -> None:
        with contextlib.suppress(Exception):  # names to complete are a convenience
            self._names.known = await self._talk.words()

    def _want_to_leave(self) -> None:
        if self._leave == "quit":
            self._app.exit(result=True)
        else:
            self._asking = True
            self._app.invalidate()

    def _decide(self, answer: str) -> None:
        self._asking = False
        if answer.strip().casefold()[:1] in self._text("yes").split():
            self._app.exit(result=True)

    def _keys(self) -> KeyBindings:
        keys = KeyBindings()

        @keys.add("enter")
        def send(event: KeyPressEvent) -> None:
            if self._asking:
                self._decide(event.current_buffer.text)
                event.current_buffer.reset()
            else:
                event.current_buffer.validate_and_handle()

        @keys.add("escape", "enter")
        @keys.add("c-j")
        def new_line(event: KeyPressEvent) -> None:
            event.current_buffer.insert_text("\n")

        @keys.add("c-d")
        def leave(event: KeyPressEvent) -> None:
            if self._asking:
                event.app.exit(result=True)
            elif event.current_buffer.text:
                event.current_buffer.delete()
            else:
                self._want_to_leave()

        @keys.add("c-c")
        def cancel(event: KeyPressEvent) -> None:
            now = time.monotonic()
            if event.current_buffer.text or self._asking:
                self._asking = False
                event.current_buffer.reset()
            elif self._turn is not None:
                event.app.create_background_task(self._stop())
            elif now - self._interrupted < AGAIN:
                event.app.exit(result=True)
            else:
                self._interrupted = now
                self._print([[("class:dim", self._text(f"again_{self._leave}"))]])

        return keys

    def _prompt(self) -> StyleAndTextTuples:
        if self._asking:
            return [("class:problem", self._text("stop_question"))]
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
            self.show(event)
        if self._app.is_running:
            self._app.exit(exception=EOFError)

    def _show_turn(self, event: Mapping[str, Any]) -> None:
        if event.get("state") == "started":
            self._print(self._rest())
            self._streamed, self._above = "", False
            self._turn, self._turn_since = str(event.get("turn")), time.monotonic()
            asyncio.get_running_loop().call_later(PATIENCE + 0.05, self._app.invalidate)
        else:
            self._turn = None

    def _retract(self) -> None:
        self._flow.rest()  # the line that is not full yet just disappears
        if self._above:
            self._print([[("class:dim", self._text("retracted"))]])
        self._streamed, self._above = "", False

    def _show_message(self, event: Mapping[str, Any], text: str) -> None:
        streamed, self._streamed, self._above = self._streamed.strip(), "", False
        if streamed and text.strip().startswith(streamed):  # it was read already, save perhaps for an end
            text = text.strip()[len(streamed) :]
            if not text:
                self._print([*self._rest(), []])
                return
        lines = self._rest()
        flow = Flow(self._width)
        if event.get("repeated"):
            lines.append([("class:dim", self._text("repeated"))])
        lines += [[("", line)] for line in (*flow.feed(text.rstrip() + "\n"), *flow.rest())]
        lines += [[("class:dim", f"  + {path}")] for path in event.get("attachments") or ()]
        self._print([*lines, []])

    def _rest(self) -> list[StyleAndTextTuples]:
        return [[("", line)] for line in self._flow.rest()]

    def _print(self, lines: Sequence[StyleAndTextTuples]) -> None:
        if not lines:
            return
        text = FormattedText(piece for line in lines for piece in (*line, ("", "\n")))
        # The renderer's function: the one of the same name in prompt_toolkit itself would leave raw mode for it.
        self._write(lambda output: print_formatted_text(output, text, STYLE))

    def _write(self, write: Callable[[Output], object]) -> None:
        """Have something written above the prompt."""
        output = self._session.output
        running = self._app.is_running
        if running:
            self._app.renderer.erase()
        output.enable_autowrap()
        write(output)
        output.flush()
        if running:
            self._app.renderer.reset()
            self._app.renderer.request_absolute_cursor_position()
            self._app.invalidate()

    def _width(self) -> int:
        return self._session.output.get_size().columns


class _Above:
    """Takes the place of stdout and stderr: whole lines appear above the prompt. Any thread may write."""

    def __init__(self, stream: TextIO, write: Callable[[Callable[[Output], object]], None]) -> None:
        self._stream = stream
        self._write = write
        self._loop = asyncio.get_running_loop()
        self._thread = threading.get_ident()
        self._begun = ""
        self._lock = threading.Lock()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)  # encoding, fileno, isatty, …

    def write(self, text: str) -> int:
        """A line that has no end yet waits for it."""
        with self._lock:
            lines, newline, self._begun = (self._begun + text).rpartition("\n")
        if newline:
            self._show(lines + newline)
        return len(text)

    def flush(self) -> None:
        """Nothing is held back but the line that was begun."""

    def close_above(self) -> None:
        """Give back what was begun."""
        with contextlib.suppress(OSError):  # the terminal is closed
            self._stream.write(self._begun)
            self._stream.flush()

    def _show(self, lines: str) -> None:
        try:
            if threading.get_ident() == self._thread:
                self._write(lambda output: output.write_raw(lines))
            else:
                self._loop.call_soon_threadsafe(self._write, lambda output: output.write_raw(lines))
        except RuntimeError:  # the loop is closed
            self._stream.write(lines)


@contextlib.contextmanager
def _above(write: Callable[[Callable[[Output], object]], None]) -> Iterator[None]:
    """Have everything that is printed or logged appear above the prompt."""
    before = sys.stdout, sys.stderr
    out, err = _Above(sys.stdout, write), _Above(sys.stderr, write)
    setattr(err, PROMPT_MARK, True)
    sys.stdout, sys.stderr = cast(TextIO, out), cast(TextIO, err)
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before
        out.close_above()
        err.close_above()


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
