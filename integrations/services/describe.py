"""Services in few words: their names, what they take, and what that means."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from nanobot.contracts.service import Service
from nanobot.util.json_schema import to_json_schema

FEW = 6  # services that are described with each of their fields
MAX_LINES = 60
MAX_OPTIONS = 30  # of one field
_HIDDEN = frozenset(
    {"thread", "session", "language"}  # filled in
    | {"device_id", "area_id", "floor_id", "label_id"}  # nothing has one
)


def takes(service: Service) -> dict[str, Any]:
    """The JSON Schema of each field."""
    if service.schema is None:
        return {}
    found: dict[str, Any] = to_json_schema(service.schema).get("properties", {})
    return found


def names(services: Iterable[Service]) -> str:
    """Domain by domain, names alone."""
    domains: dict[str, list[str]] = {}
    for service in services:
        domains.setdefault(service.domain, []).append(service.name)
    return "\n".join(f"{domain}: {', '.join(found)}" for domain, found in domains.items())


def described(services: list[Service]) -> str:
    """A line for each, and for a few of them a line for each field."""
    lines: list[str] = []
    for service in services[:MAX_LINES]:
        lines.append(_line(service))
        if len(services) <= FEW:
            lines += _fields(service)
    if len(services) > MAX_LINES:
        lines.append(f"[and {len(services) - MAX_LINES} more; give a domain]")
    return "\n".join(lines)


def _line(service: Service) -> str:
    required = set() if service.schema is None else set(to_json_schema(service.schema).get("required", ()))
    required |= {name for name, about in service.fields.items() if isinstance(about, Mapping) and about.get("required")}
    fields = [f"{name}*" if name in required else name for name in _names(service)]
    target = " on entity_id" if service.entity_domain else ""
    about = f": {service.description}" if service.description else ""
    return f"{service.domain}.{service.name}({', '.join(fields)}){target}{about}"


def _names(service: Service) -> list[str]:
    hidden = _HIDDEN | ({"entity_id"} if service.entity_domain else frozenset())
    return [name for name in dict.fromkeys([*service.fields, *takes(service)]) if name not in hidden]


def _fields(service: Service) -> Iterator[str]:
    schema = takes(service)
    for name in _names(service):
        about = service.fields.get(name)
        about = about if isinstance(about, Mapping) else {}
        parts = [str(about.get("description", "")).rstrip(".")]
        if "example" in about:
            parts.append(f"such as {about['example']}")
        options = schema.get(name, {}).get("enum") or _options(about)
        if options:
            more = ["…"] if len(options) > MAX_OPTIONS else []
            parts.append("one of " + ", ".join([*map(str, options[:MAX_OPTIONS]), *more]))
        told = "; ".join(part for part in parts if part) or schema.get(name, {}).get("type")
        if isinstance(told, str):
            yield f"  {name}: {told}"


def _options(about: Mapping[str, Any]) -> list[Any]:
    """Of a field in the shape of Home Assistant's services.yaml."""
    select = (about.get("selector") or {}).get("select") or {}
    return [option.get("value") if isinstance(option, Mapping) else option for option in select.get("options", ())]
