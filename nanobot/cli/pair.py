"""`nanobot pair`: let in who got a code in a chat, show who waits and who is in, let somebody in no more."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson

from nanobot.cli.client import ask
from nanobot.cli.words import language, say, span
from nanobot.errors import NanobotError


class Confused(NanobotError):
    """What was asked for makes no sense together."""

    exit_code = 2


def run(
    folder: Path, code: Sequence[str], *, owner: bool, remove: tuple[str, str] | None, listed: bool, as_json: bool
) -> int:
    """Without a code and without ``remove``, show the lists. Raises ``NanobotError`` with the hub's sentence."""
    if bool(code) + bool(remove) + listed > 1:
        raise Confused(say("pair.one_thing"))
    if owner and not code:
        raise Confused(say("pair.owner_needs"))
    if code:
        result = ask(folder, "pair", {"code": " ".join(code), "owner": owner, "language": language()})
        sentence = say("pair.confirmed_owner" if result["owner"] else "pair.confirmed", **result)
    elif remove:
        channel, sender = remove
        result = ask(folder, "pair/remove", {"channel": channel, "sender": sender, "language": language()})
        sentence = say("pair.removed", channel=channel, sender=sender)
    else:
        result, sentence = ask(folder, "pair/list"), ""
    if as_json:
        print(orjson.dumps(result, option=orjson.OPT_INDENT_2).decode())
    elif sentence:
        print(sentence)
    else:
        _show(result)
    return 0


def _show(result: Mapping[str, Any]) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    if not result["waiting"] and not result["members"]:
        print(say("pair.none"))
        return
    # A pipe has no width; narrow lines would only be in the way of whoever searches them.
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 160)
    for key in ("waiting", "members"):
        if not result[key]:
            continue
        console.print(f"[bold]{say(f'pair.{key}')}[/]")
        table = Table(box=None, padding=(0, 0, 0, 2), header_style="dim")
        for column in ("channel", "name", "sender", "since"):
            table.add_column(say(f"pair.{column}"), overflow="fold")
        table.add_column("")
        for one in result[key]:
            note = say("pair.owner") if one.get("owner") else ""
            table.add_row(*map(escape, (one["channel"], one["name"] or "", one["sender"], span(one["age"]), note)))
        console.print(table)
    if result["waiting"]:
        console.print(say("pair.how"), soft_wrap=True)
