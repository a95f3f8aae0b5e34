"""`nanobot user`: the people who may sign in. Works on the folder, whether the hub runs or not."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from nanobot.cli.token import Config, credentials, print_table
from nanobot.cli.words import say
from nanobot.errors import NanobotError
from nanobot.paths import config_folder
from nanobot.storage.credentials import Role, totp
from nanobot.storage.credentials.people import People


class Level(StrEnum):
    """What ``--role`` takes."""

    OWNER = "owner"
    USER = "user"
    READ_ONLY = "read-only"


Username = Annotated[str, typer.Argument(metavar="USER", help=say("help.user_which"))]

app = typer.Typer(help=say("help.user"), no_args_is_help=True)


def _folder(context: typer.Context, given: Path | None) -> Path:
    return config_folder(given or context.find_root().params.get("config"))


def _people(context: typer.Context, given: Path | None) -> People:
    return credentials(_folder(context, given)).people


@app.command("add", help=say("help.user_add"))
def _add(
    context: typer.Context,
    user: Username,
    config: Config = None,
    role: Annotated[Level, typer.Option("--role", help=say("help.user_role_option"))] = Level.USER,
    name: Annotated[str | None, typer.Option("--name", help=say("help.user_name"), show_default=False)] = None,
) -> None:
    people = _people(context, config)
    added = people.add(user, _ask_password(), Role(role.value), name)
    typer.echo(say("user.added", user=added.username, role=added.role.value))


@app.command("list", help=say("help.user_list"))
def _list(context: typer.Context, config: Config = None) -> None:
    known = credentials(_folder(context, config))
    columns = [say(f"user.{column}") for column in ("user", "name", "role", "totp", "id")]
    rows = [
        [one.username or "–", one.name, one.role.value, say("user.yes" if one.totp else "user.no"), one.id]
        for one in known.people.all()
    ]
    print_table([columns, *rows])
    if bans := known.bans.all():
        typer.echo(say("user.banned", addresses=", ".join(one.network for one in bans)))


@app.command("passwd", help=say("help.user_passwd"))
def _passwd(context: typer.Context, user: Username, config: Config = None) -> None:
    people = _people(context, config)
    people.named(user)
    people.set_password(user, _ask_password())
    typer.echo(say("user.password_set", user=user))


@app.command("remove", help=say("help.user_remove"))
def _remove(context: typer.Context, user: Username, config: Config = None) -> None:
    _people(context, config).remove(user)
    typer.echo(say("user.removed", user=user))


@app.command("role", help=say("help.user_role"))
def _role(
    context: typer.Context,
    user: Username,
    role: Annotated[Level, typer.Argument(help=say("help.user_role_option"))],
    config: Config = None,
) -> None:
    _people(context, config).set_role(user, Role(role.value))
    typer.echo(say("user.role_set", user=user, role=role.value))


@app.command("totp", help=say("help.user_totp"))
def _totp(
    context: typer.Context,
    user: Username,
    config: Config = None,
    off: Annotated[bool, typer.Option("--off", help=say("help.user_totp_off"))] = False,
) -> None:
    people = _people(context, config)
    known = people.named(user)
    if off:
        people.set_totp(user, None)
        typer.echo(say("user.totp_off", user=user))
        return
    secret = totp.new_secret()
    typer.echo(say("user.totp_scan"))
    typer.echo(totp.uri(secret, known.username or user))
    people.set_totp(user, secret, _ask(say("user.totp_code")))
    typer.echo(say("user.totp_on", user=user))


@app.command("unban", help=say("help.user_unban"))
def _unban(
    context: typer.Context,
    address: Annotated[str, typer.Argument(metavar="ADDRESS", help=say("help.user_address"))],
    config: Config = None,
) -> None:
    credentials(_folder(context, config)).bans.lift(address)
    typer.echo(say("user.unbanned", address=address))


def _ask_password() -> str:
    """From the terminal, typed twice and not shown; else the first line of the input, for scripts."""
    if sys.stdin.isatty():
        asked: str = typer.prompt(say("user.password"), hide_input=True, confirmation_prompt=True, err=True)
        return asked
    return _ask("")


def _ask(text: str) -> str:
    if text:
        typer.echo(f"{text} ", err=True, nl=False)
    line = sys.stdin.readline()
    if not line:
        raise NanobotError(say("user.no_input"))
    return line.rstrip("\r\n")
