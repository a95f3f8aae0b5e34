"""The memory: who may know what of it, and how it changes."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from nanobot.agent.prompt import without_signs
from nanobot.contracts.agent import Turn
from nanobot.contracts.meter import Spender
from nanobot.errors import StorageError, ToolError
from nanobot.hub.entry import Entry
from nanobot.util.aio import in_thread
from nanobot.util.secrets import MASK

from .books import FACTS, HISTORY, PEOPLE, Books, agent_in, book_of, shared_of, within
from .embedding import Embedding
from .fact import Fact, new_id, one_line, read
from .index import Hit, Index, fused
from .journal import Change, Edit, Journal
from .lines import edited, lines_of, newest, restored, verified

HITS = 20
BY_MEMORY = Spender(origin="memory")
GUESTS_FACTS = 100  # facts of one guest; whoever may write could fill the disk otherwise
LONGEST_HISTORY = 5000  # characters of a paragraph
LONGEST_NOTES = 3000  # characters of the notes of a day in the prompt
_LOOKS_SECRET = re.compile(
    r"\b(?:sk|pk|rk|ghp|gho|ghs|github_pat|glpat|xox[abprs]|AKIA|AIza|hf|npm|pypi)[-_]?[A-Za-z0-9_-]{16,}"
    r"|\beyJ[\w-]{10,}\.[\w-]{10,}\.[\w-]*|-----BEGIN [A-Z ]*PRIVATE KEY-----.*"
)
"""Keys and tokens as the great providers make them."""


class Memory:
    """Of one folder. All of it is off the event loop; one change at a time."""

    def __init__(self, entry: Entry, folder: Path) -> None:
        self.hub = entry.hub
        self.config: Mapping[str, Any] = entry.config
        self.books = Books(folder)
        self.index = Index(entry.hub.config_dir / ".storage" / f"{entry.domain}.db", self.books)
        self.embedding = Embedding(entry, self.index)
        self._journal = Journal(folder)
        self._changing = asyncio.Lock()

    # -- who may know what ----------------------------------------------------------------------

    def agent_of(self, turn: Turn) -> str:
        """The agent of a turn, if its memory is its own; "": it has the one that all others have."""
        return self.own_of(turn.agent)

    def own_of(self, agent: str) -> str:
        """The agent, if its memory is its own; else ""."""
        return agent if agent in self.config["apart"] else ""

    def books_for(self, person: str, agent: str = "") -> list[str]:
        """Where what a person tells is kept, and where it was before their accounts were known to be one person's."""
        known = self.hub.config.people.by_name.get(person)
        return [book_of(one, agent) for one in (person, *(known.identities if known else ()))]

    def own_book(self, turn: Turn) -> str | None:
        """Where what this person tells is kept; None: nowhere."""
        if not person_of(turn) or (not turn.owner and self.config["guests"] == "nothing"):
            return None
        return book_of(person_of(turn), self.agent_of(turn))

    def changeable(self, turn: Turn) -> list[str]:
        """The books out of which this person may have something forgotten."""
        agent = self.agent_of(turn)
        own = [] if self.own_book(turn) is None else self.books_for(person_of(turn), agent)
        return [*own, shared_of(agent)] if turn.owner else own

    def readable(self, turn: Turn) -> list[str]:
        """What may be told in this turn. In a group others read along: only what is shared, and that among owners."""
        if turn.group:
            return [shared_of(self.agent_of(turn))] if turn.owner else []
        return self.changeable(turn)

    # -- for a turn -----------------------------------------------------------------------------

    async def remember(
        self, turn: Turn, text: str, *, shared: bool = False, today: bool = False, confidence: float = 1.0
    ) -> Fact | None:
        """Keep what a person told; None when it is known already. Raises ``ToolError`` for what is not kept."""
        book = self.own_book(turn)
        if book is None:
            raise ToolError("Nothing is remembered of people who do not run nanobot.")
        if shared and not turn.owner:
            raise ToolError("Only the people who run nanobot share what they tell. Remember it for this person alone.")
        fact = self.fact(
            text,
            source=person_of(turn),
            message=turn.id,
            confidence=confidence,
            unverified=turn.owner and self.hub.policy.is_tainted(turn.id),
        )
        if not fact.text or fact.text == MASK:
            raise ToolError("There is nothing in it that can be remembered. Secrets never are.")
        book = shared_of(self.agent_of(turn)) if shared else book
        if not turn.owner:
            await self._check_room(book)
        if today:
            mark = " <!-- unverified -->" if fact.unverified else ""
            path = within(book, f"{self.hub.clock.now().date()}.md")
            edit = Edit(path, (f"- {self.hub.clock.now():%H:%M} {fact.text}{mark}",))
            await self._change(book, fact.source, lambda: [edit])
            return fact
        return fact if await self.add(book, [fact], by=fact.source) else None

    async def recall(self, turn: Turn, text: str) -> list[Hit]:
        """What is known about something, best first."""
        who = Spender(turn.agent, turn.person, turn.channel, turn.session, turn.id)
        return await self.search(text, self.readable(turn), who)

    async def search(self, text: str, books: Sequence[str], spender: Spender = BY_MEMORY) -> list[Hit]:
        """The same in any books: by words, and by what it means as far as that is known. Raises ``StorageError``."""
        if await self.index.refresh():
            self.embedding.wake()
        by_words = await self.index.search(text, books, HITS)
        by_meaning = await self.index.hits(await self.embedding.near(text, books, spender), books)
        return fused(by_words, by_meaning)[:HITS]

    async def told(self, turn: Turn) -> str:
        """What the prompt says: what is shared and this person's own, without what nobody has verified."""
        books = self.readable(turn)
        texts = await in_thread(lambda: [verified(self.books.text(within(book, FACTS))) for book in books])
        room = int(self.config["prompt"])
        everybodys = shared_of(self.agent_of(turn))
        found = [(text, book == everybodys) for book, text in zip(books, texts, strict=True) if text]
        own, shared = ("\n".join(text for text, is_shared in found if is_shared is which) for which in (False, True))
        # neither takes all the room from the other
        mine = newest(own, max(room // 2, room - len(shared) - 1))
        return "\n".join(filter(None, (mine, newest(shared, max(room // 2, room - len(mine) - 1)))))

    async def notes(self, turn: Turn) -> str:
        """The notes of today."""
        name = f"{self.hub.clock.now().date()}.md"
        books = self.readable(turn)
        texts = await in_thread(lambda: [self.books.text(within(book, name)) for book in books])
        return newest("\n".join(filter(None, map(verified, texts))), LONGEST_NOTES)

    # -- changes --------------------------------------------------------------------------------

    def fact(self, text: str, **more: Any) -> Fact:
        """A fact without secrets in it, dated today."""
        clean = _LOOKS_SECRET.sub(MASK, self.hub.scrubber.scrub(without_signs(text)))
        return Fact(new_id(), one_line(clean), date=str(self.hub.clock.now().date()), **more)

    async def add(
        self, book: str, facts: Iterable[Fact], *, by: str, history: str = "", replaced: Sequence[str] = ()
    ) -> str | None:
        """Write facts that are new, and a paragraph of history; take out those that are replaced. Gives the id of the
        change, None when there was nothing to do. Raises ``StorageError``."""
        path = within(book, FACTS)

        def edits() -> list[Edit]:
            text = self.books.text(path)
            known = {one.text.casefold() for line in text.split("\n") if (one := read(line)) is not None}
            new = {fact.text.casefold(): fact.line() for fact in facts if fact.text}
            lines = tuple(line for said, line in new.items() if said not in known)
            found = [Edit(path, lines, tuple(lines_of(text, replaced)))] if lines else []
            if history:
                when = f"{self.hub.clock.now():%Y-%m-%d %H:%M}"
                line = one_line(_LOOKS_SECRET.sub(MASK, self.hub.scrubber.scrub(history)), LONGEST_HISTORY)
                found.append(Edit(within(book, HISTORY), (f"[{when}] {line}", "")))
            return found

        return await self._change(book, by, edits)

    async def forget(self, key: str, books: Sequence[str], *, by: str) -> Fact | None:
        """Take a fact out; None when there is none of that id in these books."""
        for book in books:
            path = within(book, FACTS)
            found: list[tuple[str, str]] = []

            def edits(path: str = path, found: list[tuple[str, str]] = found) -> list[Edit]:
                found += lines_of(self.books.text(path), [key])
                return [Edit(path, removed=tuple(found))] if found else []

            if await self._change(book, by, edits) is not None:
                return read(found[0][0])
        return None

    async def undo(self, change_id: str | None, books: Sequence[str] | None) -> Change | None:
        """Take back a change, the last one without an id; None: there is none in these books (None: in any)."""
        async with self._changing:
            changes = await in_thread(self._journal.open_changes)
            fitting = [
                change
                for change in changes
                if (books is None or change.book in books) and change_id in (None, change.id)
            ]
            if not fitting:
                return None
            change = fitting[-1]
            back = Change(new_id(), self.hub.clock.time(), "undo", change.book, (), undoes=change.id)
            await in_thread(self._take_back, change, back)
        self.embedding.wake()
        return change

    async def changes(self, limit: int) -> list[Change]:
        """The last ones that can be undone, oldest first."""
        return (await in_thread(self._journal.open_changes))[-limit:]

    # -- inside ---------------------------------------------------------------------------------

    async def _check_room(self, book: str) -> None:
        pages = [page.path for page in await in_thread(self.books.pages) if page.book == book]
        texts = await in_thread(lambda: [self.books.text(path) for path in pages])
        if sum(read(line) is not None for text in texts for line in text.split("\n")) >= GUESTS_FACTS:
            raise ToolError(f"No more than {GUESTS_FACTS} facts are kept of a guest. Forget one that matters less.")

    async def _change(self, book: str, by: str, edits: Callable[[], Sequence[Edit]]) -> str | None:
        """Make a change of what ``edits`` finds; it blocks, and no other change comes in between. The change's id, None
        when there is nothing to do."""

        def make() -> str | None:
            found = tuple(edits())
            if not found:
                return None
            change = Change(new_id(), self.hub.clock.time(), by, book, found)
            self._make(change)
            return change.id

        async with self._changing:
            # a turn that is cut off in the midst of it must not leave half of a change
            made = await asyncio.shield(in_thread(make))
        self.embedding.wake()
        return made

    def _make(self, change: Change) -> None:
        try:
            self._journal.note(change)
        except OSError as error:
            raise StorageError(f"memory: the change cannot be written down: {error.strerror}") from error
        for edit in change.edits:
            self.books.change(edit.path, partial(edited, edit=edit))

    def _take_back(self, change: Change, back: Change) -> None:
        for edit in change.edits:
            self.books.change(edit.path, partial(restored, edit=edit))
        try:
            self._journal.note(back)
        except OSError as error:
            raise StorageError(f"memory: the change cannot be written down: {error.strerror}") from error


def person_of(turn: Turn) -> str:
    """The same for one person on all channels, where the configuration says so."""
    return turn.person


def name_of(book: str) -> str:
    """A book as people call it."""
    above, _, folder = book.rpartition("/")
    name = folder if above.rpartition("/")[2] == PEOPLE else "shared"
    return f"{agent}: {name}" if (agent := agent_in(book)) else name
