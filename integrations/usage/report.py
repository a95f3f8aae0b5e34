"""Sums of what models took, by model, agent, person, …, and how they read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from typing import Any

from nanobot.contracts.meter import Spent
from nanobot.util.translate import translate

BY = ("model", "agent", "person", "channel", "origin", "day")
COLUMNS = ("calls", "failed", "input", "cached", "output", "cost", "p50", "p95")


@dataclass(slots=True)
class Sum:
    """Of some requests. ``unpriced``: some cost what nobody knows; ``estimated``: some did not say their tokens."""

    calls: int = 0
    failed: int = 0
    input: int = 0
    cached: int = 0
    output: int = 0
    cost: float = 0.0
    unpriced: int = 0
    estimated: int = 0
    seconds: list[float] = field(default_factory=list)
    """Of those that were answered."""

    def add(self, spent: Spent) -> None:
        """One more."""
        self.calls += 1
        self.failed += spent.failed
        self.input += spent.prompt
        self.cached += spent.cached
        self.output += spent.completion
        self.cost += spent.cost or 0.0
        self.unpriced += spent.cost is None
        self.estimated += spent.estimated
        if not spent.failed:
            self.seconds.append(spent.seconds)

    def as_dict(self) -> dict[str, Any]:
        """JSON-able. ``cost`` is None when nothing of it is known."""
        known = self.unpriced < self.calls
        return {
            "calls": self.calls,
            "failed": self.failed,
            "input": self.input,
            "cached": self.cached,
            "output": self.output,
            "cost": round(self.cost, 6) if known else None,
            "unpriced": self.unpriced,
            "estimated": self.estimated,
            "p50": _part(self.seconds, 0.5),
            "p95": _part(self.seconds, 0.95),
        }


def sums(by: str, zone: tzinfo) -> Callable[[Iterable[Spent]], dict[str, Any]]:
    """A function from requests to ``{"rows": [{"name": …, …}], "total": {…}}``; the largest first, days in order."""

    def count(some: Iterable[Spent]) -> dict[str, Any]:
        found: dict[str, Sum] = {}
        total = Sum()
        for spent in some:
            found.setdefault(_name(spent, by, zone), Sum()).add(spent)
            total.add(spent)
        names = sorted(found) if by == "day" else sorted(found, key=lambda name: _weight(found[name]), reverse=True)
        return {"rows": [{"name": name, **found[name].as_dict()} for name in names], "total": total.as_dict()}

    return count


def text_of(told: Mapping[str, Any], language: str) -> str:
    """A table with columns of equal width, or a sentence when there is nothing."""
    if not told["rows"]:
        return translate("component.usage.nothing", language, since=told["since"][:16].replace("T", " "))
    heads = [translate(f"component.usage.columns.{name}", language) for name in (told["by"], *COLUMNS)]
    rows = [heads, *(_cells(row, row["name"] or "–") for row in told["rows"])]
    if len(told["rows"]) > 1:
        rows.append(_cells(told["total"], translate("component.usage.total", language)))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]).rstrip() for row in rows
    )


def _cells(row: Mapping[str, Any], name: str) -> list[str]:
    about = "~" if row["estimated"] else ""
    cost = "?" if row["cost"] is None else f"${row['cost']:.4f}" + ("+" if row["unpriced"] else "")
    return [
        name,
        str(row["calls"]),
        str(row["failed"]),
        about + f"{row['input']:,}",
        f"{row['cached']:,}",
        about + f"{row['output']:,}",
        cost,
        _seconds(row["p50"]),
        _seconds(row["p95"]),
    ]


def _name(spent: Spent, by: str, zone: tzinfo) -> str:
    if by == "model":
        return spent.model
    if by == "day":
        return datetime.fromtimestamp(spent.at, zone).date().isoformat()
    return str(getattr(spent.spender, by))


def _weight(some: Sum) -> tuple[float, int]:
    return some.cost, some.input + some.output


def _part(seconds: list[float], part: float) -> float | None:
    """The time within which that part of them was done (nearest rank)."""
    if not seconds:
        return None
    return round(sorted(seconds)[min(len(seconds) - 1, int(part * len(seconds)))], 3)


def _seconds(value: float | None) -> str:
    return "–" if value is None else f"{value:.1f}"
