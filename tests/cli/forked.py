"""``subprocess.Popen`` for commands of nanobot, which are forked from a process that has imported all they need."""

from __future__ import annotations

import atexit
import functools
import json
import os
import select
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.cli.mother import LENGTH

ROOT = Path(__file__).parents[2]
ENDS = slice(10, 16)  # where ``subprocess`` passes the ends of the pipes: for reading and writing, input, output, error


class Mother:
    """One for each process that runs tests; she ends with it."""

    def __init__(self) -> None:
        self._socket, hers = socket.socketpair()
        with hers:
            popen = subprocess.Popen(
                [sys.executable, "-m", "tests.cli.mother", str(hers.fileno())],
                cwd=ROOT,
                env={**os.environ, "LANG": "C.UTF-8"},
                stdin=subprocess.DEVNULL,
                pass_fds=[hers.fileno()],
            )
        atexit.register(popen.wait)
        atexit.register(self._socket.close)  # called before the wait for her

    def fork(self, command: Mapping[str, Any], files: list[int]) -> tuple[int, int]:
        """The process id of a command, and a file on which is said how it ended."""
        told, tells = os.pipe()
        text = json.dumps(command).encode()
        socket.send_fds(self._socket, [len(text).to_bytes(LENGTH)], [*files, tells])
        self._socket.sendall(text)
        os.close(tells)
        return int.from_bytes(os.read(told, LENGTH)), told


mother = functools.cache(Mother)


class Forked(subprocess.Popen[bytes]):
    """``Forked(["status"], …)``: the arguments are those of `nanobot`; ``env`` and ``cwd`` have to be given.
    ``terminal``: its input is a terminal that becomes its own."""

    def __init__(self, arguments: list[str], *, terminal: bool = False, **as_there: Any) -> None:
        self._terminal = terminal
        super().__init__(arguments, **as_there)

    def _execute_child(self, args: list[str], *more: Any) -> None:
        given = (args, *more)
        ends = given[ENDS]
        command = {"arguments": args, "environment": given[6], "folder": str(given[5]), "terminal": self._terminal}
        try:
            self.pid, self._end = mother().fork(command, [ends[0], ends[3], ends[5]])
            self._child_created = True
        finally:
            self._close_pipe_fds(*ends)  # type: ignore[attr-defined]

    def _internal_poll(self, *_: Any, **__: Any) -> int | None:
        if self.returncode is None:
            pid, status = self._try_wait(os.WNOHANG)
            if pid:
                self.returncode = os.waitstatus_to_exitcode(status)
        return self.returncode

    def _try_wait(self, flags: int) -> tuple[int, int]:
        ready, _, _ = select.select([self._end], [], [], 0 if flags else None)
        if not ready:
            return 0, 0
        status = int.from_bytes(os.read(self._end, LENGTH))
        os.close(self._end)
        return self.pid, status
