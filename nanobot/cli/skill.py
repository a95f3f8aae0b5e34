"""`nanobot skill`: which skills there are, what they say, and which of the agent's own may be used."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from nanobot.cli.words import language, say
from nanobot.paths import config_folder

Config = Annotated[
    Path | None, typer.Option("--config", "-c", metavar="DIR", help=say("help.config"), show_default=False)
]
AsJson = Annotated[bool, typer.Option("--json", help=say("help.json"))]
Name = Annotated[str, typer.Argument(metavar="NAME", help=say("help.skill_name"))]

app = typer.Typer(help=say("help.skill"), no_args_is_help=True)


def _ask(context: typer.Context, given: Path | None, command: str, **data: str) -> Any:
    from nanobot.cli.client import ask

    folder = config_folder(given or context.find_root().params.get("config"))
    return ask(folder, f"skill/{command}", {"language": language(), **data})


@app.command("list", help=say("help.skill_list"))
def _list(context: typer.Context, config: Config = None, as_json: AsJson = False) -> None:
    skills = _ask(context, config, "list")
    if as_json:
        _print_json(skills)
    else:
        _table(skills)


@app.command("show", help=say("help.skill_show"))
def _show(context: typer.Context, name: Name, config: Config = None, as_json: AsJson = False) -> None:
    skill = _ask(context, config, "show", name=name)
    if as_json:
        _print_json(skill)
        return
    tools = skill["allowed_tools"]
    facts = {
        "source": skill["source"],
        "folder": skill["folder"],
        "tools": say("skill.any_tools") if tools is None else ", ".join(tools),
        "sha256": skill["sha256"],
        "since": skill["since"],
        "unavailable": skill["unavailable"],
    }
    print(f"{skill['name']}: {skill['description']}")
    for key, value in facts.items():
        if value:
            print(f"  {say(f'skill.{key}')}: {value}")
    print(f"\n{skill['text']}")


@app.command("trust", help=say("help.skill_trust"))
def _trust(context: typer.Context, name: Name, config: Config = None) -> None:
    print(say("skill.trusted", **_ask(context, config, "trust", name=name)))


def _table(skills: list[Mapping[str, Any]]) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    # A pipe has no width; narrow lines would only be in the way of whoever searches them.
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 200)
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for column in ("name", "source", "state", "description"):
        table.add_column(say(f"skill.{column}"), overflow="fold")
    for skill in skills:
        state = f"[green]{say('skill.available')}[/]"
        if skill["unavailable"]:
            state = f"[yellow]{escape(skill['unavailable'])}[/]"
        elif skill["always"]:
            state = f"[green]{say('skill.always')}[/]"
        table.add_row(escape(skill["name"]), skill["source"], state, escape(skill["description"]))
    console.print(table)


def _print_json(value: Any) -> None:
    import orjson

    print(orjson.dumps(value, option=orjson.OPT_INDENT_2).decode())
