"""Home Assistant's registries in templates.

There are no devices, areas, floors and labels here, so their functions answer as they do for ones that do not exist.
Issues and the entities of an integration there are.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nanobot.hub.hub import Hub

Table = dict[str, Callable[..., Any]]


def _no_list(*args: Any) -> list[str]:
    return []


def _nothing(*args: Any) -> None:
    return None


_LISTS = (
    "area_devices", "area_entities", "areas", "device_entities", "floor_areas", "floor_entities", "floors",
    "label_areas", "label_devices", "label_entities", "labels",
)  # fmt: skip
_NAMES = (
    "area_id", "area_name", "config_entry_attr", "config_entry_id", "device_attr", "device_id", "floor_id",
    "floor_name", "label_id", "label_name",
)  # fmt: skip
_ONLY_GLOBAL = frozenset({"areas", "floors"})


def make(hub: Hub) -> tuple[Table, Table, Table]:
    """Globals, filters and tests."""

    def is_device_attr(thing: Any, name: str, value: Any) -> bool:
        return value is None

    def integration_entities(name: str) -> list[str]:
        """Those of an integration, by its name, or of one entry, by its id."""
        if not isinstance(name, str):
            raise TypeError("integration_entities takes the name of an integration")
        wanted = hub.entries[name].domain if name in hub.entries else name
        return sorted(one.entity_id for one in hub.entities if wanted in type(one).__module__.split("."))

    def issues() -> dict[tuple[str, str], dict[str, Any]]:
        return {(_domain(one.entry), one.id): one.as_dict(hub.language) for one in hub.issues}

    def issue(domain: str, issue_id: str) -> dict[str, Any] | None:
        found = hub.issues.get(issue_id) or hub.issues.get(f"{domain}.{issue_id}")
        return None if found is None or _domain(found.entry) != domain else found.as_dict(hub.language)

    both: Table = dict.fromkeys(_LISTS, _no_list)
    both |= dict.fromkeys(_NAMES, _nothing)
    both |= {"integration_entities": integration_entities, "is_device_attr": is_device_attr}
    filters = {name: one for name, one in both.items() if name not in _ONLY_GLOBAL}
    return {**both, "issue": issue, "issues": issues}, filters, {"is_device_attr": is_device_attr}


def _domain(entry: str | None) -> str:
    return (entry or "nanobot").partition(" ")[0]
