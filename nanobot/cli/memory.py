"""`nanobot memory`: what is remembered of whom, find it, take it back."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from nanobot.cli.words import language, say
from nanobot.paths import config_folder

Config = Annotated[
    Path | None, typer.Option("--config", "-c", metavar="DIR", help=say("help.config"), show_default=False)
]
AsJson = Annotated[bool, typer.Option("--json", help=say("help.json"))]
Person = Annotated[
    str | None, typer.Option("--person", metavar="CHANNEL:SENDER", help=say("help.memory_person"), show_default=False)
]

app = typer.Typer(help=say("help.memory"), no_args_is_help=True)


def _ask(context: typer.Context, given: Path | None, command: str, **data: str | None) -> Any:
    from nanobot.cli.client import ask

    folder = config_folder(given or context.find_root().params.get("config"))
    filled = {key: value for key, value in data.items() if value is not None}
    return ask(folder, f"memory/{command}", {"language": language(), **filled})


@app.command("show", help=say("help.memory_show"))
def _show(context: typer.Context, person: Person = None, config: Config = None, as_json: AsJson = False) -> None:
    told = _ask(context, config, "show", person=person)
    if as_json:
        _print_json(told)
        return
    for file in told["files"]:
        print(f"── {told['folder']}/{file['path']} ".ljust(72, "─"))
        print(f"{file['text'].rstrip()}\n")
    if not told["files"]:
        print(say("memory.nothing"))
    for one in told["waiting"]:
        print(say("memory.waiting", session=one["session"], count=one["turns"]))


@app.command("search", help=say("help.memory_search"))
def _search(
    context: typer.Context,
    words: Annotated[list[str], typer.Argument(metavar="WORDS", help=say("help.memory_words"))],
    person: Person = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    found = _ask(context, config, "search", words=" ".join(words), person=person)
    if as_json:
        _print_json(found)
        return
    for hit in found:
        notes = [hit["book"], hit["date"], say("memory.unverified") if hit["unverified"] else ""]
        print(f"{hit['id'] or '–':<8} {hit['text']}  ({', '.join(filter(None, notes))})")
    if not found:
        print(say("memory.nothing"))


@app.command("changes", help=say("help.memory_changes"))
def _changes(context: typer.Context, config: Config = None, as_json: AsJson = False) -> None:
    changes = _ask(context, config, "changes")
    if as_json:
        _print_json(changes)
        return
    for change in changes:
        _print_change(change)
    if not changes:
        print(say("memory.no_changes"))


@app.command("undo", help=say("help.memory_undo"))
def _undo(
    context: typer.Context,
    change: Annotated[str | None, typer.Argument(metavar="ID", help=say("help.memory_change"))] = None,
    config: Config = None,
) -> None:
    told = _ask(context, config, "undo", id=change)
    print(say("memory.undone"))
    _print_change({**told, "added": told["removed"], "removed": told["added"]})


@app.command("forget", help=say("help.memory_forget"))
def _forget(
    context: typer.Context,
    fact: Annotated[str, typer.Argument(metavar="ID", help=say("help.memory_fact"))],
    config: Config = None,
) -> None:
    print(say("memory.forgotten", **_ask(context, config, "forget", id=fact)))


def _print_change(change: Mapping[str, Any]) -> None:
    print(f"{change['id']}  {datetime.fromtimestamp(change['at']).astimezone():%Y-%m-%d %H:%M}  {change['book']}")
    for sign, lines in (("+", change["added"]), ("-", change["removed"])):
        for line in filter(None, lines):
            print(f"  {sign} {line.split(' <!--')[0]}")


def _print_json(value: Any) -> None:
    import orjson

    print(orjson.dumps(value, option=orjson.OPT_INDENT_2).decode())
