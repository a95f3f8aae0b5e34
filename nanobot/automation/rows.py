"""A trace as rows for people: what was done in which order, one row for each time that a step was done."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nanobot.automation.why.conditions import name_of

_ROOTS = {
    "action": ("actions", "action"),
    "sequence": ("sequence",),
    "condition": ("conditions", "condition"),
    "trigger": ("triggers", "trigger"),
}
_WITHIN = ("condition", "conditions")
"""In paths of conditions, though it need not stand in what is written."""
_VALUE = ("delay", "wait_template", "event", "stop", "scene", "ask", "say", "variables", "set_conversation_response")
_TITLE = ("action", "service", "choose", "if", "repeat", "parallel", "sequence", "wait_for_trigger", "retry", "try")


def rows_of(trace: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Each row is ``{path, depth, name, time, duration, result, changed, error, child}``, in the order of time."""
    steps = [step for of_path in (trace.get("trace") or {}).values() for step in of_path]
    steps.sort(key=lambda step: str(step["timestamp"]))
    paths = {step["path"] for step in steps}
    return [row_of(trace.get("config") or {}, step, depth_of(step["path"], paths)) for step in steps]


def row_of(config: Mapping[str, Any], step: Mapping[str, Any], depth: int) -> dict[str, Any]:
    """One row, of a step as ``trace/get`` has it."""
    changed = dict(step.get("changed_variables") or {})
    trigger = changed.pop("trigger", None)
    changed.pop("this", None)
    name = step_name(config, step["path"])
    if step["path"].partition("/")[0] == "trigger" and isinstance(trigger, Mapping):
        name = str(trigger.get("description") or name)
    return {
        "path": step["path"],
        "depth": depth,
        "name": name,
        "time": step["timestamp"],
        "duration": step.get("duration"),
        "result": step.get("result"),
        "changed": changed,
        "error": step.get("error"),
        "child": step.get("child_id"),
    }


def depth_of(path: str, paths: set[str]) -> int:
    """How many of the other steps a step is part of."""
    parts = path.split("/")
    return sum("/".join(parts[:count]) in paths for count in range(1, len(parts)))


def step_name(config: Mapping[str, Any], path: str) -> str:
    """What one calls the step at a path: its alias, or what it does."""
    parts = path.split("/")
    found: Any = next((config[key] for key in _ROOTS.get(parts[0], ()) if key in config), None)
    for part in parts[1:]:
        if part.isdigit():
            items = found if isinstance(found, (list, tuple)) else [found]
            found = items[int(part)] if int(part) < len(items) else None
        elif part in _WITHIN and not (isinstance(found, Mapping) and isinstance(found.get(part), (list, Mapping))):
            continue
        elif isinstance(found, Mapping):
            found = found.get(part)
        else:
            found = None
    return _said(found) or parts[-1]


def _said(step: Any) -> str:
    if not isinstance(step, Mapping):
        return name_of(step) if isinstance(step, str) else ""
    if step.get("alias"):
        return str(step["alias"])
    for key in _VALUE:
        if key in step:
            value = step[key]
            return key if isinstance(value, (Mapping, list)) else f"{key} {name_of(str(value))}"
    for key in _TITLE:
        if key in step:
            return str(step[key]) if isinstance(step[key], str) else key
    if "condition" in step:
        return name_of(step)
    return str(step.get("trigger") or step.get("platform") or next(iter(step), ""))
