"""Rate limits: how many messages and calls of tools one person, one guest or one channel may have in a time.

Kept in memory: after a restart all counts begin anew.
"""

from __future__ import annotations

import math
from collections import OrderedDict, deque
from collections.abc import Iterator, Mapping
from typing import Any

from nanobot.contracts.policy import AGENT, Act, Asker, Judgement, Limited, Policy, Verdict
from nanobot.hub.hub import Hub
from nanobot.util.translate import translate

from .schema import SPANS

MOST = 10_000  # persons, channels and turns that are counted at a time
Limits = Mapping[str, Mapping[str, int]]
_Key = tuple[str, str, str]
"""Who is counted together (``person``, ``guest``, ``channel``), which of them, and what is counted."""


class RateLimits(Policy):
    """Counts what is let through; what is refused costs nothing and counts nothing."""

    def __init__(self, hub: Hub, name: str) -> None:
        super().__init__(name)
        self._hub = hub
        self._limits: Limits = {}
        self._times: OrderedDict[_Key, deque[float]] = OrderedDict()
        self._calls: OrderedDict[str, int] = OrderedDict()
        self._told: OrderedDict[str, float] = OrderedDict()

    def take(self, limits: Limits) -> None:
        """Take over a configuration."""
        self._limits = limits

    def limited(self, asker: Asker) -> Limited | None:
        """One polite sentence, then nothing until the limit lets messages through again."""
        now = self._hub.clock.time()
        keys = list(self._keys("messages", asker.person, asker.channel, owner=asker.owner))
        for key, most, span in keys:
            wait = self._wait(key, most, span, now)
            if wait is not None:
                if self._told.get(asker.person, 0.0) > now:
                    return Limited()
                self._told[asker.person] = now + wait
                _trim(self._told)
                return Limited(self._sentence(most, span, wait, asker.language))
        for key, _, _ in keys:
            self._count(key, now)
        return None

    def judge(self, act: Act) -> Judgement | None:
        if act.actor != AGENT or act.what != act.tool:  # a service that a tool calls is not another call
            return None
        now = self._hub.clock.time()
        keys = list(self._keys("tool_calls", act.person, act.channel, owner=act.owner))
        for key, most, span in keys:
            wait = self._wait(key, most, span, now)
            if wait is not None:
                return Judgement(Verdict.DENY, self._refusal("calls", most, span))
        most_of_turn = min((most for most in self._of("tool_calls_per_turn", owner=act.owner)), default=None)
        if most_of_turn is not None:
            if self._calls.get(act.turn, 0) >= most_of_turn:
                return Judgement(Verdict.DENY, self._refusal("calls_of_turn", most_of_turn, ""))
            self._calls[act.turn] = self._calls.get(act.turn, 0) + 1
            _trim(self._calls)
        for key, _, _ in keys:
            self._count(key, now)
        return None

    # -- inside -----------------------------------------------------------------------------------------

    def _keys(self, what: str, person: str, channel: str, *, owner: bool) -> Iterator[tuple[_Key, int, str]]:
        for who, which in (("person", person), ("guest", "" if owner else person), ("channel", channel)):
            for span in SPANS if which else ():
                most = self._limits.get(who, {}).get(f"{what}_per_{span}")
                if most is not None:
                    yield (who, which, f"{what}/{span}"), most, span

    def _of(self, key: str, *, owner: bool) -> Iterator[int]:
        for who in ("person", "channel") if owner else ("person", "guest", "channel"):
            if key in self._limits.get(who, {}):
                yield self._limits[who][key]

    def _wait(self, key: _Key, most: int, span: str, now: float) -> float | None:
        """Seconds until there is room again; None: there is."""
        times = self._times.get(key)
        if times is None:
            return None
        while times and times[0] <= now - SPANS[span]:
            times.popleft()
        return None if len(times) < most else max(1.0, times[-most] + SPANS[span] - now)

    def _count(self, key: _Key, now: float) -> None:
        self._times.setdefault(key, deque()).append(now)
        self._times.move_to_end(key)
        _trim(self._times)

    def _sentence(self, most: int, span: str, wait: float, language: str) -> str:
        if wait < 90:
            return translate(f"component.policy.limit.{span}_soon", language, most=most, seconds=math.ceil(wait))
        return translate(f"component.policy.limit.{span}", language, most=most, minutes=math.ceil(wait / 60))

    def _refusal(self, key: str, most: int, span: str) -> str:
        name = f"component.policy.limit.{key}" + (f"_{span}" if span else "")
        return translate(name, self._hub.language, most=most)


def _trim(known: OrderedDict[Any, Any]) -> None:
    while len(known) > MOST:
        known.popitem(last=False)
