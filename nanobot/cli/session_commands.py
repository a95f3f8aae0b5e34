"""What can be typed after `nanobot session`; what it does is in ``session``."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

import typer

from nanobot.cli.words import say
from nanobot.paths import config_folder

Config = Annotated[
    Path | None, typer.Option("--config", "-c", metavar="DIR", help=say("help.config"), show_default=False)
]
AsJson = Annotated[bool, typer.Option("--json", help=say("help.json"))]
Name = Annotated[str, typer.Argument(metavar="SESSION", help=say("help.session_name"))]

app = typer.Typer(help=say("help.session"), no_args_is_help=True)


def _folder(context: typer.Context, given: Path | None) -> Path:
    return config_folder(given or context.find_root().params.get("config"))


def _work() -> Any:
    return import_module("nanobot.cli.session")  # only when it has something to do


@app.command("list", help=say("help.session_list"))
def _list(context: typer.Context, config: Config = None, as_json: AsJson = False) -> None:
    raise typer.Exit(_work().show_list(_folder(context, config), as_json=as_json))


@app.command("show", help=say("help.session_show"))
def _show(
    context: typer.Context,
    name: Name,
    config: Config = None,
    last: Annotated[int, typer.Option("--last", "-n", min=1, help=say("help.session_last"))] = 50,
    as_json: AsJson = False,
) -> None:
    raise typer.Exit(_work().show(_folder(context, config), name, last, as_json=as_json))


@app.command("export", help=say("help.session_export"))
def _export(
    context: typer.Context,
    name: Name,
    config: Config = None,
    form: Annotated[str, typer.Option("--format", "-f", metavar="markdown|jsonl", help=say("help.session_format"))] = (
        "markdown"
    ),
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help=say("help.session_output"))
    ] = None,
) -> None:
    raise typer.Exit(_work().export(_folder(context, config), name, form, output))


@app.command("import", help=say("help.session_import"))
def _import(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE.jsonl", help=say("help.session_file"))],
    config: Config = None,
    name: Annotated[
        str | None, typer.Option("--session", "-s", metavar="SESSION", help=say("help.session_import_name"))
    ] = None,
) -> None:
    raise typer.Exit(_work().restore(_folder(context, config), file, name))


@app.command("delete", help=say("help.session_delete"))
def _delete(
    context: typer.Context,
    name: Name,
    config: Config = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help=say("help.session_yes"))] = False,
) -> None:
    raise typer.Exit(_work().delete(_folder(context, config), name, yes=yes))
