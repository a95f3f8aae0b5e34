"""The command line as a person has it: real processes, real folders, real terminals."""

from __future__ import annotations

import contextlib
import os
import pty
import re
import select
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from subprocess import DEVNULL, PIPE, STDOUT
from typing import Any

import pytest

from tests.cli.forked import Forked

ROOT = Path(__file__).parents[2]
MINIMAL = "assist:\nconsole:\n"
TALK = "input_boolean:\n  lamp:\n    name: Desk lamp\nassist:\nconsole:\n"
_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b\][^\x07]*\x07|\x1b[=>]|\r")


def environment(**more: str) -> dict[str, str]:
    """Nothing of the person who runs the tests."""
    kept = {name: os.environ[name] for name in ("PATH", "TMPDIR", "VIRTUAL_ENV") if name in os.environ}
    return {
        **kept,
        "PYTHONPATH": str(ROOT),
        "LANG": "C.UTF-8",
        "HOME": "/nonexistent",
        "TERM": "xterm-256color",
        **more,
    }


class Nanobot:
    """Runs commands on one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = environment(NANOBOT_CONFIG=str(folder))
        self.process: subprocess.Popen[bytes] | None = None

    def __call__(
        self, *arguments: str, typed: str = "", env: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run a command to its end; ``typed`` comes through a pipe."""
        process = self._begin(arguments, {**self.environment, **(env or {})}, stdin=PIPE, stdout=PIPE, stderr=PIPE)
        with process:
            try:
                output, errors = process.communicate(typed.encode(), timeout=60)
            finally:
                process.kill()
        return subprocess.CompletedProcess(arguments, process.returncode, output.decode(), errors.decode())

    def write(self, text: str) -> None:
        """Save the configuration."""
        self.folder.mkdir(exist_ok=True)
        (self.folder / "configuration.yaml").write_text(text, encoding="utf-8")

    def start(self, *arguments: str) -> str:
        """Start a hub in the background; gives what it printed until it was ready."""
        self.process = self._begin(
            ("run", *arguments),
            self.environment,
            stdin=DEVNULL,
            stdout=PIPE,
            stderr=STDOUT,
            bufsize=0,  # communicate() does not see what a buffer holds
        )
        assert self.process.stdout is not None
        shown = ""
        for raw in iter(self.process.stdout.readline, b""):
            line = raw.decode()
            shown += line
            if "the change is live" in line:
                return shown
        raise AssertionError(f"the hub did not start:\n{shown}")

    def stop(self) -> tuple[int, str]:
        """Stop it as a service manager does; its exit code and the rest of what it printed."""
        process, self.process = self.process, None
        assert process is not None
        process.send_signal(signal.SIGTERM)
        rest, _ = process.communicate(timeout=60)
        return process.returncode, rest.decode()

    def _begin(self, arguments: Sequence[str], env: Mapping[str, str], **pipes: Any) -> subprocess.Popen[bytes]:
        return Forked([*arguments], env=env, cwd=self.folder.parent, **pipes)

    def kill(self) -> None:
        """Pull the plug."""
        process, self.process = self.process, None
        if process is not None:
            process.kill()
            process.communicate()


class Screen:
    """A process in a terminal of its own, typed at and read."""

    def __init__(self, arguments: list[str], env: Mapping[str, str], cwd: Path) -> None:
        self.master, slave = pty.openpty()
        self.text = ""
        self._read = 0
        env = {**env, "PROMPT_TOOLKIT_NO_CPR": "1", "COLUMNS": "100", "LINES": "40"}
        pipes = {"stdin": slave, "stdout": slave, "stderr": slave}
        self.process = Forked(arguments, env=env, cwd=cwd, terminal=True, **pipes)
        os.close(slave)

    def types(self, keys: str) -> None:
        """Press keys; ``\\r`` is Enter, ``\\x03`` Ctrl-C, ``\\x04`` Ctrl-D."""
        os.write(self.master, keys.encode())

    def sees(self, wanted: str, timeout: float = 30) -> str:
        """Wait until something is shown after what was seen before; gives all up to it, without escapes."""
        deadline = time.monotonic() + timeout
        while (found := self.text.find(wanted, self._read)) < 0:
            left = deadline - time.monotonic()
            if left <= 0 or not self._more(left):
                raise AssertionError(f"{wanted!r} was not shown after:\n{self.text[self._read :]}")
        start, self._read = self._read, found + len(wanted)
        return self.text[start : self._read]

    def ends(self, timeout: float = 30) -> int:
        """Wait for the process to end; its exit code."""
        deadline = time.monotonic() + timeout
        while self.process.poll() is None and time.monotonic() < deadline:
            self._more(0.1)
        while self._more(0):
            pass
        return self.process.wait(timeout=1)

    def breaks_off(self) -> int:
        """Press Ctrl-C, as a person would again when nothing happens; the exit code.

        A signal that comes after the prompt is shown and before readline waits for a key is not seen until the next.
        """
        for _ in range(10):
            self.types("\x03")
            patience = time.monotonic() + 3
            while self.process.poll() is None and time.monotonic() < patience:
                self._more(0.1)
            if self.process.poll() is not None:
                break
        return self.ends()

    def hang_up(self) -> None:
        """Close the window."""
        os.close(self.master)
        self.master = -1

    def close(self) -> None:
        """End what still runs."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        if self.master >= 0:
            os.close(self.master)

    def _more(self, timeout: float) -> bool:
        ready, _, _ = select.select([self.master], [], [], min(timeout, 0.2))
        if not ready:
            return timeout > 0
        try:
            data = os.read(self.master, 65536)
        except OSError:  # EIO: the other side is closed
            return False
        self.text += _ESCAPES.sub("", data.decode(errors="replace"))
        return bool(data)


@pytest.fixture
def nanobot(tmp_path: Path) -> Iterator[Nanobot]:
    """Commands on a folder ``home`` that does not exist yet."""
    nanobot = Nanobot(tmp_path / "home")
    yield nanobot
    nanobot.kill()


@pytest.fixture
def screen(nanobot: Nanobot) -> Iterator[Callable[..., Screen]]:
    """``screen("chat")`` runs a command at a terminal."""
    with contextlib.ExitStack() as open_ones:

        def start(*arguments: str, **more: str) -> Screen:
            screen = Screen(list(arguments), {**nanobot.environment, **more}, nanobot.folder.parent)
            open_ones.callback(screen.close)
            return screen

        yield start
