"""What `nanobot memory` and connected clients may ask: show, search, changes, undo, forget."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import voluptuous as vol

from nanobot.contracts.command import Command, Connection
from nanobot.contracts.view import Access
from nanobot.errors import NanobotError
from nanobot.util.aio import in_thread
from nanobot.util.translate import translate

from .books import SHARED, book_of, person_in
from .consolidation import Consolidation
from .memory import Memory, name_of

MOST_CHANGES = 50
Handler = Callable[[Connection, Mapping[str, Any]], Awaitable[Any]]

_TEXT = vol.All(str, vol.Length(1, 500))
_SPOKEN: dict[Any, Any] = {vol.Optional("language"): str}


def commands(memory: Memory, consolidation: Consolidation) -> list[Command]:
    """For the person who runs nanobot alone, who could read the files as well."""

    async def show(connection: Connection, data: Mapping[str, Any]) -> Any:
        pages = await in_thread(memory.books.pages)
        wanted = data.get("person")
        books = await _books(memory, wanted, data) if wanted else None
        found = [page for page in pages if books is None or page.book in books]
        texts = await in_thread(lambda: [memory.books.text(page.path) for page in found])
        return {
            "folder": str(memory.books.root),
            "files": [
                {"path": page.path, "book": name_of(page.book), "text": text}
                for page, text in zip(found, texts, strict=True)
            ],
            "waiting": consolidation.waiting(),
        }

    async def search(connection: Connection, data: Mapping[str, Any]) -> Any:
        wanted = data.get("person")
        books = await _books(memory, wanted, data) if wanted else await _all_books(memory)
        return [
            {
                "id": hit.key,
                "book": name_of(hit.book),
                "path": hit.path,
                "text": hit.text,
                "date": hit.date,
                "source": hit.source,
                "confidence": hit.confidence,
                "unverified": hit.unverified,
            }
            for hit in await memory.search(data["words"], books)
        ]

    async def changes(connection: Connection, data: Mapping[str, Any]) -> Any:
        return [{**change.summary(), "book": name_of(change.book)} for change in await memory.changes(MOST_CHANGES)]

    async def undo(connection: Connection, data: Mapping[str, Any]) -> Any:
        change = await memory.undo(data.get("id"), None)
        if change is None:
            raise NanobotError(_say("nothing_to_undo", data, memory))
        return {**change.summary(), "book": name_of(change.book)}

    async def forget(connection: Connection, data: Mapping[str, Any]) -> Any:
        fact = await memory.forget(data["id"], await _all_books(memory), by="owner")
        if fact is None:
            raise NanobotError(_say("unknown_fact", data, memory, id=data["id"]))
        return {"id": fact.id, "text": fact.text}

    person: dict[Any, Any] = {vol.Optional("person"): _TEXT}
    one: dict[Any, Any] = {vol.Required("id"): _TEXT}
    offered: tuple[tuple[str, Handler, dict[Any, Any], str], ...] = (
        ("show", show, person, "What is remembered, file by file."),
        ("search", search, {**person, vol.Required("words"): _TEXT}, "Find something in the memory."),
        ("changes", changes, {}, "The last changes of the memory."),
        ("undo", undo, {vol.Optional("id"): _TEXT}, "Take back a change of the memory."),
        ("forget", forget, one, "Take a fact out of the memory."),
    )
    return [
        Command(f"memory/{name}", handler, Access.ADMIN, vol.Schema({**schema, **_SPOKEN}), told)
        for name, handler, schema, told in offered
    ]


async def _all_books(memory: Memory) -> list[str]:
    return sorted({page.book for page in await in_thread(memory.books.pages)})


async def _books(memory: Memory, wanted: str, data: Mapping[str, Any]) -> list[str]:
    """The book of a person, by ``<channel>:<sender>`` or the name of the folder; "shared" for what is."""
    known = await _all_books(memory)
    book = SHARED if wanted == "shared" else book_of(wanted)
    found = [one for one in known if one == book or name_of(one) == wanted or person_in(one) == wanted]
    if not found:
        names = ", ".join(map(name_of, known)) or "–"
        raise NanobotError(_say("unknown_person", data, memory, person=wanted, names=names))
    return found


def _say(key: str, data: Mapping[str, Any], memory: Memory, **more: object) -> str:
    return translate(f"component.memory.chat.{key}", data.get("language") or memory.hub.language, **more)
