"""`nanobot session`: which conversations there are, what was said in one, to take it along and bring it
back, to delete it.

It reads the file of messages itself, so it works with and without a hub that runs. Only to delete something it asks
the hub, where one runs; and it tells it of what was brought back.
"""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson

from nanobot.cli.client import NotRunning, UnknownCommand, ask
from nanobot.cli.words import language, say, span
from nanobot.conversations.archive import deleted, listed, markdown, said
from nanobot.conversations.conversations import FILE, MIGRATIONS
from nanobot.conversations.restore import restored
from nanobot.errors import NanobotError, StorageError
from nanobot.lifecycle.instance import AlreadyRunning, Instance
from nanobot.storage.files import write_atomically
from nanobot.storage.shelf import FOLDER
from nanobot.storage.sql import Database
from nanobot.util.text import nearest

FORMATS = ("markdown", "jsonl")
BUSY = 5.0  # s that another process may hold the file


class Confused(NanobotError):
    """What was asked for makes no sense."""

    exit_code = 2


def show_list(folder: Path, *, as_json: bool) -> int:
    """The last used one first."""
    with opened(folder) as connection:
        sessions = listed(connection)
    if as_json:
        print(orjson.dumps([one.as_dict() for one in sessions], option=orjson.OPT_INDENT_2).decode())
        return 0
    if not sessions:
        print(say("session.none"))
        return 0
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    console = Console(highlight=False, width=None if sys.stdout.isatty() else 160)
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for column in ("session", "channel", "messages", "last"):
        table.add_column(say(f"session.{column}"), overflow="fold")
    for one in sessions:
        ago = say("session.ago", span=span(time.time() - one.last))
        table.add_row(escape(one.session), escape(one.channel or ""), str(one.messages), ago)
    console.print(table)
    return 0


def show(folder: Path, name: str, last: int, *, as_json: bool) -> int:
    """The end of one, or all of it as JSON."""
    with opened(folder) as connection:
        head, *lines = said(connection, _known(connection, name))
    lines = lines[-last:]
    if as_json:
        print(orjson.dumps([head, *lines], option=orjson.OPT_INDENT_2).decode())
    else:
        print("\n\n".join(markdown(iter([head, *lines]))))
    return 0


def export(folder: Path, name: str, form: str, output: Path | None) -> int:
    """All of one, to a file or to where the output goes. Raises ``NanobotError``."""
    if form not in FORMATS:
        raise Confused(say("session.unknown_format", form=form, formats=", ".join(FORMATS)))
    with opened(folder) as connection:
        lines = list(said(connection, _known(connection, name)))
    if form == "jsonl":
        text = "".join(orjson.dumps(line).decode() + "\n" for line in lines)
    else:
        text = "\n\n".join(markdown(iter(lines))) + "\n"
    if output is None:
        sys.stdout.write(text)
        return 0
    write_atomically(output, text.encode("utf-8", "replace"))
    print(say("session.exported", session=name, file=output))
    return 0


def delete(folder: Path, name: str, *, yes: bool) -> int:
    """For good: what was said, what tools did, the summary and the files."""
    with opened(folder) as connection:
        name = _known(connection, name)
    if not yes and not _agrees(name):
        print(say("session.kept"))
        return 1
    try:
        ask(folder, "session/delete", {"session": name, "language": language()})
    except NotRunning:
        _delete(folder, name)
    print(say("session.deleted", session=name))
    return 0


def restore(folder: Path, file: Path, name: str | None) -> int:
    """Give back what ``export`` wrote as JSONL, or what the transcripts hold. Raises ``NanobotError``."""
    lines = _lines(file)
    name = name or next((line.get("session") for line in lines if line.get("type") == "session"), None)
    if not isinstance(name, str) or not name.strip():
        raise Confused(say("session.no_name", file=file))
    prepare(folder)
    with opened(folder) as connection:
        connection.execute("BEGIN IMMEDIATE")
        try:
            added = restored(connection, name, lines)
        except NanobotError as error:
            raise NanobotError(f"{file}: {error}") from error
        connection.execute("COMMIT")
    with contextlib.suppress(NotRunning, UnknownCommand):  # whoever starts later reads it from the disk
        ask(folder, "session/restored", {"session": name})
    print(say("session.imported", session=name, count=added))
    return 0


def _lines(file: Path) -> list[dict[str, Any]]:
    """A last line that was not written to its end is left out."""
    try:
        raw = file.read_bytes().splitlines(keepends=True)
    except OSError as error:
        raise NanobotError(f"{file} cannot be read: {error.strerror or error}") from error
    lines = []
    for number, text in enumerate(raw, 1):
        try:
            line = orjson.loads(text)
        except orjson.JSONDecodeError as error:
            if number == len(raw) and not text.endswith(b"\n"):
                print(say("session.torn", number=number, file=file), file=sys.stderr)
                break
            raise NanobotError(f"{file}: line {number}: is no JSON ({error})") from error
        if not isinstance(line, dict):
            raise NanobotError(f"{file}: line {number}: is no object")
        lines.append(line)
    return lines


def prepare(folder: Path) -> None:
    """Without a hub that runs, there may be no file of messages yet, or one of an older nanobot."""
    if not folder.is_dir():
        raise NanobotError(say("session.no_file", folder=folder))

    async def migrate() -> None:
        database = Database(folder / ".storage" / FILE, MIGRATIONS)
        await database.open()
        await database.close()

    with contextlib.suppress(AlreadyRunning), Instance(folder):
        asyncio.run(migrate())


def _delete(folder: Path, name: str) -> None:
    with Instance(folder), opened(folder) as connection:  # no hub may start meanwhile
        connection.execute("BEGIN IMMEDIATE")
        files = deleted(connection, name, unsent=True) or set()
        connection.execute("COMMIT")
    for path in files:
        parts = Path(path).parts
        if parts[:1] == (FOLDER,) and ".." not in parts:
            (folder / path).unlink(missing_ok=True)


def _agrees(name: str) -> bool:
    if not sys.stdin.isatty():
        raise Confused(say("session.say_yes"))
    return input(say("session.sure", session=name)).strip().casefold() in say("session.yes").split(",")


def _known(connection: sqlite3.Connection, name: str) -> str:
    names = [one.session for one in listed(connection)]
    if name in names:
        return name
    near = nearest(name, names)
    raise NanobotError(say("session.unknown_near" if near else "session.unknown", session=name, near=near))


@contextlib.contextmanager
def opened(folder: Path) -> Iterator[Any]:
    path = folder / ".storage" / FILE
    if not path.is_file():
        raise NanobotError(say("session.no_file", folder=folder))
    try:
        connection = sqlite3.connect(path, timeout=BUSY, isolation_level=None)
        try:
            yield connection
        finally:
            connection.close()
    except sqlite3.Error as error:
        raise StorageError(f"{FILE}: {error}") from error
