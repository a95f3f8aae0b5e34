"""The rules: the first one that fits decides, from top to bottom."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

from nanobot.contracts.policy import AGENT, Act, Judgement, Policy, Verdict
from nanobot.hub.hub import Hub
from nanobot.util.translate import translate

from .schema import RISKY

Rule = Mapping[str, Any]
_FITS: Mapping[str, Callable[[Any, Act], bool]] = {
    "tool": lambda wanted, act: act.what == act.tool and _any(wanted, act.tool),
    "service": lambda wanted, act: act.what != act.tool and _any(wanted, act.what),
    "risk": lambda wanted, act: act.risk in wanted,
    "agent": lambda wanted, act: _any(wanted, act.agent),
    "person": lambda wanted, act: _any(wanted, act.person),
    "owner": lambda wanted, act: act.owner is wanted,
    "channel": lambda wanted, act: _any(wanted, act.channel),
    "chat": lambda wanted, act: act.chat in wanted,
    "tainted": lambda wanted, act: act.tainted is wanted,
    "actor": lambda wanted, act: act.actor in wanted,
}


class Rules(Policy):
    """What the person who runs nanobot has written: their word stands in place of the default rules."""

    loosens = True

    def __init__(self, hub: Hub, name: str) -> None:
        super().__init__(name)
        self._hub = hub
        self._rules: Sequence[Rule] = ()

    def take(self, rules: Sequence[Rule]) -> None:
        """Take over a configuration."""
        self._rules = rules
        self.actors = frozenset({AGENT}).union(*(rule["actor"] for rule in rules))

    def judge(self, act: Act) -> Judgement | None:
        for number, rule in enumerate(self._rules, 1):
            if all(fits(rule[key], act) for key, fits in _FITS.items() if key in rule):
                return self._judgement(number, rule, act)
        return None

    def _judgement(self, number: int, rule: Rule, act: Act) -> Judgement:
        verdict = rule["verdict"]
        if verdict is Verdict.ALLOW:
            if not act.tainted or "tainted" in rule or act.risk not in RISKY:
                return Judgement(verdict)
            # what was allowed was not allowed to strangers
            return Judgement(Verdict.ASK, self._say("tainted", number, act))
        return Judgement(verdict, rule.get("reason") or self._say(verdict.word, number, act))

    def _say(self, key: str, number: int, act: Act) -> str:
        return translate(f"component.policy.rule.{key}", self._hub.language, number=number, what=act.what)


def _any(globs: Collection[str], name: str) -> bool:
    return any(fnmatchcase(name, glob) for glob in globs)
