"""``nanobot test``: the tests beside automations, scripts and blueprints, on the real engine, in a time of its own."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from nanobot.cli.check import COULD_NOT_RUN, GOOD, PROBLEMS, look
from nanobot.cli.words import language, say
from nanobot.config.check import Checked
from nanobot.lifecycle.loader import Loader
from nanobot.lifecycle.trial.found import Written, of_blueprints, of_config
from nanobot.lifecycle.trial.play import Outcome, play_all
from nanobot.util.text import nearest


def run(config_dir: Path, what: str | None = None, text: str | None = None, as_json: bool = False) -> int:
    """Run those of a file or a thing, or all, and of these those with ``text`` in their name. The value is the exit
    code."""
    loader = Loader(config_dir)
    loader.mount()
    problems, checked = look(config_dir, loader)
    if checked is None:
        for problem in problems:
            print(problem.told(language()))
        return COULD_NOT_RUN
    found = [*of_config(checked), *of_blueprints(config_dir, shipped=what is not None)]
    tests = [one for one in found if what is None or one.subject.goes_by(_relative(config_dir, what))]
    if what is not None and not tests:
        known = {str(key) for one in found for key in (one.subject.key, one.subject.title, one.subject.file)}
        near = nearest(what, known)
        print(say("test.unknown_near", name=what, nearest=near) if near else say("test.unknown", name=what))
        return COULD_NOT_RUN
    if text is not None:
        tests = [one for one in tests if text.casefold() in f"{one.subject.title} {one.name}".casefold()]
    outcomes = play(tests, checked, loader, quiet=as_json)
    if as_json:
        print(json.dumps(report(outcomes), ensure_ascii=False, indent=2, default=str))
    return GOOD if all(one.passed for one in outcomes) else PROBLEMS


def good(config_dir: Path, checked: Checked) -> list[Written]:
    """The tests of a configuration that can be run; what is wrong with the others is told by the check."""
    return [one for one in (*of_config(checked), *of_blueprints(config_dir)) if not one.problems]


def play(tests: Sequence[Written], checked: Checked, loader: Loader, *, quiet: bool = False) -> list[Outcome]:
    """Play tests, and tell of each unless ``quiet``."""
    outcomes = []
    for outcome in play_all(tests, checked, loader, language()):
        outcomes.append(outcome)
        if not quiet:
            _tell(outcome)
    if not quiet:
        failed = sum(not one.passed for one in outcomes)
        if not outcomes:
            print(say("test.none"))
        elif failed:
            print(say("test.failed", failed=failed, count=len(outcomes)))
        else:
            print(say("test.good", count=len(outcomes)))
    return outcomes


def report(outcomes: Iterable[Outcome]) -> dict[str, Any]:
    """For programs."""
    told = [
        {
            "name": one.written.name,
            "of": one.written.subject.title,
            "domain": one.written.subject.domain,
            "key": str(one.written.subject.key),
            "blueprint": one.written.subject.is_blueprint,
            "file": one.written.file,
            "line": one.written.line,
            "passed": one.passed,
            "wrong": one.wrong,
            "done": [{"at": done.time, **done.as_dict()} for done in one.done if done.kind != "event"],
            "trace": one.trace,
            "log": one.log,
            "seconds": round(one.seconds, 3),
        }
        for one in outcomes
    ]
    return {"passed": all(one["passed"] for one in told), "count": len(told), "tests": told}


def _tell(outcome: Outcome) -> None:
    from rich.console import Console
    from rich.markup import escape

    console = Console(highlight=False, soft_wrap=True)
    written = outcome.written
    sign = "[green]✓[/green]" if outcome.passed else "[red]✗[/red]"
    title = escape(f"{written.subject.title}: {written.name}")
    if outcome.passed:
        console.print(f"{sign} {title} [dim]{outcome.seconds * 1000:.0f} ms[/dim]")
        return
    place = f"{written.file}:{written.line}" if written.line is not None else written.file or ""
    console.print(f"{sign} [bold]{title}[/bold] [dim]{escape(place)}[/dim]")
    for line in outcome.wrong:
        console.print(f"    {escape(line)}")
    for heading, lines in ((say("test.trace"), outcome.trace), (say("test.log"), outcome.log)):
        if lines:
            console.print(f"    [dim]{escape(heading)}[/dim]")
            for line in lines:
                console.print(f"    [dim]  {escape(line)}[/dim]")


def _relative(config_dir: Path, what: str) -> str:
    """A file as problems name it."""
    path = Path(what)
    try:
        return path.resolve().relative_to(config_dir.resolve()).as_posix() if path.exists() else what
    except ValueError:
        return what
