"""One budget: what may be spent in a period, and what was."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from fnmatch import fnmatchcase
from typing import Any

from nanobot.contracts.meter import Spender, Spent
from nanobot.hub.collection import Helper
from nanobot.hub.context import Context
from nanobot.hub.entry import Entry
from nanobot.hub.issues import Severity
from nanobot.util.translate import translate

from .period import end_of

GROUPS = ("agent", "person", "channel", "origin", "model")
MOST_SHOWN = 20  # of those with a count of their own, in the attributes
MOST_COUNTED = 10_000
WARNED, USED_UP = 1, 2


@dataclass(slots=True)
class Count:
    """What was spent, in US dollars and tokens. ``told``: whether somebody was warned, and of what."""

    cost: float = 0.0
    tokens: int = 0
    told: int = 0


_NOTHING = Count()


class Budget(Helper):
    """Its state is the part that is used up, in percent; of those who have a count each, the one who used most."""

    def __init__(self, entry: Entry, key: str, config: Mapping[str, Any]) -> None:
        self._entry = entry
        self._counts: dict[str, Count] = {}
        self._under_way: dict[str, deque[Count]] = {}
        self._more = (0.0, 0)
        self._until = 0.0
        super().__init__("budget", key, config)

    def begin(self) -> None:
        self._until = self._end()

    def fit(self) -> None:
        self._under_way.clear()  # it may be for others now
        self._until = self._end()
        self._tell()

    def restore(self, last: Mapping[str, Any]) -> None:
        self._counts = {who: Count(*count) for who, count in last["counts"].items()}
        cost, tokens = last["more"]
        self._more, self._until = (cost, tokens), last["until"]
        self.roll()
        self._tell()

    def keep(self) -> Mapping[str, Any]:
        counts = {who: [count.cost, count.tokens, count.told] for who, count in self._counts.items()}
        return {"counts": counts, "more": list(self._more), "until": self._until}

    # -- spending -------------------------------------------------------------------------------

    def concerns(self, spender: Spender, model: str) -> bool:
        """Whether what is asked of that model on behalf of this one counts here."""
        for group in GROUPS:
            globs = self.config.get(group)
            if globs and not any(fnmatchcase(_value(spender, model, group), glob) for glob in globs):
                return False
        return True

    def refusal(self, spender: Spender, model: str) -> str | None:
        """Why no more may be spent, or None."""
        self.roll()
        who = self._who(spender, model)
        count = self._counts.get(who, _NOTHING)
        under_way = self._under_way.get(who, ())
        cost = count.cost + sum(one.cost for one in under_way)
        tokens = count.tokens + sum(one.tokens for one in under_way)
        if self._used(Count(cost, tokens)) < 100:
            return None
        language = self._entry.hub.language
        return translate(
            f"component.budget.chat.{'used_up' if self._used(count) >= 100 else 'taken'}",
            language,
            name=self.name or self.key,
            limit=self._limit(language),
            when=self._opens(language),
        )

    def begun(self, spender: Spender, model: str, expected: Count) -> None:
        """A request is under way: what it will take at least counts already, so that many at once find the limit."""
        self._under_way.setdefault(self._who(spender, model), deque()).append(expected)

    def spent(self, spent: Spent) -> None:
        """Count it."""
        self.roll()
        who = self._who(spent.spender, spent.model)
        self._end_of(who, spent.expected)
        if who not in self._counts and len(self._counts) >= MOST_COUNTED:
            self._counts.pop(min(self._counts, key=lambda one: self._used(self._counts[one])))
        count = self._counts.setdefault(who, Count())
        count.cost += spent.cost or 0.0
        count.tokens += spent.prompt + spent.completion
        self._tell()
        self.changed()

    def roll(self) -> None:
        """Begin to count anew when the period is over. A clock that was set neither opens a budget nor closes it for
        longer than a period."""
        now = self._entry.hub.clock.time()
        if now < self._until and self._until - now < 25 * 3600:
            return
        if now >= self._until:
            self._counts.clear()
            self._more = (0.0, 0)
            self._until = self._end()
            self.withdraw()
            self.changed()
        else:
            self._until = self._end()

    # -- services -------------------------------------------------------------------------------

    def reset(self, context: Context | None) -> None:
        """Service."""
        self._counts.clear()
        self._more = (0.0, 0)
        self._tell()
        self.changed(context)

    def raise_by(self, cost: float, tokens: int, context: Context | None) -> None:
        """Service: allow more until the period ends."""
        self._more = (self._more[0] + cost, self._more[1] + tokens)
        self._tell()
        self.changed(context)

    def withdraw(self) -> None:
        """There is nothing to tell of it any more."""
        for level in ("warning", "used_up"):
            self._entry.hub.issues.resolve(self._issue(level))

    # -- what it shows --------------------------------------------------------------------------

    @property
    def state(self) -> str:
        return f"{self.percent():.1f}"

    @property
    def attributes(self) -> Mapping[str, Any]:
        fullest = max(self._counts.values(), key=self._used, default=Count())
        cost, tokens = self.limits()
        shown: dict[str, Any] = {
            "editable": False,
            "unit_of_measurement": "%",
            "period": self.config["period"],
            "period_end": datetime.fromtimestamp(self._until, self._entry.hub.clock.zone).isoformat(),
            "warned": self.percent() >= self.config["warn_at"],
            "used_up": self.percent() >= 100,
            "cost": round(fullest.cost, 6),
            "tokens": fullest.tokens,
        }
        if cost is not None:
            shown |= {"cost_limit": cost, "cost_remaining": round(max(0.0, cost - fullest.cost), 6)}
        if tokens is not None:
            shown |= {"tokens_limit": tokens, "tokens_remaining": max(0, tokens - fullest.tokens)}
        if "per" in self.config:
            most = sorted(self._counts, key=lambda who: -self._used(self._counts[who]))[:MOST_SHOWN]
            shown["per"] = self.config["per"]
            shown["by"] = {who: round(self._used(self._counts[who]), 1) for who in most}
        return shown

    def percent(self) -> float:
        """Of the fullest count."""
        return max(map(self._used, self._counts.values()), default=0.0)

    def limits(self) -> tuple[float | None, int | None]:
        """US dollars and tokens that may be spent in this period; None: as much as anybody likes."""
        cost, tokens = self.config.get("cost"), self.config.get("tokens")
        return (
            None if cost is None else round(cost + self._more[0], 6),
            None if tokens is None else tokens + self._more[1],
        )

    # -- inside ---------------------------------------------------------------------------------

    def _end_of(self, who: str, expected: int) -> None:
        under_way = self._under_way.get(who)
        if under_way is None:
            return
        ended = next((one for one in under_way if one.tokens == expected), under_way[0])
        under_way.remove(ended)
        if not under_way:
            del self._under_way[who]

    def _who(self, spender: Spender, model: str) -> str:
        return _value(spender, model, self.config["per"]) if "per" in self.config else ""

    def _used(self, count: Count) -> float:
        cost, tokens = self.limits()
        return 100 * max(count.cost / cost if cost else 0.0, count.tokens / tokens if tokens else 0.0)

    def _end(self) -> float:
        return end_of(self.config["period"], self._entry.hub.clock.now())

    def _tell(self) -> None:
        """Warn once for each count, and for as long as it is so show it as an issue."""
        levels = [self._told(who, count) for who, count in self._counts.items()]
        for level, key in ((WARNED, "warning"), (USED_UP, "used_up")):
            if max(levels, default=0) == level:
                self._show(key)
            else:
                self._entry.hub.issues.resolve(self._issue(key))

    def _told(self, who: str, count: Count) -> int:
        used = self._used(count)
        level = USED_UP if used >= 100 else WARNED if used >= self.config["warn_at"] else 0
        if level > count.told:
            data = {
                "entity_id": self.entity_id,
                "name": self.name or self.key,
                "percent": round(used, 1),
                "cost": round(count.cost, 6),
                "tokens": count.tokens,
                "of": who or None,
            }
            hub = self._entry.hub
            if count.told < WARNED:
                hub.bus.fire("budget_warning", data)
            if level == USED_UP:
                hub.bus.fire("budget_used_up", data)
        count.told = level
        return level

    def _issue(self, key: str) -> str:
        return f"{self._entry.id}.{key}.{self.key}"

    def _show(self, key: str) -> None:
        hub = self._entry.hub
        hub.issues.create(
            self._issue(key),
            f"component.budget.issues.{key}",
            severity=Severity.WARNING,
            entry=self._entry.id,
            name=self.name or self.key,
            percent=f"{self.config['warn_at']:g}",
            limit=self._limit(hub.language),
            when=self._opens(hub.language),
            entity_id=self.entity_id,
        )

    def _limit(self, language: str) -> str:
        cost, tokens = self.limits()
        parts = [] if cost is None else [f"${cost:,.2f}" if cost >= 0.01 else f"${cost:g}"]
        if tokens is not None:
            parts.append(translate("component.budget.chat.tokens", language, count=f"{tokens:,}"))
        each = translate(f"component.budget.chat.per_{self.config['period']}", language)
        return f"{' / '.join(parts)} {each}"

    def _opens(self, language: str) -> str:
        moment = datetime.fromtimestamp(self._until, self._entry.hub.clock.zone)
        return f"{moment:%Y-%m-%d %H:%M}"


def _value(spender: Spender, model: str, group: str) -> str:
    return model if group == "model" else str(getattr(spender, group))
