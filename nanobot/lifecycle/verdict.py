"""What a check of the configuration comes to for clients of Home Assistant's API: valid or not, and why.

As there (2025.4), only what keeps the whole from being read is an error: the files, what they include, and the core's
own block. All else is a warning. ``nanobot check`` counts every problem.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from nanobot.config.load import Unreadable
from nanobot.config.problem import Problem
from nanobot.hub.hub import Hub
from nanobot.lifecycle.edits import Edits

READING = ("env_var_", "file_", "include_", "main_", "secret", "second_document", "tag_", "too_", "yaml_")
"""How the keys of problems begin that a file has before anybody looks at what it configures."""

CORE = (("homeassistant",), ("nanobot",))


async def verdict(hub: Hub, edits: Edits) -> dict[str, Any]:
    """``{result: "valid" | "invalid", errors: str | None, warnings: str | None, problems: [...]}``."""
    try:
        _, found = await edits.plan()
        problems: Iterable[Problem] = found
        errors = [problem for problem in found if is_error(problem)]
    except Unreadable as error:
        problems = errors = error.problems
    warnings = [problem for problem in problems if problem not in errors]
    return {
        "result": "invalid" if errors else "valid",
        "errors": _text(errors, hub.language),
        "warnings": _text(warnings, hub.language),
        "problems": [problem.as_dict(hub.language) for problem in problems],
    }


def is_error(problem: Problem) -> bool:
    """Whether it makes the whole configuration invalid, in the eyes of Home Assistant's clients."""
    if problem.severity != "error":
        return False
    of_core = problem.path[:1] in CORE and problem.path[1:2] != ("packages",)
    return of_core or problem.key.startswith(READING)


def _text(problems: Iterable[Problem], language: str) -> str | None:
    """One line for each, with its place in the words that Home Assistant's clients look for: ``file.yaml, line 5``."""
    lines = []
    for problem in problems:
        place = problem.file or ""
        if place and problem.line is not None:
            place += f", line {problem.line}"
        lines.append(": ".join(part for part in (place, problem.where(), problem.sentence(language)) if part))
    return "\n".join(lines) or None
