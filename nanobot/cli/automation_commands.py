"""What can be typed after `nanobot automation`; what it does is in ``automation``."""

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
Name = Annotated[str, typer.Argument(metavar="NAME", help=say("help.automation_name"))]

app = typer.Typer(help=say("help.automation"), no_args_is_help=True)


def _folder(context: typer.Context, given: Path | None) -> Path:
    return config_folder(given or context.find_root().params.get("config"))


def _work() -> Any:
    return import_module("nanobot.cli.automation")  # only when it has something to do


@app.command("list", help=say("help.automation_list"))
def _list(
    context: typer.Context,
    config: Config = None,
    domain: Annotated[str | None, typer.Option("--domain", "-d", help=say("help.automation_domain"))] = None,
    as_json: AsJson = False,
) -> None:
    raise typer.Exit(_work().show_list(_folder(context, config), domain, as_json=as_json))


@app.command("trace", help=say("help.automation_trace"))
def _trace(
    context: typer.Context,
    name: Name,
    config: Config = None,
    run: Annotated[str | None, typer.Option("--run", metavar="ID", help=say("help.automation_run_id"))] = None,
    listed: Annotated[bool, typer.Option("--list", help=say("help.automation_traces"))] = False,
    as_json: AsJson = False,
) -> None:
    raise typer.Exit(_work().show_trace(_folder(context, config), name, run, listed=listed, as_json=as_json))


@app.command("run", help=say("help.automation_run"))
def _run(
    context: typer.Context,
    name: Name,
    config: Config = None,
    variables: Annotated[
        str | None, typer.Option("--variables", metavar="JSON", help=say("help.automation_variables"))
    ] = None,
    as_json: AsJson = False,
) -> None:
    raise typer.Exit(_work().run_now(_folder(context, config), name, variables, as_json=as_json))
