"""Choices: buttons for people whose platform has none. They read numbered lines, and answer with a number."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Sequence

import orjson

from nanobot.conversations.message import Message
from nanobot.storage.sql import Work

_NUMBER = re.compile(r"\s*([1-9][0-9]?)[.)]?\s*", re.ASCII)


def with_choices(text: str, buttons: Sequence[str]) -> str:
    """A text with its buttons as numbered lines below it."""
    lines = [f"{number}. {label}" for number, label in enumerate(buttons, 1)]
    return "\n".join([text.rstrip(), "", *lines]).strip() if lines else text


def chosen(message: Message, keep: Work[bool]) -> Work[bool]:
    """``keep``, before which a message that is just a number becomes the label of that button.

    Only where the last message to that session had so many. It is looked up by the writer, right before the message is
    written: so all messages keep their order.
    """
    found = _NUMBER.fullmatch(message.text)
    if found is None or message.attachments:
        return keep
    place = int(found[1]) - 1

    def work(connection: sqlite3.Connection) -> bool:
        row = connection.execute(
            "SELECT more FROM outbox WHERE session = ? ORDER BY seq DESC LIMIT 1", (message.session,)
        ).fetchone()
        buttons = orjson.loads(row[0]).get("buttons", ()) if row and row[0] else ()
        if place < len(buttons):
            message.text = str(buttons[place])
        return keep(connection)

    return work
