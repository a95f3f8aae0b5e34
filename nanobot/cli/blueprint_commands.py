"""What can be typed after `nanobot blueprint`; what it does is in ``blueprint``."""

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
Domain = Annotated[str | None, typer.Option("--domain", "-d", help=say("help.blueprint_domain"), show_default=False)]
AsJson = Annotated[bool, typer.Option("--json", help=say("help.json"))]
Yes = Annotated[bool, typer.Option("--yes", "-y", help=say("help.blueprint_yes"))]
Local = Annotated[bool, typer.Option("--allow-local", help=say("help.blueprint_local"))]
PathArgument = Annotated[str, typer.Argument(metavar="PATH", help=say("help.blueprint_path"))]

app = typer.Typer(help=say("help.blueprint"), no_args_is_help=True)


def _folder(context: typer.Context, given: Path | None) -> Path:
    return config_folder(given or context.find_root().params.get("config"))


def _work() -> Any:
    return import_module("nanobot.cli.blueprint")  # only when it has something to do


@app.command("list", help=say("help.blueprint_list"))
def _list(context: typer.Context, config: Config = None, domain: Domain = None, as_json: AsJson = False) -> None:
    _work().show_list(_folder(context, config), domain, as_json=as_json)


@app.command("show", help=say("help.blueprint_show"))
def _show(
    context: typer.Context,
    path: PathArgument,
    config: Config = None,
    domain: Domain = None,
    text: Annotated[bool, typer.Option("--text", help=say("help.blueprint_text"))] = False,
    as_json: AsJson = False,
) -> None:
    _work().show(_folder(context, config), path, domain, text=text, as_json=as_json)


@app.command("check", help=say("help.blueprint_check"))
def _check(
    context: typer.Context,
    what: Annotated[
        list[str] | None, typer.Argument(metavar="PATH|FILE", help=say("help.blueprint_what"), show_default=False)
    ] = None,
    config: Config = None,
    domain: Domain = None,
) -> None:
    raise typer.Exit(_work().check(_folder(context, config), what or [], domain))


@app.command("import", help=say("help.blueprint_import"))
def _import(
    context: typer.Context,
    where: Annotated[str, typer.Argument(metavar="URL|FILE", help=say("help.blueprint_where"))],
    config: Config = None,
    path: Annotated[
        str | None, typer.Option("--as", metavar="PATH", help=say("help.blueprint_as"), show_default=False)
    ] = None,
    yes: Yes = False,
    replace: Annotated[bool, typer.Option("--replace", help=say("help.blueprint_replace"))] = False,
    local: Local = False,
) -> None:
    folder = _folder(context, config)
    raise typer.Exit(_work().take(folder, where, path, yes=yes, replace=replace, allow_local=local))


@app.command("update", help=say("help.blueprint_update"))
def _update(
    context: typer.Context,
    path: Annotated[
        str | None, typer.Argument(metavar="PATH", help=say("help.blueprint_path"), show_default=False)
    ] = None,
    config: Config = None,
    domain: Domain = None,
    check: Annotated[bool, typer.Option("--check", help=say("help.blueprint_only_check"))] = False,
    yes: Yes = False,
    local: Local = False,
) -> None:
    folder = _folder(context, config)
    raise typer.Exit(_work().update(folder, path, domain, only_check=check, yes=yes, allow_local=local))


@app.command("delete", help=say("help.blueprint_delete"))
def _delete(context: typer.Context, path: PathArgument, config: Config = None, domain: Domain = None) -> None:
    _work().delete(_folder(context, config), path, domain)


@app.command("take-control", help=say("help.blueprint_take_control"))
def _take_control(
    context: typer.Context,
    item: Annotated[str, typer.Argument(metavar="NAME|ID", help=say("help.blueprint_item"))],
    config: Config = None,
    domain: Domain = None,
    write: Annotated[bool, typer.Option("--write", help=say("help.blueprint_write"))] = False,
) -> None:
    _work().take_control(_folder(context, config), item, domain, write=write)
