"""What is read for a turn does not grow with what was said in its session long ago, nor with other sessions.

Counted in the steps of SQLite's machine, which are the same on every computer, however busy it is.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from nanobot.conversations.choices import chosen
from nanobot.conversations.conversations import MIGRATIONS
from nanobot.conversations.history import lines
from nanobot.conversations.message import Message
from nanobot.conversations.transcript import Recalled, recall, seq_of

STEPS = 20  # between two counts
LONG = 10_000  # messages


@pytest.fixture
def connection() -> Iterator[sqlite3.Connection]:
    with sqlite3.connect(":memory:", isolation_level=None) as connection:
        for statement in ";".join(MIGRATIONS).split(";"):
            connection.execute(statement)
        yield connection
    connection.close()


def talk(connection: sqlite3.Connection, session: str, messages: int) -> None:
    """As many messages and answers; the last message, ``SESSION now``, is in its turn."""
    ids = [f"{session} {number}" for number in range(messages // 2)]
    connection.executemany(
        "INSERT INTO inbox (id, session, channel, chat, sender, text, received, outcome, done)"
        " VALUES (?, ?, 'chat', 'one', 'somebody', 'a message', ?, 'answered', 1)",
        [(id_, session, number) for number, id_ in enumerate(ids)],
    )
    connection.executemany(
        "INSERT INTO outbox (id, turn, session, channel, chat, text, created, state, ended)"
        " VALUES (?1, ?1, ?2, 'chat', 'one', 'an answer', ?3, 'sent', 1)",
        [(id_, session, number + 0.5) for number, id_ in enumerate(ids)],
    )
    connection.execute(
        "INSERT INTO inbox (id, session, channel, chat, sender, text, received)"
        " VALUES (?, ?, 'chat', 'one', 'somebody', 'a message', ?)",
        (f"{session} now", session, messages),
    )


def sum_up(connection: sqlite3.Connection, session: str, but: int) -> None:
    """Note a summary of all but so many of the last messages."""
    connection.execute(
        "INSERT INTO sessions (session, summary, until, changed)"
        " SELECT ?1, 'in short', seq, 1 FROM inbox WHERE session = ?1 ORDER BY seq DESC LIMIT 1 OFFSET ?2",
        (session, but),
    )


def steps(connection: sqlite3.Connection, work: Callable[[sqlite3.Connection], Any]) -> int:
    count = 0

    def one() -> None:
        nonlocal count
        count += STEPS

    connection.set_progress_handler(one, STEPS)
    work(connection)
    connection.set_progress_handler(None, STEPS)
    return count


def recalling(session: str) -> Callable[[sqlite3.Connection], Recalled]:
    return recall(session, f"{session} now", 51)


@pytest.mark.parametrize("summed_up_but", [None, 25, 2], ids=["no summary", "25 since the summary", "2 since"])
def test_recalling_a_long_session_costs_as_much_as_a_short_one(
    connection: sqlite3.Connection, summed_up_but: int | None
) -> None:
    for session, messages in (("short", 250), ("long", LONG)):
        talk(connection, session, messages)
        if summed_up_but is not None:
            sum_up(connection, session, summed_up_but)
    found = recalling("long")(connection)
    assert len(found.exchanges) == (summed_up_but or 51)
    assert found.exchanges[-1].id == "long now"
    assert steps(connection, recalling("long")) < 1.1 * steps(connection, recalling("short"))


def test_a_program_that_asks_in_a_long_session_does_not_have_all_of_it_searched(connection: sqlite3.Connection) -> None:
    talk(connection, "long", LONG)
    known, unknown = (recall("long", turn, 51) for turn in ("long now", "of no message"))
    assert len(unknown(connection).exchanges) == 51
    assert steps(connection, unknown) < steps(connection, known) + 5_000


def test_a_turn_that_runs_while_its_session_begins_anew_is_recalled(connection: sqlite3.Connection) -> None:
    talk(connection, "long", LONG)
    connection.execute(
        "INSERT INTO inbox (id, session, channel, chat, sender, text, received, outcome, done)"
        " VALUES ('new', 'long', 'chat', 'one', 'somebody', '/new', ?, 'new', 1)",
        (LONG + 1,),
    )
    assert [exchange.id for exchange in recalling("long")(connection).exchanges] == ["long now"]


@pytest.mark.parametrize("reading", ["recall", "history", "choice", "place"])
def test_other_sessions_cost_nothing(connection: sqlite3.Connection, reading: str) -> None:
    message = Message("next", "mine", "chat", "one", "somebody", "1", 1.0)
    works: dict[str, Callable[[sqlite3.Connection], Any]] = {
        "recall": recalling("mine"),
        "history": lines("mine", 50),
        "place": seq_of("mine", "mine 90"),
        "choice": chosen(message, lambda connection: True),
    }
    talk(connection, "mine", 200)
    before = steps(connection, works[reading])
    for number in range(500):
        talk(connection, f"other{number}", 20)
    assert steps(connection, works[reading]) <= before + 2 * STEPS
