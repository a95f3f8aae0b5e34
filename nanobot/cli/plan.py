"""``nanobot plan``: what a save would do, compared with the last configuration that was applied without a fault."""

from __future__ import annotations

import importlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nanobot.cli import test
from nanobot.cli.check import COULD_NOT_RUN, GOOD, PROBLEMS, doubts, lines_of, look, show
from nanobot.cli.words import say
from nanobot.config.check import Checked, EntryConfig
from nanobot.config.same import same
from nanobot.lifecycle.last_good import LastGood
from nanobot.lifecycle.loader import Loader
from nanobot.lifecycle.plan import CORE, Plan, complete
from nanobot.lifecycle.trial.found import Written
from nanobot.util.secrets import Scrubber


@dataclass(frozen=True, slots=True)
class Step:
    """What happens to one entry: ``add``, ``remove``, ``reload`` (in place) or ``restart``.

    ``items`` says which of its items it concerns, ``rights`` what it may do that it was not allowed before.
    """

    entry: str
    what: str
    items: tuple[str, ...] = ()
    rights: tuple[str, ...] = field(default=())


def run(config_dir: Path, as_json: bool = False) -> int:
    """Compare and tell. The value is the exit code, that of ``nanobot check``."""
    loader = Loader(config_dir)
    loader.mount()
    problems, wanted = look(config_dir, loader)
    _, running = look(LastGood(config_dir).folder, loader)
    steps = [] if wanted is None else steps_between(running, wanted, loader)
    if wanted is not None:
        problems = [*problems, *doubts(config_dir, wanted, loader)]
    if as_json:
        report = _report(steps, problems, running, wanted)
    else:
        show(problems, lines_of(wanted, config_dir), Scrubber(wanted.secrets if wanted else ()))
        _tell(steps, running, wanted)
    failed = False
    if wanted is not None and (tests := _tests_of(steps, config_dir, wanted)):
        outcomes = test.play(tests, wanted, loader, quiet=as_json)
        failed = not all(one.passed for one in outcomes)
        if as_json:
            report["tests"] = test.report(outcomes)
    if as_json:
        print(json.dumps(report, ensure_ascii=False, indent=2, default=str))
    if any(problem.key == "main_missing" for problem in problems):
        return COULD_NOT_RUN
    return PROBLEMS if failed or any(problem.severity == "error" for problem in problems) else GOOD


def _tests_of(steps: Iterable[Step], config_dir: Path, wanted: Checked) -> list[Written]:
    """The tests of items that are new or changed."""
    changed = {(step.entry, item[1:]) for step in steps for item in step.items if item[0] in "+~"}
    added = {step.entry for step in steps if step.what == "add"}
    return [
        one
        for one in test.good(config_dir, wanted)
        if (entry := one.subject.entry) is not None
        and (entry.id in added or (entry.id, str(one.subject.key)) in changed)
    ]


def steps_between(running: Checked | None, wanted: Checked, loader: Loader) -> list[Step]:
    """What applying ``wanted`` does to a hub that runs ``running``, None for one that does not run yet."""
    before = {} if running is None else {i: e for i, e in complete(running, loader).items() if e.ok}
    after = complete(wanted, loader)
    plan = Plan.between(before, after)
    steps = [Step(CORE, "reload")] if running is not None and wanted.core_ok and wanted.core != running.core else []
    steps += [Step(i, "add", rights=_rights(after[i], None, loader)) for i in plan.added]
    for i in plan.changed:
        how = "reload" if hasattr(_module(after[i].domain, loader), "reload") else "restart"
        steps.append(Step(i, how, _items(before[i], after[i]), _rights(after[i], before[i], loader)))
    return [*steps, *(Step(i, "remove") for i in plan.removed)]


def _items(before: EntryConfig, after: EntryConfig) -> tuple[str, ...]:
    if before.items is None or after.items is None:
        return ()
    old, new = before.items.raw, after.items.raw
    changed = [f"~{key}" for key in new if key in old and key in after.items.good and not same(old[key], new[key])]
    added = [f"+{key}" for key in new if key not in old and key in after.items.good]
    return (*added, *changed, *(f"-{key}" for key in old if key not in new))


def _rights(after: EntryConfig, before: EntryConfig | None, loader: Loader) -> tuple[str, ...]:
    """What the entry may do from now on: the sentences of its module's ``rights(config)`` that are new."""
    rights = getattr(_module(after.domain, loader), "rights", None)
    if rights is None or not after.ok:
        return ()
    old: Iterable[str] = () if before is None else rights(before.config)
    return tuple(sorted(set(rights(after.config)) - set(old)))


def _module(domain: str, loader: Loader) -> Any:
    # The schema has been asked for already, so this is an import of something that is there.
    return importlib.import_module(f"integrations.{domain}") if loader.find(domain) is not None else None


def _tell(steps: list[Step], running: Checked | None, wanted: Checked | None) -> None:
    from rich.console import Console
    from rich.markup import escape

    console = Console(highlight=False, soft_wrap=True)
    if wanted is None:
        console.print(escape(say("plan.unreadable")))
        return
    if running is None:
        console.print(escape(say("plan.first")))
    if not steps:
        console.print(escape(say("plan.nothing")))
    signs = {
        "add": "[green]+[/green]",
        "remove": "[red]-[/red]",
        "reload": "[yellow]~[/yellow]",
        "restart": "[yellow]~[/yellow]",
    }
    for step in steps:
        items = f" ({', '.join(step.items)})" if step.items else ""
        console.print(f"{signs[step.what]} {escape(step.entry)}: {escape(say(f'plan.{step.what}') + items)}")
        for right in step.rights:
            console.print(f"    [bold red]![/bold red] {escape(say('plan.right', right=right))}")


def _report(steps: list[Step], problems: Any, running: Checked | None, wanted: Checked | None) -> dict[str, Any]:
    return {
        "readable": wanted is not None,
        "compared_with": "last_good" if running is not None else None,
        "steps": [{"entry": s.entry, "what": s.what, "items": list(s.items), "rights": list(s.rights)} for s in steps],
        "problems": [problem.as_dict() for problem in problems],
    }
