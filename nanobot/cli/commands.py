"""All commands, for typer. Each one only parses here; what it does is in the file of its name."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from nanobot import __version__
from nanobot.cli.words import say
from nanobot.paths import config_folder

Config = Annotated[
    Path | None, typer.Option("--config", "-c", metavar="DIR", help=say("help.config"), show_default=False)
]
AsJson = Annotated[bool, typer.Option("--json", help=say("help.json"))]

app = typer.Typer(
    name="nanobot",
    help=say("help.nanobot"),
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)
new = typer.Typer(help=say("help.new"), no_args_is_help=True)


def execute(arguments: Sequence[str]) -> int:
    """Parse and run; the value is the exit code."""
    _add_groups()
    try:
        app(args=list(arguments), prog_name="nanobot")
    except SystemExit as leaving:
        return leaving.code if isinstance(leaving.code, int) else int(bool(leaving.code))
    return 0


def _leave(code: int | None) -> None:
    raise typer.Exit(code or 0)


def _folder(context: typer.Context, given: Path | None) -> Path:
    """``--config`` may stand before the command or after it; after it counts."""
    return config_folder(given or context.find_root().params.get("config"))


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"nanobot {__version__}")
        raise typer.Exit


@app.callback()
def _nanobot(
    config: Config = None,
    version: Annotated[
        bool, typer.Option("--version", "-V", callback=_show_version, is_eager=True, help=say("help.version"))
    ] = False,
) -> None: ...


@app.command(help=say("help.run"))
def run(
    context: typer.Context,
    config: Config = None,
    port: Annotated[int | None, typer.Option("--port", "-p", min=0, max=65535, help=say("help.port"))] = None,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help=say("help.verbose"))] = False,
    log_file: Annotated[bool, typer.Option("--log-file/--no-log-file", help=say("help.log_file"))] = True,
) -> None:
    from nanobot.cli import run

    _leave(run.run(run.Options(_folder(context, config), port, verbose, log_file)))


@app.command(help=say("help.check"))
def check(
    context: typer.Context,
    config: Config = None,
    as_json: AsJson = False,
    strict: Annotated[bool, typer.Option("--strict", help=say("help.strict"))] = False,
    tests: Annotated[bool, typer.Option("--tests", help=say("help.tests"))] = False,
) -> None:
    from nanobot.cli import check

    _leave(check.run(_folder(context, config), as_json, strict=strict, tests=tests))


@app.command(help=say("help.audit"))
def audit(context: typer.Context, config: Config = None, as_json: AsJson = False) -> None:
    from nanobot.cli import audit

    _leave(audit.run(_folder(context, config), as_json))


@app.command("test", help=say("help.test"))
def prove(
    context: typer.Context,
    what: Annotated[str | None, typer.Argument(metavar="FILE|NAME", help=say("help.test_what"))] = None,
    config: Config = None,
    text: Annotated[str | None, typer.Option("-k", metavar="TEXT", help=say("help.test_text"))] = None,
    as_json: AsJson = False,
) -> None:
    from nanobot.cli import test

    _leave(test.run(_folder(context, config), what, text, as_json))


@app.command(help=say("help.simulate"))
def simulate(
    context: typer.Context,
    automation: Annotated[str, typer.Argument(metavar="AUTOMATION", help=say("help.simulate_what"))],
    config: Config = None,
    since: Annotated[str, typer.Option("--since", metavar="TIME", help=say("help.simulate_since"))] = "7d",
    as_json: AsJson = False,
) -> None:
    from nanobot.cli import simulate

    _leave(simulate.run(_folder(context, config), automation, since, as_json))


@app.command(help=say("help.plan"))
def plan(context: typer.Context, config: Config = None, as_json: AsJson = False) -> None:
    from nanobot.cli import plan

    _leave(plan.run(_folder(context, config), as_json))


@app.command(help=say("help.schema"))
def schema(context: typer.Context, config: Config = None) -> None:
    from nanobot.cli import schema

    _leave(schema.run(_folder(context, config)))


@app.command(help=say("help.status"))
def status(context: typer.Context, config: Config = None, as_json: AsJson = False) -> None:
    from nanobot.cli import status

    _leave(status.run(_folder(context, config), as_json=as_json))


@app.command(help=say("help.chat"))
def chat(
    context: typer.Context,
    config: Config = None,
    message: Annotated[str | None, typer.Option("--message", "-m", metavar="TEXT", help=say("help.message"))] = None,
    chat: Annotated[str | None, typer.Option("--chat", metavar="NAME", help=say("help.chat_name"))] = None,
    timeout: Annotated[float, typer.Option("--timeout", min=1, metavar="SECONDS", help=say("help.timeout"))] = 300.0,
) -> None:
    from nanobot.cli import chat as chats

    _leave(chats.run(_folder(context, config), message, chat=chat, timeout=timeout))


@app.command(help=say("help.reload"))
def reload(
    context: typer.Context,
    entry: Annotated[str | None, typer.Argument(metavar="ENTRY", help=say("help.entry"), show_default=False)] = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    from nanobot.cli import reload

    _leave(reload.run(_folder(context, config), entry, as_json=as_json))


@app.command(help=say("help.pair"))
def pair(
    context: typer.Context,
    code: Annotated[list[str] | None, typer.Argument(metavar="CODE", help=say("help.pair_code"))] = None,
    config: Config = None,
    owner: Annotated[bool, typer.Option("--owner", help=say("help.pair_owner"))] = False,
    remove: Annotated[
        tuple[str, str] | None,
        typer.Option("--remove", metavar="CHANNEL SENDER", help=say("help.pair_remove"), show_default=False),
    ] = None,
    listed: Annotated[bool, typer.Option("--list", help=say("help.pair_list"))] = False,
    as_json: AsJson = False,
) -> None:
    from nanobot.cli import pair

    folder = _folder(context, config)
    _leave(pair.run(folder, code or (), owner=owner, remove=remove, listed=listed, as_json=as_json))


@app.command(help=say("help.why"))
def why(
    context: typer.Context,
    what: Annotated[list[str], typer.Argument(metavar="ENTITY|MESSAGE|CONTEXT", help=say("help.why_what"))],
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    from nanobot.cli import why

    _leave(why.run(_folder(context, config), what, command="why", as_json=as_json))


@app.command(help=say("help.usage"))
def usage(
    context: typer.Context,
    config: Config = None,
    since: Annotated[str, typer.Option("--since", metavar="TIME", help=say("help.usage_since"))] = "7d",
    by: Annotated[str, typer.Option("--by", metavar="WHAT", help=say("help.usage_by"))] = "model",
    as_json: AsJson = False,
) -> None:
    from nanobot.cli import usage

    _leave(usage.run(_folder(context, config), since, by, as_json=as_json))


@app.command("why_not", help=say("help.why_not"))
@app.command("why-not", help=say("help.why_not"), hidden=True)
def why_not(
    context: typer.Context,
    name: Annotated[list[str], typer.Argument(metavar="AUTOMATION", help=say("help.automation_name"))],
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    from nanobot.cli import why

    _leave(why.run(_folder(context, config), name, command="why_not", as_json=as_json))


@app.command(help=say("help.prompt"))
def prompt(
    context: typer.Context,
    session: Annotated[str | None, typer.Argument(metavar="SESSION", help=say("help.prompt_session"))] = None,
    config: Config = None,
    agent: Annotated[str | None, typer.Option("--agent", help=say("help.prompt_agent"), show_default=False)] = None,
    sizes: Annotated[bool, typer.Option("--sizes", help=say("help.prompt_sizes"))] = False,
    as_json: AsJson = False,
) -> None:
    from nanobot.cli import prompt

    _leave(prompt.run(_folder(context, config), session, agent=agent, sizes=sizes, as_json=as_json))


@app.command(help=say("help.onboard"))
def onboard(
    context: typer.Context,
    config: Config = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help=say("help.yes"))] = False,
    name: Annotated[str | None, typer.Option("--name", help=say("help.name"), show_default=False)] = None,
    language: Annotated[str | None, typer.Option("--language", help=say("help.language"), show_default=False)] = None,
    time_zone: Annotated[
        str | None, typer.Option("--time-zone", help=say("help.time_zone"), show_default=False)
    ] = None,
    port: Annotated[int | None, typer.Option("--port", min=1, max=65535, help=say("help.port"))] = None,
) -> None:
    from nanobot.cli import onboard

    given = onboard.Answers(name=name, language=language, time_zone=time_zone, port=port)
    _leave(onboard.run(_folder(context, config), given, ask=not yes))


@app.command("import", help=say("help.import"))
def import_(
    context: typer.Context,
    source: Annotated[
        Path, typer.Argument(metavar="SOURCE", help=say("help.import_source"), show_default=False)
    ] = Path("~/.nanobot"),
    config: Config = None,
    apply: Annotated[bool, typer.Option("--apply", help=say("help.import_apply"))] = False,
    as_json: AsJson = False,
) -> None:
    from nanobot.cli import import_

    _leave(import_.run(_folder(context, config), source.expanduser(), apply=apply, as_json=as_json))


@new.command("integration", help=say("help.new_integration"))
def new_integration(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help=say("help.integration_name"))],
    config: Config = None,
) -> None:
    from nanobot.cli import new

    _leave(new.create(_folder(context, config), name))


app.add_typer(new, name="new")


def _add_groups() -> None:
    from nanobot.cli import automation_commands, blueprint_commands, memory, session_commands, skill, token, user

    app.add_typer(token.app, name="token")
    app.add_typer(user.app, name="user")
    app.add_typer(blueprint_commands.app, name="blueprint")
    app.add_typer(automation_commands.app, name="automation")
    app.add_typer(skill.app, name="skill")
    app.add_typer(memory.app, name="memory")
    app.add_typer(session_commands.app, name="session")
