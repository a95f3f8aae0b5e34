"""`nanobot status`: what runs, since when, and what is to be repaired."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson

from nanobot.cli.client import ask
from nanobot.cli.words import language, say, span

WRONG = 1  # exit code: it runs, but something is to be repaired
_MARKS = {"loaded": "green", "starting": "cyan", "retrying": "yellow", "failed": "red", "stopped": "dim"}


def run(folder: Path, *, as_json: bool) -> int:
    """Exit code 0 when all is well, 1 when something is to be repaired. Raises ``NotRunning``."""
    status = ask(folder, "status", {"language": language()})
    if as_json:
        print(orjson.dumps(status, option=orjson.OPT_INDENT_2).decode())
    else:
        _show(status)
    return WRONG if _is_wrong(status) else 0


def _is_wrong(status: Mapping[str, Any]) -> bool:
    states = {entry["state"] for entry in status["entries"]}
    return bool(status["recovery"] or status["problems"] or status["issues"] or states & {"failed", "retrying"})


def _show(status: Mapping[str, Any]) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    # A pipe has no width; narrow lines would only be in the way of whoever searches them.
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 160)
    uptime = span(status["uptime"])
    phase = say(f"status.phase_{status['phase'].lower()}", time=uptime)
    console.print(f"[bold]nanobot {status['version']}[/] · {phase} · {say('status.process', pid=status['pid'])}")
    facts = {say("run.folder"): status["config_dir"], say("run.page"): status["url"]}
    width = max(map(len, facts))
    for name, value in facts.items():
        if value:
            console.print(f"  [dim]{name:<{width}}[/]  {escape(value)}", soft_wrap=True)
    console.print()

    table = Table(box=None, padding=(0, 0, 0, 2), header_style="dim")
    for column in ("integration", "state", "since", ""):
        table.add_column(say(f"status.{column}") if column else "", no_wrap=bool(column))
    for entry in status["entries"]:
        colour = _MARKS.get(entry["state"], "default")
        note = escape(entry["error"] or "")
        if entry["restarts"]:
            note += (" · " if note else "") + say("status.restarts", count=entry["restarts"])
        state = f"[{colour}]● {say('status.state_' + entry['state'])}[/]"
        table.add_row(escape(entry["id"]), state, span(entry["age"]), note)
    console.print(table)

    if status["recovery"]:
        console.print(f"\n[bold red]{escape(say('run.recovery', reason=status['recovery']))}[/]")
    # Problems of the configuration are issues as well; they are shown once.
    issues = [issue for issue in status["issues"] if not issue["id"].startswith("config.")]
    _list(console, say("status.issues"), [_named(issue) for issue in issues])
    _list(console, say("status.problems"), [problem["text"] for problem in status["problems"]])


def _named(issue: Mapping[str, Any]) -> str:
    name, text = issue["entry"] or "nanobot", str(issue["text"])
    return text if text.startswith(name) else f"{name}: {text}"


def _list(console: Any, title: str, lines: list[str]) -> None:
    from rich.padding import Padding
    from rich.text import Text

    if lines:
        console.print(f"\n[bold]{title}[/]")
        for line in lines:
            console.print(Padding(Text.assemble(("! ", "yellow"), line), (0, 0, 0, 2)))
