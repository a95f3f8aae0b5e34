"""The conditions of a run, with what they saw, from its trace."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nanobot.util.text import cut_in_the_middle

LONGEST = 80  # characters of a template


def conditions_of(trace: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Each condition of the item that was asked: ``{path, name, result, seen, error}``, parts of ``and``, ``or`` and
    ``not`` in place of these where they tell what was seen."""
    config = trace.get("config") or {}
    asked = {path: steps[-1] for path, steps in trace.get("trace", {}).items() if path.startswith("condition/")}
    found = []
    for path, step in asked.items():
        if any(other.startswith(f"{path}/") for other in asked):
            continue
        result = dict(step.get("result") or {})
        found.append(
            {
                "path": path,
                "name": name_of(_written(config, path)),
                "result": result.pop("result", None),
                "seen": {key: value for key, value in result.items() if key != "entities"},
                "error": step.get("error"),
            }
        )
    return found


def name_of(condition: Any) -> str:
    """A condition as one would speak of it."""
    if isinstance(condition, str):
        return cut_in_the_middle(" ".join(condition.split()), LONGEST)
    if not isinstance(condition, Mapping):
        return "?"
    if condition.get("alias"):
        return str(condition["alias"])
    word = condition.get("condition")
    if word == "template":
        return name_of(str(condition.get("value_template", "template")))
    about = condition.get("entity_id") or condition.get("id")
    told = ", ".join(map(str, about)) if isinstance(about, list) else about
    return " ".join(str(part) for part in (word or next(iter(condition), "?"), told) if part)


def _written(config: Mapping[str, Any], path: str) -> Any:
    """What stands in the configuration at ``condition/0/conditions/1``, as far as it can be found."""
    found: Any = config.get("conditions", config.get("condition"))
    for part in path.split("/")[1:]:
        if part.isdigit():
            items = found if isinstance(found, list) else [found]
            found = items[int(part)] if int(part) < len(items) else None
        elif isinstance(found, Mapping):
            found = found.get(part, next((found[word] for word in ("and", "or", "not") if word in found), None))
    return found
