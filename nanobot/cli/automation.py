"""`nanobot automation`: which automations, scripts and schedules there are, what they did, and run one now."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson

from nanobot.cli.client import Client, ask
from nanobot.cli.words import language, say, span
from nanobot.errors import NanobotError

FAILED = 1  # exit code: it did not run, or not to its end
WELL = ("finished", None)
REFUSED = ("failed_conditions", "failed_single", "failed_max_runs", "disallowed_recursion_detected")
LONGEST = 160  # characters of a value
NOTEWORTHY = 0.0005  # s; what takes less takes no time


def show_list(folder: Path, domain: str | None, *, as_json: bool) -> int:
    """Exit code 1 when one cannot run, or its last run failed."""
    items = ask(folder, "automation/list", {"domain": domain} if domain else {})
    if as_json:
        _print_json(items)
    elif items:
        _table(items)
    else:
        print(say("automation.none"))
    return FAILED if any(item["error"] or _ended(item) in ("error", "aborted") for item in items) else 0


def show_trace(folder: Path, name: str, run: str | None, *, listed: bool, as_json: bool) -> int:
    """The latest run, one of its id, or a list of all that are kept."""
    found = ask(folder, "automation/trace", {"name": name, "language": language(), **({"run": run} if run else {})})
    if as_json:
        _print_json(found["runs"] if listed else found["trace"])
    elif listed:
        for short in found["runs"]:
            print("  ".join(part for part in (short["run_id"], *_headline(short)) if part))
    elif found["trace"] is None:
        print(say("automation.no_trace", name=found["name"]))
    else:
        _show(found["name"], found["trace"], found["rows"])
    return 0


def run_now(folder: Path, name: str, variables: str | None, *, as_json: bool) -> int:
    """Run it and print what it does as it goes. Exit code 1 when it did not run to its end."""
    given = _variables(variables)
    told = asyncio.run(_run(folder, {"name": name, "variables": given, "language": language()}, quiet=as_json))
    if as_json:
        _print_json(told)
    elif told["trace"] is None:
        print(told["error"] or say("automation.not_traced"))
    else:
        print("  ".join(_headline(told["trace"])))
    ended = None if told["trace"] is None else told["trace"].get("script_execution")
    return FAILED if told["error"] or ended not in WELL else 0


async def _run(folder: Path, data: Mapping[str, Any], *, quiet: bool) -> Any:
    def told(news: Mapping[str, Any]) -> None:
        if not quiet and news["event"] == "step_finished":
            print(_line(news["row"]), flush=True)

    async with Client(folder) as client:
        return await client.call("automation/run", data, told=told)


def _variables(text: str | None) -> dict[str, Any]:
    try:
        given = orjson.loads(text) if text else {}
    except orjson.JSONDecodeError:
        given = None
    if not isinstance(given, dict):
        raise NanobotError(say("automation.variables"))
    return given


# -- on the screen ----------------------------------------------------------------------------------


def _show(name: str, trace: Mapping[str, Any], rows: list[Mapping[str, Any]]) -> None:
    print("  ".join((name, *_headline(trace))))
    for row in rows:
        print(_line(row))
    if trace.get("steps_left_out"):
        print(say("automation.left_out", count=trace["steps_left_out"]))
    print(say("automation.run_id", id=trace["run_id"]))


def _headline(short: Mapping[str, Any]) -> tuple[str, ...]:
    """When, how it ended, how long it took, why it failed."""
    start, finish = short["timestamp"]["start"], short["timestamp"]["finish"]
    began = datetime.fromisoformat(start)
    parts = [
        f"{began.astimezone():%Y-%m-%d %H:%M:%S}",
        say(f"automation.end_{short.get('script_execution') or 'running'}"),
    ]
    if finish is not None:
        parts.append(_seconds((datetime.fromisoformat(finish) - began).total_seconds()))
    if short.get("error"):
        parts.append(str(short["error"]))
    return tuple(parts)


def _line(row: Mapping[str, Any]) -> str:
    """One step: what, where, how long, what it found, what went wrong."""
    indent = "  " * (1 + row["depth"])
    values = dict(row["result"] or {})
    held = values.pop("result") if isinstance(values.get("result"), bool) else None
    mark = "✗" if row["error"] else "•" if held is None else "✓" if held else "–"
    notes = [row["path"]]
    if row["duration"] is not None and row["duration"] >= NOTEWORTHY:
        notes.append(_seconds(row["duration"]))
    lines = [f"{indent}{mark} {row['name']}  [{', '.join(notes)}]"]
    lines += [f"{indent}    {key}: {_short(value)}" for key, value in {**values, **row["changed"]}.items()]
    if row["child"]:
        lines.append(f"{indent}    → {' '.join(str(part) for part in row['child'].values())}")
    if row["error"]:
        lines.append(f"{indent}    {row['error']}")
    return "\n".join(lines)


def _seconds(seconds: float) -> str:
    return span(seconds) if seconds >= 60 else f"{seconds:.3f} s"


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else orjson.dumps(value).decode()
    text = " ".join(text.split())
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"


def _ended(item: Mapping[str, Any]) -> str | None:
    last = item["last"]
    ended: str | None = None if last is None else last.get("script_execution")
    return ended


def _table(items: list[Mapping[str, Any]]) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    # A pipe has no width; narrow lines would only be in the way of whoever searches them.
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 200)
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for column in ("entity", "name", "state", "last", "end", "error"):
        table.add_column(say(f"automation.{column}"), overflow="fold")
    for item in items:
        last, ended = item["last"], _ended(item)
        error = item["error"] or (last or {}).get("error") or ""
        state = item["state"] or ""
        if item["current"]:
            state += f" ({say('automation.current', count=item['current'])})"
        when = "" if item["last_triggered"] is None else _moment(item["last_triggered"])
        end = "" if last is None else say(f"automation.end_{ended or 'running'}")
        colour = "red" if item["error"] or ended == "error" else "yellow" if ended in REFUSED else "default"
        table.add_row(
            *(escape(text) for text in (item["entity_id"], item["name"], state, when)),
            f"[{colour}]{escape(end)}[/]",
            escape(str(error)),
        )
    console.print(table)


def _moment(iso: str) -> str:
    return f"{datetime.fromisoformat(iso).astimezone():%Y-%m-%d %H:%M:%S}"


def _print_json(value: Any) -> None:
    print(orjson.dumps(value, option=orjson.OPT_INDENT_2).decode())
