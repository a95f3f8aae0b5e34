"""The process that commands are forked from: what takes most of a second to import is imported once for many tests.

python -m tests.cli.mother SOCKET

A message on the socket is a command: the length of a JSON text in 4 bytes, and the text. With it come four files: what
the command has as standard input, output and error output, and a pipe on which its process id is said and, when it has
ended, how, as the system has it; each in 4 bytes.
"""

from __future__ import annotations

import contextlib
import fcntl
import gc
import importlib
import json
import os
import pkgutil
import runpy
import selectors
import signal
import socket
import sys
import termios
import threading
from typing import Any

import nanobot.cli

HEAVY = (
    "aiohttp.web",
    "hassil",
    "jinja2",
    "prompt_toolkit",
    "rich.table",
    "typer._adapters",
    "watchfiles",
    "packaging.requirements",
    "home_assistant_intents",
    "nanobot.app",
    "nanobot.lifecycle.logs",
)
BOUND = "commands"  # what their helps say is in the language that was asked for at their import
LENGTH = 4  # bytes
MOST_FILES = 256  # that the mother may have open


def main(number: int) -> None:
    names = [module.name for module in pkgutil.iter_modules(nanobot.cli.__path__, "nanobot.cli.")]
    for name in (*(name for name in names if not name.endswith(BOUND)), *HEAVY):
        importlib.import_module(name)
    assert threading.active_count() == 1, "threads are not forked"
    gc.collect()
    gc.freeze()
    command = serve(socket.socket(fileno=number))
    if command is not None:
        become(**command)
        runpy.run_module("nanobot", run_name="__main__", alter_sys=True)


def serve(requests: socket.socket) -> dict[str, Any] | None:
    """Fork until whoever asks is gone; in a child, give back at once what it is to become."""
    alarm, ring = os.pipe()
    os.set_blocking(alarm, False)
    os.set_blocking(ring, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(ring)
    told: dict[int, int] = {}
    with selectors.DefaultSelector() as selector:
        selector.register(requests, selectors.EVENT_READ)
        selector.register(alarm, selectors.EVENT_READ)
        while True:
            for key, _ in selector.select():
                if key.fileobj == alarm:
                    os.read(alarm, 4096)
                    tell_ends(told)
                    continue
                length, files, _, _ = socket.recv_fds(requests, LENGTH, 4)
                if not length:
                    return None
                command = json.loads(requests.recv(int.from_bytes(length), socket.MSG_WAITALL))
                pid = os.fork()
                if pid == 0:
                    signal.set_wakeup_fd(-1)
                    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                    return {**command, "files": files[:3]}
                for file in files[:3]:
                    os.close(file)
                told[pid] = files[3]
                os.write(files[3], pid.to_bytes(LENGTH))


def tell_ends(told: dict[int, int]) -> None:
    """Say of those that have ended how they did."""
    while told:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if pid == 0:
            return
        file = told.pop(pid)
        with contextlib.suppress(BrokenPipeError):
            os.write(file, status.to_bytes(LENGTH))
        os.close(file)


def become(arguments: list[str], environment: dict[str, str], folder: str, terminal: bool, files: list[int]) -> None:
    """A process as a shell would have started it: nothing of the mother is left but what she has imported."""
    for standard, file in enumerate(files):
        os.dup2(file, standard)
    os.closerange(3, MOST_FILES)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)  # whoever runs the tests may have them survive their terminal
    if terminal:
        os.setsid()
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    for standard, name in enumerate(("stdin", "stdout", "stderr")):
        errors, by_line = ("backslashreplace", True) if name == "stderr" else (None, os.isatty(standard))
        mode, buffering = "w" if standard else "r", 1 if by_line else -1
        stream = open(standard, mode, buffering=buffering, errors=errors, closefd=False)  # noqa: SIM115
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)
    sys.argv = ["nanobot", *arguments]
    sys.path[0] = folder


if __name__ == "__main__":
    main(int(sys.argv[1]))
