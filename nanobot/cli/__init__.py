"""The command line. One file per command; typer and rich are imported only when they have something to do."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Sequence

from nanobot import __version__

NOT_RUNNING = 3  # exit code: there is no hub to talk to (as systemd's tools have it)
INTERRUPTED = 130


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; the value is the exit code. An expected error is a sentence on stderr, never a traceback."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if arguments in (["--version"], ["-V"]):
        print(f"nanobot {__version__}")
        return 0
    try:
        return _command(arguments)
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:  # `nanobot status | head`
        return 0
    finally:
        _flush()


def _flush() -> None:
    """Let what cannot be written any more go silently: Python would complain about it at the very end."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            with contextlib.suppress(OSError, ValueError):
                os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _command(arguments: list[str]) -> int:
    from nanobot.cli import run
    from nanobot.errors import NanobotError

    try:
        # The hub stays in memory for months: a plain `run` gets there without the libraries of the other commands.
        options = run.plain(arguments)
        if options is not None:
            return run.run(options)
        from nanobot.cli import commands

        return commands.execute(arguments)
    except NanobotError as error:
        print(f"nanobot: {error}", file=sys.stderr)
        return int(getattr(error, "exit_code", 1))
