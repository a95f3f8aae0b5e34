"""``nanobot check``: everything that is wrong with the configuration, with the lines that are meant."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from itertools import groupby
from pathlib import Path
from typing import Any

from nanobot.cli.client import ask
from nanobot.cli.words import language, say
from nanobot.config.check import Checked, check
from nanobot.config.load import MAIN, Unreadable, load
from nanobot.config.problem import Problem
from nanobot.errors import NanobotError
from nanobot.lifecycle.advice import Known, advise, self_contained
from nanobot.lifecycle.loader import Loader
from nanobot.lifecycle.trial.found import Written, of_blueprints, of_config
from nanobot.lifecycle.trial.known import known_without_hub
from nanobot.util.secrets import MASK, Scrubber

_SENSITIVE = re.compile(r"(?i)(\b[\w-]*(?:tok|pass|pwd|secret|api_?key)[\w-]*['\"]?\s*:\s+)(?!!)(?=\S).*")
"""A misspelled ``token:`` is no secret to any schema; its value is not to be shown all the same."""

GOOD, PROBLEMS, COULD_NOT_RUN = 0, 1, 2


def run(config_dir: Path, as_json: bool = False, *, strict: bool = False, tests: bool = False) -> int:
    """Check a folder and tell; with ``tests`` also run the tests in it. The value is the exit code: warnings count
    only when ``strict``."""
    loader = Loader(config_dir)
    loader.mount()
    problems, checked = look(config_dir, loader)
    problems = [*problems, *(doubts(config_dir, checked, loader) if checked is not None else ())]
    problems += wrong_prompts(config_dir)
    problems.sort(key=lambda problem: (problem.file or "", problem.line or 0))
    failed = False
    told: dict[str, Any] = {}
    if not as_json:
        _tell(config_dir, problems, checked)
    if tests and checked is not None:
        from nanobot.cli import test

        outcomes = test.play(test.good(config_dir, checked), checked, loader, quiet=as_json)
        failed, told = not all(one.passed for one in outcomes), {"tests": test.report(outcomes)}
    if as_json:
        print(json.dumps(_report(problems, checked) | told, ensure_ascii=False, indent=2, default=str))
    if any(problem.key == "main_missing" for problem in problems):
        return COULD_NOT_RUN
    return PROBLEMS if failed or any(strict or problem.severity == "error" for problem in problems) else GOOD


def wrong_prompts(config_dir: Path) -> list[Problem]:
    """Templates of prompts that will not be used. Where there are none, templates are not even imported."""
    if not (config_dir / "prompts").is_dir():
        return []
    from nanobot.agent.prompt_templates import wrong_templates

    return wrong_templates(config_dir)


def doubts(config_dir: Path, checked: Checked, loader: Loader) -> list[Problem]:
    """What is wrong with how tests are written, and warnings about what is probably wrong with the rest."""
    found = [problem for one in _tests(config_dir, checked) for problem in one.problems]
    ours = self_contained(loader)
    if any(entry.domain in ours for entry in checked.entries.values()):
        found += advise(checked, _known(config_dir, checked, loader), loader)
    return found


def _tests(config_dir: Path, checked: Checked) -> list[Written]:
    return [*of_config(checked), *of_blueprints(config_dir)]


def _known(config_dir: Path, checked: Checked, loader: Loader) -> Known:
    """What there is: the running hub says so, if there is one."""
    known = known_without_hub(checked, loader)
    try:
        names = ask(config_dir, "names")
    except NanobotError:
        return known
    services = dict.fromkeys(names["services"]) | dict(known.services)
    return Known({*known.entities, *names["entities"]}, services, loaded=names["loaded"])


def look(config_dir: Path, loader: Loader | None = None) -> tuple[list[Problem], Checked | None]:
    """What is wrong, and what was made of it; None when the configuration cannot be read at all."""
    if loader is None:
        loader = Loader(config_dir)
        loader.mount()
    try:
        loaded = load(config_dir, merge_of=loader.merge_of, blueprints_of=loader.blueprints_of)
        checked = check(loaded, loader)
    except Unreadable as error:
        return error.problems, None
    return checked.problems, checked


def show(problems: Iterable[Problem], lines: Mapping[str, list[str]], scrubber: Scrubber) -> None:
    """Problems by file, each below its line number with the line itself. Prints with colours where there are some."""
    from rich.console import Console
    from rich.markup import escape

    console = Console(highlight=False, soft_wrap=True)
    for file, group in groupby(problems, key=lambda problem: problem.file or ""):
        if file:
            console.print(f"[bold]{escape(file)}[/bold]")
        for problem in group:
            colour = "red" if problem.severity == "error" else "yellow"
            place = f"{problem.line:>5}" if problem.line is not None else "     "
            text = ": ".join(part for part in (problem.where(), problem.sentence(language())) if part)
            console.print(f"[{colour}]{place}[/{colour}]  {escape(text)}")
            known = lines.get(file, ())
            if problem.line is not None and 0 < problem.line <= len(known) and file != "secrets.yaml":
                shown = scrubber.scrub(_SENSITIVE.sub(rf"\1{MASK}", known[problem.line - 1].rstrip()))
                console.print(f"[dim]       │ {escape(shown)}[/dim]")
        console.print()


def lines_of(checked: Checked | None, config_dir: Path) -> Mapping[str, list[str]]:
    """The lines of the files that were read, by name."""
    if checked is not None:
        return {name: text.splitlines() for name, text in checked.loaded.texts.items()}
    main = config_dir / MAIN
    try:
        if not main.is_file():  # opening a pipe would wait for its other end
            return {}
        return {MAIN: main.read_text(encoding="utf-8-sig").splitlines()}
    except (OSError, UnicodeDecodeError):
        return {}


def _lines_of_prompts(config_dir: Path, problems: Iterable[Problem]) -> dict[str, list[str]]:
    files = {problem.file for problem in problems if problem.key == "prompt_template" and problem.line is not None}
    return {name: (config_dir / name).read_text("utf-8-sig").splitlines() for name in files if name}


def _tell(config_dir: Path, problems: list[Problem], checked: Checked | None) -> None:
    secrets = Scrubber(checked.secrets if checked else ())
    lines = {**lines_of(checked, config_dir), **_lines_of_prompts(config_dir, problems)}
    show(problems, lines, secrets)
    errors = sum(problem.severity == "error" for problem in problems)
    if errors:
        print(say("check.problems", count=errors))
    if len(problems) > errors:
        print(say("check.warnings", count=len(problems) - errors))
    if not errors and checked is not None:
        print(say("check.good", count=len(checked.entries)))


def _report(problems: list[Problem], checked: Checked | None) -> dict[str, Any]:
    entries = checked.entries.values() if checked else ()
    return {
        "valid": not any(problem.severity == "error" for problem in problems),
        "readable": checked is not None,
        "problems": [problem.as_dict(language()) for problem in problems],
        "entries": [
            {"id": e.id, "domain": e.domain, "label": e.label, "ok": e.ok, "left_out": [str(k) for k in e.left_out]}
            for e in entries
        ],
        "files": sorted(str(file) for file in checked.loaded.files) if checked else [],
    }
