"""Policy: rules about what agents may do, how much people may ask for, and where approvals are asked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nanobot.agent.approvals import Options
from nanobot.agent.asked_where import Place
from nanobot.contracts.audit import Finding
from nanobot.contracts.policy import Verdict
from nanobot.hub.entry import Entry
from nanobot.hub.hub import Hub

from .limits import RateLimits
from .names import Names
from .rules import Rules
from .schema import CONFIG_SCHEMA, RISKY

__all__ = ["CONFIG_SCHEMA"]


async def setup(hub: Hub, entry: Entry) -> None:
    rules, limits, names = Rules(hub, entry.id), RateLimits(hub, f"{entry.id}.limits"), Names(entry)
    entry.data = (rules, limits, names)
    await reload(hub, entry, entry.config)
    entry.add(rules)
    entry.add(limits)
    names.watch()
    entry.on_unload(lambda: _ask_as_usual(hub))


async def reload(hub: Hub, entry: Entry, config: Mapping[str, Any]) -> bool:
    """Everything counts from the next act on; what was counted so far stays counted."""
    rules, limits, names = entry.data
    rules.take(config["rules"])
    limits.take(config["limits"])
    names.look(config)
    approvals = config["approvals"]
    if hub.approvals is not None:
        where = tuple(Place(one["channel"], one["chat"], one.get("thread")) for one in approvals["ask"])
        hub.approvals.options = Options(approvals["expires"].total_seconds(), where)
    hub.policy.look_again()
    return True


def rights(config: Mapping[str, Any]) -> set[str]:
    """What this configuration allows; `nanobot plan` shows what an edit adds."""
    return {f"rule: {_shown(rule)}" for rule in config["rules"] if rule["verdict"] is Verdict.ALLOW}


def audit(config: Mapping[str, Any]) -> list[Finding]:
    """What the rules leave open."""
    found = []
    for number, rule in enumerate(config["rules"]):
        if rule["verdict"] is not Verdict.ALLOW:
            continue
        shown, path = _shown(rule), ("rules", number)
        if rule.get("owner") is not True and (rule.get("owner") is False or "person" not in rule):
            found.append(Finding("guests", "error", path, {"rule": shown}))
        risks = rule.get("risk")
        if rule.get("tainted") is True and (risks is None or set(risks) & RISKY):
            found.append(Finding("tainted", "error", path, {"rule": shown}))
        elif risks is None or set(risks) & RISKY:
            found.append(Finding("unasked", "warning", path, {"rule": shown}))
    return found


def _ask_as_usual(hub: Hub) -> None:
    if hub.approvals is not None:
        hub.approvals.options = Options()


def _shown(rule: Mapping[str, Any]) -> str:
    """A rule in one line: ``allow tool shell, agent nanobot``."""
    parts = [f"{key} {_word(value)}" for key, value in rule.items() if key not in ("verdict", "reason", "actor")]
    return f"{rule['verdict'].word} {', '.join(sorted(parts)) or 'everything'}"


def _word(value: Any) -> str:
    if isinstance(value, (list, tuple, frozenset)):
        return "/".join(sorted(_word(one) for one in value))
    return str(value).lower() if isinstance(value, bool) else str(getattr(value, "value", value))
