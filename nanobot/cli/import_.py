"""`nanobot import`: what the older nanobot left behind. It shows what it would do; `--apply` does it.

The configuration is checked before anything is written. Keys go into ``secrets.yaml`` and are never shown.
"""

from __future__ import annotations

import contextlib
import difflib
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson

from nanobot.cli.client import NotRunning, ask
from nanobot.cli.run import write_schema
from nanobot.cli.session import opened, prepare
from nanobot.cli.words import language, say, start_command
from nanobot.conversations.archive import said
from nanobot.conversations.conversations import FILE
from nanobot.conversations.restore import restored
from nanobot.errors import NanobotError
from nanobot.lifecycle.older.move import Move, Text, plan
from nanobot.lifecycle.older.papers import CHANGED, KEPT
from nanobot.lifecycle.older.talk import Talk

MOST_NAMED = 12  # files that are named one by one


def run(folder: Path, source: Path, *, apply: bool, as_json: bool) -> int:
    """Show, and with ``apply`` write. Raises ``NanobotError`` when nothing can be imported."""
    move = plan(source, folder, language())
    talks = _fresh(folder, move.talks)
    report = _report(move, talks)
    if not as_json:
        _tell(move, talks, report, apply=apply)
    if apply and not _is_nothing(report):
        report["refused"] = [*move.write(), *_restore(folder, talks, move)]
        if move.target.is_new:
            write_schema(folder)
        if not as_json:
            for sentence in report["refused"]:
                print(f"! {sentence}")
            print(say("import.done", folder=folder))
            if move.target.is_new:
                print(say("import.next", command=start_command(folder)))
    if as_json:
        print(orjson.dumps(report | {"applied": apply}, option=orjson.OPT_INDENT_2).decode())
    return 0


# -- sessions -------------------------------------------------------------------------------------


def _fresh(folder: Path, talks: list[Talk]) -> dict[str, tuple[Talk, int]]:
    """Those in which something is new, and how many messages are."""
    if not talks or not (folder / ".storage" / FILE).is_file():
        return {talk.session: (talk, talk.messages) for talk in talks}
    found = {}
    with opened(folder) as connection:
        for talk in talks:
            there = _ids(connection, talk.session)
            count = sum("id" in line and line["id"] not in there for line in talk.lines)
            if count:
                found[talk.session] = (talk, count)
    return found


def _ids(connection: sqlite3.Connection, session: str) -> set[str]:
    try:
        return {line["id"] for line in said(connection, session) if "id" in line}
    except sqlite3.OperationalError:  # the file of an older format, which gets its new tables when something is written
        return set()


def _restore(folder: Path, talks: dict[str, tuple[Talk, int]], move: Move) -> list[str]:
    """Give the sessions to the database, each whole or not at all; the sentences of those that it does not take."""
    refused: list[str] = []
    if not talks:
        return refused
    prepare(folder)
    with opened(folder) as connection:
        for talk, _ in talks.values():
            connection.execute("BEGIN IMMEDIATE")
            try:
                restored(connection, talk.session, talk.lines)
            except NanobotError as error:
                connection.execute("ROLLBACK")
                refused.append(move.scrubber.scrub(say("import.session_refused", session=talk.session, error=error)))
                continue
            connection.execute("COMMIT")
    for session in talks:
        with contextlib.suppress(NotRunning):
            ask(folder, "session/restored", {"session": session})
    return refused


# -- telling --------------------------------------------------------------------------------------


def _is_nothing(report: dict[str, Any]) -> bool:
    return not any(report[name] for name in ("texts", "files", "sessions"))


def _report(move: Move, talks: dict[str, tuple[Talk, int]]) -> dict[str, Any]:
    scrub, ours = move.scrubber.scrub, move.target.folder
    return {
        "source": str(move.home.path),
        "folder": str(ours),
        "texts": [text.name for text in move.texts],
        "files": [_shown(paper.path, ours) for paper in move.files],
        "kept": [_shown(paper.path, ours) for paper in move.papers if paper.state == KEPT],
        "jobs": move.jobs,
        "skills": move.skills,
        "sessions": {session: count for session, (_, count) in talks.items()},
        "messages": sum(count for _, count in talks.values()),
        "notes": [scrub(note.sentence(language())) for note in move.notes],
    }


def _tell(move: Move, talks: dict[str, tuple[Talk, int]], report: dict[str, Any], *, apply: bool) -> None:
    from rich.console import Console
    from rich.markup import escape

    console = Console(highlight=False, soft_wrap=True)

    def show(text: str, style: str = "") -> None:
        clean = "".join(c if c.isprintable() or c == "\n" else "�" for c in move.scrubber.scrub(text))
        console.print(f"[{style}]{escape(clean)}[/{style}]" if style else escape(clean))

    show(say("import.from", source=move.home.path, folder=move.target.folder))
    for text in move.texts:
        for line in _difference(text):
            show(line, {"+": "green", "-": "red"}.get(line[:1], "dim"))
    for sign, name in _named(move):
        show(f"{sign} {name}")
    counted = {"sessions": len(talks), "messages": report["messages"], "jobs": move.jobs, "skills": len(move.skills)}
    show(say("import.counts", **counted))
    if report["notes"]:
        show("\n" + say("import.notes"), "bold")
        for sentence in report["notes"]:
            show(f"- {sentence}")
    if _is_nothing(report):
        show("\n" + say("import.nothing"))
    elif not apply:
        show("\n" + say("import.dry"))


def _named(move: Move) -> Iterator[tuple[str, str]]:
    papers = move.files
    for paper in papers[:MOST_NAMED]:
        yield "~" if paper.state == CHANGED else "+", _shown(paper.path, move.target.folder)
    if len(papers) > MOST_NAMED:
        yield "+", say("import.more_files", count=len(papers) - MOST_NAMED)


def _difference(text: Text) -> Iterator[str]:
    """What changes in a file; of secrets only the names."""
    before, after = (text.before or "").splitlines(), text.after.splitlines()
    if text.secret:
        names = [line.partition(":")[0] for line in after if line not in before and line[:1].strip(" #")]
        yield f"{'~' if before else '+'} {text.name}: {', '.join(names)}"
        return
    yield from difflib.unified_diff(before, after, fromfile=text.name, tofile=text.name, lineterm="")


def _shown(path: Path, folder: Path) -> str:
    return path.relative_to(folder).as_posix() if path.is_relative_to(folder) else str(path)
