"""`nanobot run`: fill an empty folder with the quickstart, start the hub, say what a person needs to know."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from nanobot import __version__
from nanobot.cli.words import say
from nanobot.errors import NanobotError
from nanobot.paths import bundled, config_folder
from nanobot.storage.files import write_atomically

if TYPE_CHECKING:
    from nanobot.hub.hub import Hub

MAIN_FILE = "configuration.yaml"
SCHEMA_LIMIT = 30.0  # s


@dataclass(frozen=True, slots=True)
class Options:
    """What can be said after ``run``."""

    config: Path | None = None
    port: int | None = None
    verbose: bool = False
    log_file: bool = True


def plain(arguments: Sequence[str]) -> Options | None:
    """The options, if this is ``run`` written without mistakes; None leaves it to the one who explains mistakes."""
    config, port, verbose, log_file, found = None, None, False, True, False
    rest = [part for argument in arguments for part in _split(argument)]
    while rest:
        match rest.pop(0):
            case "run" if not found:
                found = True
            case "-c" | "--config" if rest and not rest[0].startswith("-"):
                config = Path(rest.pop(0))
            case "-p" | "--port" if found and rest and rest[0].isdecimal() and int(rest[0]) < 65536:
                port = int(rest.pop(0))
            case "-v" | "--verbose" if found:
                verbose = True
            case "--no-log-file" if found:
                log_file = False
            case _:
                return None
    return Options(config, port, verbose, log_file) if found else None


def run(options: Options) -> int:
    """Until the hub is told to stop. The value is the exit code."""
    folder = config_folder(options.config)
    new = fill(folder)
    if new:
        write_schema(folder)
    from nanobot import app
    from nanobot.lifecycle import logs

    screen = Screen(new_from=new)
    log = logs.setup(folder, verbose=options.verbose, file=options.log_file)
    try:
        code = app.run(folder, port=options.port, logs=log, announce=screen.announce, ready=screen.ready)
    finally:
        log.stop()
    if code == app.RESTART and sys.stdin is not None and sys.stdin.isatty():
        # nobody but this person would start it again; a service manager sees the exit code
        os.execv(sys.executable, [sys.executable, "-m", "nanobot", *sys.argv[1:]])  # noqa: S606 - ourselves
    return code


def fill(folder: Path) -> list[str]:
    """Copy the quickstart into a folder without a configuration, overwriting nothing; the names of what was copied."""
    if (folder / MAIN_FILE).exists() or (folder / MAIN_FILE).is_symlink():
        return []
    source = bundled("config-examples") / "quickstart"
    copied = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for path in sorted(source.rglob("*")):
            target = folder / path.relative_to(source)
            if path.is_dir():
                target.mkdir(exist_ok=True)
            elif not target.exists():
                shutil.copyfile(path, target)
                copied.append(str(path.relative_to(source)))
    except OSError as error:
        raise NanobotError(say("run.cannot_fill", folder=folder, error=error.strerror or error)) from error
    return copied


def write_schema(folder: Path) -> None:
    """Put the JSON Schema where the first line of our configurations says that editors find it.

    Another process makes it: it imports every integration, and all of that would stay in the hub's memory.
    """
    command = [sys.executable, "-m", "nanobot", "schema", "--config", str(folder)]
    with contextlib.suppress(OSError, NanobotError, subprocess.SubprocessError):  # a convenience for editors
        done = subprocess.run(command, capture_output=True, check=True, timeout=SCHEMA_LIMIT)
        write_atomically(folder / ".storage" / "schema.json", done.stdout)


class Screen:
    """What `nanobot run` prints besides the log."""

    def __init__(self, *, new_from: list[str]) -> None:
        self._new = new_from
        self._kept: list[str] | None = []
        self._bold, self._dim, self._plain = ("\033[1m", "\033[2m", "\033[0m") if _has_colour() else ("", "", "")

    def announce(self, text: str) -> None:
        """Something that must not go into a log file. Before the hub is ready it waits for the banner."""
        if self._kept is None:
            self._print(text)
        else:
            self._kept.append(text)

    def ready(self, hub: Hub) -> None:
        """The banner."""
        entries = [entry for entry in hub.entries.values() if entry.domain != "nanobot"]
        running = sorted(entry.id for entry in entries if entry.state == "loaded")
        waiting = sorted(entry.id for entry in entries if entry.state != "loaded")
        folder = _short(hub.config_dir)
        lines = [f"{self._bold}nanobot {__version__}{self._plain}"]
        if self._new:
            lines.append(say("run.filled", folder=folder))
        rows = [("folder", folder), ("running", ", ".join(running) or say("run.nothing"))]
        if waiting:
            rows.append(("waiting", ", ".join(waiting)))
        if hub.run_info.get("url"):
            rows.append(("page", str(hub.run_info["url"])))
        names = {name: say(f"run.{name}") for name, _ in rows}
        width, columns = max(len(name) for name in names.values()), shutil.get_terminal_size().columns
        for name, value in rows:
            first, *more = textwrap.wrap(value, max(30, columns - width - 5), break_on_hyphens=False) or [""]
            lines.append(f"  {self._dim}{names[name]:<{width}}{self._plain}  {first}")
            lines += [" " * (width + 4) + line for line in more]
        if hub.recovery:
            lines.append(f"{self._bold}{say('run.recovery', reason=hub.recovery)}{self._plain}")
        lines.append(f"{self._dim}{say('run.live', file=f'{folder}/{MAIN_FILE}')}{self._plain}")
        kept, self._kept = self._kept or [], None
        self._print("\n".join(["", *lines, *kept, ""]))

    def _print(self, text: str) -> None:
        with contextlib.suppress(OSError, ValueError):  # a closed terminal is no reason to stop
            print(text, flush=True)


def _short(folder: Path) -> str:
    with contextlib.suppress(ValueError, RuntimeError):
        return f"~/{folder.relative_to(Path.home())}"
    return str(folder)


def _has_colour() -> bool:
    return sys.stdout.isatty() and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"


def _split(argument: str) -> list[str]:
    """``--config=x`` is ``--config x``."""
    name, found, value = argument.partition("=")
    return [name, value] if found and name.startswith("--") else [argument]
