"""`nanobot token`: who may talk to the hub over the web. Works on the folder, whether the hub runs or not."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from enum import StrEnum
from itertools import chain, count
from pathlib import Path
from typing import Annotated, Any

import typer
import voluptuous as vol

from nanobot.cli.words import say, span
from nanobot.config import globs
from nanobot.contracts.view import Access
from nanobot.errors import NanobotError
from nanobot.lifecycle.instance import read_info
from nanobot.paths import config_folder
from nanobot.storage.credentials import EVERYTHING, Credential, Credentials, Kind, Scope
from nanobot.util.dt import Clock

_KINDS = {Kind.TOKEN: "token", Kind.SESSION: "session", Kind.REFRESH: "client"}
USUAL_URL = "http://127.0.0.1:18790"


class Level(StrEnum):
    """What ``--access`` takes."""

    READ = "read"
    USER = "user"
    ADMIN = "admin"


def credentials(folder: Path) -> Credentials:
    """Those of a configuration folder. Raises ``NanobotError`` for a folder that is not there."""
    if not folder.is_dir():
        raise NanobotError(say("token.no_folder", folder=folder))
    return Credentials(folder / ".storage", Clock())


def create(
    folder: Path,
    name: str,
    *,
    access: Access = Access.ADMIN,
    days: int | None = None,
    scope: Scope = EVERYTHING,
    user: str | None = None,
) -> tuple[str, str]:
    """Make a token, which can be seen only now; gives its name and itself. ``user``: whom it acts for, by user name.

    A name that is taken gets a number: scripts ask for the same one each time that they run.
    """
    known = credentials(folder)
    taken = {one.name for one in known.known(Kind.TOKEN)}
    names = chain([name], (f"{name} {number}" for number in count(2)))
    free = next(one for one in names if one not in taken)
    user_id = known.people.named(user).id if user else None
    return free, known.create(free, access, days=days, scope=scope, user_id=user_id)


def scope_of(services: Sequence[str] | None, events: Sequence[str] | None, entities: Sequence[str] | None) -> Scope:
    """The allow lists as they are typed: each option again and again, or with commas. Raises ``NanobotError``."""
    lists = ((services, globs.service_globs), (events, globs.event_globs), (entities, globs.entity_globs))
    return Scope(*(_globs(given, schema) for given, schema in lists))


def _globs(given: Sequence[str] | None, schema: Callable[[Any], list[str]]) -> tuple[str, ...] | None:
    if not given:
        return None
    parts = [part.strip() for text in given for part in text.split(",") if part.strip()]
    found = []
    for part in parts:
        try:
            found += schema(part)
        except vol.Invalid as error:
            raise NanobotError(f"'{part}' {error.msg}") from error
    return tuple(found)


def link(folder: Path) -> str:
    """A one-time link that signs a browser in as the owner."""
    url = (read_info(folder) or {}).get("url") or USUAL_URL
    return f"{url}/claim#{credentials(folder).claim_code()}"


# -- what is typed --------------------------------------------------------------------------------

Config = Annotated[
    Path | None, typer.Option("--config", "-c", metavar="DIR", help=say("help.config"), show_default=False)
]
NameOrId = Annotated[str, typer.Argument(metavar="NAME|ID", help=say("help.token_which"))]
Globs = Annotated[list[str] | None, typer.Option("--services", metavar="GLOB", help=say("help.token_services"))]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help=say("help.token_quiet"))]

app = typer.Typer(help=say("help.token"), no_args_is_help=True)


def _folder(context: typer.Context, given: Path | None) -> Path:
    return config_folder(given or context.find_root().params.get("config"))


@app.command("create", help=say("help.token_create"))
def _create(
    context: typer.Context,
    name: Annotated[str, typer.Option("--name", "-n", metavar="NAME", help=say("help.token_name"))],
    config: Config = None,
    days: Annotated[int | None, typer.Option("--days", min=1, help=say("help.token_days"), show_default=False)] = None,
    access: Annotated[Level, typer.Option("--access", help=say("help.token_access"))] = Level.ADMIN,
    services: Globs = None,
    events: Annotated[list[str] | None, typer.Option("--events", metavar="GLOB", help=say("help.token_events"))] = None,
    entities: Annotated[
        list[str] | None, typer.Option("--entities", metavar="GLOB", help=say("help.token_entities"))
    ] = None,
    user: Annotated[
        str | None, typer.Option("--user", metavar="USER", help=say("help.token_user"), show_default=False)
    ] = None,
    quiet: Quiet = False,
) -> None:
    scope = scope_of(services, events, entities)
    folder = _folder(context, config)
    name, token = create(folder, name, access=Access(access.value), days=days, scope=scope, user=user)
    _show_token(token, say("token.created", name=name), quiet=quiet)


@app.command("rotate", help=say("help.token_rotate"))
def _rotate(context: typer.Context, which: NameOrId, config: Config = None, quiet: Quiet = False) -> None:
    token = credentials(_folder(context, config)).rotate(which)
    _show_token(token, say("token.rotated", name=which), quiet=quiet)


@app.command("revoke", help=say("help.token_revoke"))
def _revoke(context: typer.Context, which: NameOrId, config: Config = None) -> None:
    revoked = credentials(_folder(context, config)).revoke(which)
    typer.echo(say("token.revoked", name=revoked.name))


@app.command("link", help=say("help.token_link"))
def _link(context: typer.Context, config: Config = None, quiet: Quiet = False) -> None:
    address = link(_folder(context, config))
    if not quiet:
        typer.echo(say("token.link"), err=True)
    typer.echo(address)


@app.command("list", help=say("help.token_list"))
def _list(context: typer.Context, config: Config = None) -> None:
    known = credentials(_folder(context, config)).known()
    if not known:
        typer.echo(say("token.none"))
        return
    now = time.time()
    columns = ["id", "name", "kind", "access", "created_at", "used", "expires"]
    rows = [_row(one, now) for one in known]
    if any(one.scope.is_narrow for one in known):
        columns.append("only")
        for row, one in zip(rows, known, strict=True):
            row.append(_told(one.scope))
    print_table([[say(f"token.{column}") for column in columns], *rows])


def _told(scope: Scope) -> str:
    lists = (scope.services, scope.events, scope.entities)
    words = ("services", "events", "entities")
    return "; ".join(f"{word}: {', '.join(one)}" for word, one in zip(words, lists, strict=True) if one is not None)


def _show_token(token: str, sentence: str, *, quiet: bool) -> None:
    if not quiet:
        typer.echo(sentence, err=True)
    typer.echo(token)


def _row(one: Credential, now: float) -> list[str]:
    if one.expires is None:
        expires = say("token.never")
    elif one.is_valid(now):
        expires = say("token.in", span=span(one.expires - now))
    else:
        expires = say("token.expired")
    used = say("token.never") if one.used is None else say("token.ago", span=span(now - one.used))
    kind = say(f"token.{_KINDS[one.kind]}")
    return [one.id, one.name, kind, one.access.value, say("token.ago", span=span(now - one.created)), used, expires]


def print_table(rows: list[list[str]]) -> None:
    """The first row is the heading."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for heading in rows[0]:
        table.add_column(heading, overflow="fold")
    for row in rows[1:]:
        table.add_row(*map(escape, row))
    Console(highlight=False).print(table)
