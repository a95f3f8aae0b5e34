"""What must be true after any number of kills, looked at from outside: in the chats, in the folder, at the model."""

from __future__ import annotations

import json
import re
import sqlite3
from collections import Counter
from collections.abc import Iterator, Sequence, Set
from pathlib import Path
from typing import Any

from nanobot.agent.prompt import INTERRUPTED
from nanobot.conversations.conversations import FILE
from nanobot.storage.naming import IN_THE_MAKING
from nanobot.util.translate import translate
from tests.trust.people import PHOTO, TAG, Read

NOTE = re.compile(r"\bnote(\d+)\b")
REPEATED = "cli.chat.repeated"


def of_chat(
    typed: Sequence[int], reads: Sequence[Read], given_up: set[int], steered: Set[int] = frozenset()
) -> Iterator[str]:
    """Every message has its answer or a sentence, in order, and what came twice says so.

    ``steered``: those that a later one became a part of, whose answer is the answer to both.
    """
    mark = translate(REPEATED, "en")
    answers = [(read.number, mark in read.text) for read in reads if read.number is not None]
    first = list(dict.fromkeys(number for number, _ in answers))
    expected = [number for number in typed if number not in given_up | steered]
    if lost := sorted(set(expected) - set(first)):
        yield f"lost: {lost}"
    elif first != expected:
        yield f"out of order: {[got for got, wanted in zip(first, expected, strict=False) if got != wanted][:10]}"
    yield from _unmarked("answered", answers)
    others = [read.text for read in reads if read.number is None]
    drafts = {int(found[1]) for text in others if (found := TAG.match(text))}
    marked_answers = {number for number, marked in answers if marked}
    for number in drafts - marked_answers - given_up:
        yield f"{number} has a draft that was left behind, and an answer without a mark"
    notes = [(int(found[1]), mark in text) for text in others if (found := NOTE.search(text))]
    yield from _unmarked("noted", notes)
    sentence = translate("chat.given_up", "en")
    apologies = sum(sentence in read.text and mark not in read.text for read in reads)
    marked = sum(sentence in read.text and mark in read.text for read in reads)
    given_up_here = len(given_up & set(typed))
    if not apologies <= given_up_here <= apologies + marked:
        yield f"{given_up_here} given up, but {apologies} sentences, and {marked} marked ones"


def _unmarked(what: str, said: Sequence[tuple[int, bool]]) -> Iterator[str]:
    """Whatever was said before is marked when it is said again."""
    seen: set[int] = set()
    for number, marked in said:
        if number in seen and not marked:
            yield f"{number} {what} again without a mark"
        seen.add(number)


def of_database(folder: Path, typed: int) -> Iterator[str]:
    """The file is whole, all that was typed is in it, and the files that came along are where it says."""
    connection = sqlite3.connect(folder / ".storage" / FILE)
    try:
        if (verdict := connection.execute("PRAGMA integrity_check").fetchall()) != [("ok",)]:
            yield f"{FILE}: {verdict}"
        if (kept := connection.execute("SELECT COUNT(*) FROM inbox").fetchone()[0]) != typed:
            yield f"{typed} messages typed, {kept} in the inbox"
        outcomes = {row[0] for row in connection.execute("SELECT DISTINCT outcome FROM inbox")}
        if odd := outcomes - {"answered", "given_up", "steered"}:
            yield f"outcomes that nobody asked for: {odd}"
        for text, more in connection.execute("SELECT text, more FROM inbox WHERE text LIKE '% photo %'"):
            files = json.loads(more or "{}").get("attachments", [])
            if [(folder / file["path"]).stat().st_size for file in files] != [len(PHOTO)]:
                yield f"{text} came with {files}"
    finally:
        connection.close()


def of_folder(folder: Path) -> Iterator[str]:
    """No file is damaged, nothing half made is left."""
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        if IN_THE_MAKING.fullmatch(path.name):  # of a write that was killed; never shown, and swept up later
            continue
        if path.parent.name == "workspace" and path.read_text() != path.stem:
            yield f"{name} was half written"
        elif "damaged" in path.name or path.suffix in (".part", ".tmp"):
            yield f"{name} was left behind"
        elif path.suffix == ".json":
            try:
                json.loads(path.read_bytes())
            except ValueError as error:
                yield f"{name} is no JSON: {error}"


def of_tools(ledger: Sequence[str], requests: Sequence[dict[str, Any]], given_up: set[int]) -> Iterator[str]:
    """Each call was carried out once at most, and the model knows of those that were, and of no other."""
    told: dict[str, str] = {}
    for request in requests:
        for message in request["messages"]:
            if message["role"] == "tool":
                told[message["tool_call_id"]] = message["content"]
    done = Counter(line.split()[0] for line in ledger)
    yield from (f"{call} was carried out {times} times" for call, times in done.items() if times > 1)
    for line in ledger:
        call, number = line.split()
        if int(number) in given_up:
            continue
        if not told.get(call, "").startswith(("written", INTERRUPTED)):
            yield f"{call} was carried out, and the model was told: {told.get(call)!r}"
    yield from (
        f"{call} was not carried out" for call, said in told.items() if said.startswith("written") and not done[call]
    )


def given_up(folder: Path) -> set[int]:
    """The numbers of the messages that were given up, after several crashes in the midst of each."""
    connection = sqlite3.connect(folder / ".storage" / FILE)
    try:
        rows = connection.execute("SELECT text FROM inbox WHERE outcome = 'given_up'").fetchall()
    finally:
        connection.close()
    return {_number(text) for (text,) in rows}


def steered(folder: Path) -> tuple[set[int], set[int]]:
    """The numbers of the messages that another one steered, each of which is answered with the last that did so; and
    those that belong to a turn that was given up."""
    connection = sqlite3.connect(folder / ".storage" / FILE)
    try:
        rows = connection.execute(
            "SELECT inbox.text, inbox.outcome, steps.message FROM steps"
            " JOIN inbox ON inbox.id = steps.turn ORDER BY steps.seq"
        ).fetchall()
        kept = {_number(text) for (text,) in connection.execute("SELECT text FROM inbox WHERE outcome = 'steered'")}
    finally:
        connection.close()
    turns: dict[int, list[int]] = {}
    lost: set[int] = set()
    for text, outcome, packed in rows:
        message = json.loads(packed)
        if message["role"] == "user":
            turns.setdefault(_number(text), []).append(_number(message["content"]))
            lost |= {_number(message["content"])} if outcome == "given_up" else set()
    into = [number for numbers in turns.values() for number in numbers]
    assert sorted(into) == sorted(kept), f"steered {sorted(kept)}, but in turns are {sorted(into)}"
    return {one for first, numbers in turns.items() for one in [first, *numbers[:-1]]} - lost, lost


def _number(text: str) -> int:
    return int(text.split()[0][1:])


def at_rest(folder: Path, typed: int) -> bool:
    """Whether all that was typed is in, answered and sent."""
    try:
        connection = sqlite3.connect(f"file:{folder / '.storage' / FILE}?mode=ro", uri=True, timeout=1)
    except sqlite3.Error:
        return False
    try:
        kept, done = connection.execute("SELECT COUNT(*), COUNT(done) FROM inbox").fetchone()
        unsent = connection.execute("SELECT COUNT(*) FROM outbox WHERE ended IS NULL").fetchone()[0]
    except sqlite3.Error:
        return False
    finally:
        connection.close()
    return bool(kept == done == typed and not unsent)
